run "the_cluster_is_looked_at_and_not_made" {
  command = plan

  assert {
    condition     = data.azurerm_kubernetes_cluster.this.name == var.cluster_name && length(fileset(path.module, "{cluster,node_pools,network}.tf")) == 0
    error_message = "Cluster, nodes and network are their owner's."
  }
}

run "roles_are_at_the_cluster_alone" {
  command = plan

  variables {
    operator_object_ids = ["55555555-5555-5555-5555-555555555555"]
  }

  assert {
    condition = alltrue([
      for role in concat(
        [azurerm_role_assignment.first_operator_cluster],
        values(azurerm_role_assignment.operator_cluster),
        [for name in ["apply_cluster", "plan_cluster"] : azurerm_role_assignment.ci[name]],
      ) : role.scope == data.azurerm_kubernetes_cluster.this.id
    ])
    error_message = "Its resource group holds what is not ours."
  }
}

run "local_accounts_are_refused" {
  command = plan

  override_data {
    target = data.azurerm_kubernetes_cluster.this
    values = { kube_admin_config_raw = "certificate" }
  }

  expect_failures = [data.azurerm_kubernetes_cluster.this]
}

run "a_cluster_that_takes_no_roles_of_azure_is_refused" {
  command = plan

  override_data {
    target = data.azurerm_kubernetes_cluster.this
    values = { azure_active_directory_role_based_access_control = [] }
  }

  expect_failures = [data.azurerm_kubernetes_cluster.this]
}

run "a_cluster_without_an_issuer_is_refused" {
  command = plan

  override_data {
    target = data.azurerm_kubernetes_cluster.this
    values = { oidc_issuer_enabled = false }
  }

  expect_failures = [data.azurerm_kubernetes_cluster.this]
}

run "a_cluster_of_another_name_is_refused" {
  command = plan

  variables {
    cluster_name = "another"
  }

  expect_failures = [data.azurerm_kubernetes_cluster.this]
}
