run "the_control_plane_has_an_identity_of_its_own" {
  command = plan

  assert {
    condition     = local.cluster.identity[0].type == "UserAssigned"
    error_message = "The identity must exist before the cluster, to have its right on the subnet."
  }

  assert {
    condition     = azurerm_role_assignment.cluster_network.role_definition_name == "Network Contributor"
    error_message = "Load balancers in the subnet need the Network Contributor role."
  }
}

run "two_groups_of_one_name_are_refused" {
  command = plan

  variables {
    names = {
      resource_group      = "rg-shop"
      node_resource_group = "RG-shop"
      identities          = "id-shop"
    }
  }

  expect_failures = [var.names]
}

run "audit_logs_are_kept" {
  command = plan

  assert {
    condition     = contains([for log in azurerm_monitor_diagnostic_setting.cluster.enabled_log : log.category], "kube-audit-admin")
    error_message = "Who changed what in the cluster must be logged."
  }
}

run "the_cluster_goes_before_its_rights" {
  command = plan

  assert {
    condition = length(setsubtract(
      flatten([for name in fileset(path.module, "*.tf") : regexall("resource \"azurerm_role_assignment\" \"(cluster_\\w+)\"", file("${path.module}/${name}"))]),
      flatten([for name in fileset(path.module, "*cluster.tf") : regexall("azurerm_role_assignment\\.(cluster_\\w+),\n", file("${path.module}/${name}"))]),
    )) == 0
    error_message = "An address or a subnet that a load balancer still uses can't be deleted."
  }
}
