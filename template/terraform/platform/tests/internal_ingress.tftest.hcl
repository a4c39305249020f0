mock_provider "azurerm" {
  mock_data "azurerm_client_config" {
    defaults = {
      tenant_id       = "11111111-1111-1111-1111-111111111111"
      subscription_id = "22222222-2222-2222-2222-222222222222"
      client_id       = "33333333-3333-3333-3333-333333333333"
      object_id       = "44444444-4444-4444-4444-444444444444"
    }
  }
}

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
