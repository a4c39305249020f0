run "the_control_plane_may_use_the_subnet" {
  command = plan

  assert {
    condition     = azurerm_subnet.load_balancers.name == "load-balancers"
    error_message = "Git names the subnet."
  }

  assert {
    condition     = azurerm_role_assignment.cluster_load_balancers.role_definition_name == "Network Contributor"
    error_message = "The control plane puts load balancers into it."
  }
}

run "a_subnet_that_is_none_is_refused" {
  command = plan

  variables {
    load_balancers_subnet = "10.100.4"
  }

  expect_failures = [var.load_balancers_subnet]
}
