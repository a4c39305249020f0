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

run "pods_overlapping_the_virtual_network_are_refused" {
  command = plan

  variables {
    network = { pods = "10.96.0.0/12" }
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

run "they_are_refused_for_the_virtual_network_too" {
  command = plan

  variables {
    network = { address_space = "172.30.0.0/15", nodes = "172.31.0.0/22" }
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
