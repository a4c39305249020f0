run "the_api_server_has_no_public_address" {
  command = plan

  assert {
    condition     = azurerm_kubernetes_cluster.this.private_cluster_enabled
    error_message = "The API must be reached from the network only."
  }

  assert {
    condition     = azurerm_kubernetes_cluster.this.api_server_access_profile[0].virtual_network_integration_enabled
    error_message = "The API server must be in the virtual network."
  }

  assert {
    condition     = strcontains(file("${path.module}/cluster.tf"), "subnet_id                           = azurerm_subnet.api_server.id")
    error_message = "The API server must be in its own subnet."
  }
}

run "its_name_is_known_in_every_network" {
  command = plan

  assert {
    condition     = azurerm_kubernetes_cluster.this.private_dns_zone_id == "None" && azurerm_kubernetes_cluster.this.private_cluster_public_fqdn_enabled
    error_message = "A private zone would have to be linked to each network that has a way in."
  }
}

run "the_subnet_is_handed_to_aks" {
  command = plan

  assert {
    condition     = azurerm_subnet.api_server.delegation[0].service_delegation[0].name == "Microsoft.ContainerService/managedClusters"
    error_message = "AKS refuses a subnet that is not delegated to it."
  }

  assert {
    condition     = azurerm_role_assignment.cluster_api_server.role_definition_name == "Network Contributor"
    error_message = "The control plane puts its load balancer into the subnet."
  }

  assert {
    condition     = strcontains(file("${path.module}/cluster.tf"), "azurerm_role_assignment.cluster_api_server,")
    error_message = "The right must be there before the cluster."
  }
}

run "ranges_of_public_addresses_are_refused" {
  command = plan

  variables {
    api_server_authorized_ip_ranges = ["203.0.113.0/24"]
  }

  expect_failures = [azurerm_subnet.api_server]
}

run "too_small_a_subnet_is_refused" {
  command = plan

  variables {
    api_server_subnet = "10.100.4.32/29"
  }

  expect_failures = [var.api_server_subnet]
}
