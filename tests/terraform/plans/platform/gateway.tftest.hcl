run "the_address_stays_the_same" {
  command = plan

  assert {
    condition     = azurerm_public_ip.gateway.allocation_method == "Static" && azurerm_public_ip.gateway.sku == "Standard"
    error_message = "DNS records point to it."
  }

  assert {
    condition     = azurerm_public_ip.gateway.resource_group_name == local.resource_group.name
    error_message = "In the nodes' group it would go with the cluster."
  }
}

run "the_address_has_the_name_that_git_knows" {
  command = plan

  variables {
    gateway_address_name = "pip-shop"
  }

  assert {
    condition     = azurerm_public_ip.gateway.name == "pip-shop"
    error_message = "The Gateway in Git finds the address by its name."
  }
}

run "the_address_outlives_a_zone_where_nodes_do" {
  command = plan

  variables {
    zones = ["1", "2", "3"]
  }

  assert {
    condition     = length(azurerm_public_ip.gateway.zones) == 3
    error_message = "The address must be in every zone that nodes are in."
  }
}

run "the_control_plane_may_use_this_address_and_read_the_rest" {
  command = plan

  assert {
    condition     = azurerm_role_assignment.cluster_address.role_definition_name == "Network Contributor"
    error_message = "Tying the address to the load balancer needs the Network Contributor role on it."
  }

  assert {
    condition     = azurerm_role_assignment.cluster_addresses.role_definition_name == "Reader"
    error_message = "Finding the address needs no more than reading."
  }
}

run "an_address_name_that_azure_refuses_is_refused" {
  command = plan

  variables {
    gateway_address_name = "-gateway"
  }

  expect_failures = [var.gateway_address_name]
}
