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

run "nodes_live_in_the_virtual_network" {
  command = plan

  assert {
    condition     = azurerm_subnet.nodes.virtual_network_name == azurerm_virtual_network.this.name
    error_message = "The nodes' subnet must be part of the virtual network."
  }

  assert {
    condition     = tolist(azurerm_subnet.nodes.address_prefixes) == tolist([var.network.nodes])
    error_message = "The subnet must have the range of network.nodes."
  }
}

run "pods_and_services_have_ranges_of_their_own" {
  command = plan

  assert {
    condition     = azurerm_kubernetes_cluster.this.network_profile[0].pod_cidr == var.network.pods
    error_message = "Pods must have the range of network.pods."
  }

  assert {
    condition     = azurerm_kubernetes_cluster.this.network_profile[0].service_cidr == var.network.services
    error_message = "Services must have the range of network.services."
  }
}

run "the_dns_service_lies_in_the_services_range" {
  command = plan

  variables {
    network = { services = "10.20.0.0/16" }
  }

  assert {
    condition     = azurerm_kubernetes_cluster.this.network_profile[0].dns_service_ip == "10.20.0.10"
    error_message = "The DNS service must have the tenth address of the services' range."
  }
}

run "pods_overlapping_the_virtual_network_are_refused" {
  command = plan

  variables {
    network = { pods = "10.96.0.0/12" }
  }

  expect_failures = [var.network]
}

run "services_overlapping_the_pods_are_refused" {
  command = plan

  variables {
    network = { services = "10.244.128.0/20" }
  }

  expect_failures = [var.network]
}

run "nodes_outside_the_virtual_network_are_refused" {
  command = plan

  variables {
    network = { nodes = "10.101.0.0/22" }
  }

  expect_failures = [var.network]
}

run "ranges_that_aks_keeps_for_itself_are_refused" {
  command = plan

  variables {
    network = { pods = "172.16.0.0/12" }
  }

  expect_failures = [var.network]
}

run "they_are_refused_for_the_virtual_network_too" {
  command = plan

  variables {
    network = { address_space = "172.30.0.0/15", nodes = "172.31.0.0/22" }
  }

  expect_failures = [var.network]
}

run "a_range_that_is_none_is_refused" {
  command = plan

  variables {
    network = { pods = "10.244.0.0" }
  }

  expect_failures = [var.network]
}

run "a_subnet_too_small_for_all_nodes_is_refused" {
  command = plan

  variables {
    network = { nodes = "10.100.0.0/29" }
  }

  expect_failures = [azurerm_subnet.nodes]
}

run "a_pod_range_too_small_for_all_nodes_is_refused" {
  command = plan

  variables {
    network = { pods = "10.244.0.0/22" }
  }

  expect_failures = [azurerm_subnet.nodes]
}
