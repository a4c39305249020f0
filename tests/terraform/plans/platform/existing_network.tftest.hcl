run "nodes_live_in_the_subnet_that_was_there" {
  command = plan

  assert {
    condition = alltrue([
      for subnet in [
        azurerm_kubernetes_cluster.this.default_node_pool[0].vnet_subnet_id,
        azurerm_kubernetes_cluster_node_pool.apps.vnet_subnet_id,
        azurerm_role_assignment.cluster_network.scope,
      ] : subnet == var.existing.subnet
    ])
    error_message = "Both pools must be in the subnet, and the control plane must have its role on it."
  }
}

run "pods_that_overlap_the_services_are_refused" {
  command = plan

  variables {
    network = { pods = "10.200.0.0/15" }
  }

  expect_failures = [var.network]
}

run "ranges_of_aks_itself_are_refused" {
  command = plan

  variables {
    network = { services = "172.30.0.0/20" }
  }

  expect_failures = [var.network]
}
