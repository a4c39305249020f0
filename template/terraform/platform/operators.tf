# Who applies from a machine of their own. Owning the subscription gives no right to secrets, to the Kubernetes API or to the
# state: those are granted here.
#
# The first one to apply is recorded once and stays, whoever applies later: without `ignore_changes` a run by CI would
# take the rights from the person, and the next run by the person would take them from CI.
resource "azurerm_role_assignment" "first_operator_secrets" {
  scope                = azurerm_key_vault.this.id
  role_definition_name = "Key Vault Secrets Officer"
  principal_id         = data.azurerm_client_config.current.object_id

  lifecycle {
    ignore_changes = [principal_id, principal_type]
  }
}

resource "azurerm_role_assignment" "first_operator_cluster" {
  scope                = azurerm_kubernetes_cluster.this.id
  role_definition_name = "Azure Kubernetes Service RBAC Cluster Admin"
  principal_id         = data.azurerm_client_config.current.object_id

  lifecycle {
    ignore_changes = [principal_id, principal_type]
  }
}

# For the whole group, which holds one vault and one cluster: Azure refuses the same role at the same scope twice, and the
# first one to apply may be named here too.
resource "azurerm_role_assignment" "operator_secrets" {
  for_each = var.operator_object_ids

  scope                = azurerm_resource_group.this.id
  role_definition_name = "Key Vault Secrets Officer"
  principal_id         = each.value
}

resource "azurerm_role_assignment" "operator_cluster" {
  for_each = var.operator_object_ids

  scope                = azurerm_resource_group.this.id
  role_definition_name = "Azure Kubernetes Service RBAC Cluster Admin"
  principal_id         = each.value
}

resource "azurerm_role_assignment" "operator_state" {
  for_each = var.operator_object_ids

  scope                = local.state_container_id
  role_definition_name = "Storage Blob Data Contributor"
  principal_id         = each.value
}

# Azure takes up to a few minutes until a new role is honoured everywhere. Secrets are written after this pause, and
# the next root, which needs the Kubernetes API, runs after it as well.
resource "time_sleep" "roles_honoured" {
  create_duration = "120s"

  depends_on = [
    azurerm_role_assignment.first_operator_cluster,
    azurerm_role_assignment.first_operator_secrets,
  ]
}
