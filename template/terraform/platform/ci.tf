# What the pipelines may do. One identity for each purpose, each bound to the one kind of run that needs it: a signed
# token names the run, Entra ID takes it in exchange, and no credential is stored anywhere.
locals {
  state_container_id = join("/", [
    "/subscriptions/${data.azurerm_client_config.current.subscription_id}",
    "resourceGroups/${var.state.resource_group_name}",
    "providers/Microsoft.Storage/storageAccounts/${var.state.storage_account_name}",
    "blobServices/default/containers/${var.state.container_name}",
  ])

  # Plan sees what is there, reads the state and may ask for the cluster's address, where it may do nothing. Secrets are out
  # of its reach, so it plans with -refresh=false.
  # Apply changes what the resource group holds.
  ci_roles = {
    plan_group    = { identity = "plan", role = "Reader", scope = local.resource_group.id }
    plan_cluster  = { identity = "plan", role = "Azure Kubernetes Service Cluster User Role", scope = local.cluster.id }
    plan_state    = { identity = "plan", role = "Storage Blob Data Reader", scope = local.state_container_id }
    apply_group   = { identity = "apply", role = "Contributor", scope = local.resource_group.id }
    apply_state   = { identity = "apply", role = "Storage Blob Data Contributor", scope = local.state_container_id }
    apply_roles   = { identity = "apply", role = "Reader", scope = local.state_container_id }
    apply_secrets = { identity = "apply", role = "Key Vault Secrets Officer", scope = local.key_vault_id }
    apply_cluster = { identity = "apply", role = "Azure Kubernetes Service RBAC Cluster Admin", scope = local.cluster.id }
  }

  # https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/privileged
  privileged_roles = join(", ", [
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635", # Owner
    "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9", # User Access Administrator
    "f58310d9-a9f6-439a-9e8d-f62e7b41a168", # Role Based Access Control Administrator
  ])
}

resource "azurerm_user_assigned_identity" "ci" {
  for_each = local.ci_subjects

  name                = "${var.names.identities}-ci-${each.key}"
  resource_group_name = local.resource_group.name
  location            = var.location
  tags                = local.tags
}

resource "azurerm_federated_identity_credential" "ci" {
  for_each = local.ci_subjects

  name                      = "${local.ci_system}-${each.key}"
  user_assigned_identity_id = azurerm_user_assigned_identity.ci[each.key].id
  issuer                    = local.ci_issuer
  subject                   = each.value
  audience                  = ["api://AzureADTokenExchange"]
}

resource "azurerm_role_assignment" "ci" {
  for_each = merge(local.ci_roles, local.ci_deploy_roles)

  scope                            = each.value.scope
  role_definition_name             = each.value.role
  principal_id                     = azurerm_user_assigned_identity.ci[each.value.identity].principal_id
  skip_service_principal_aad_check = true
}

# Apply hands out the roles of this root, but none with which it, or anyone, could raise itself.
resource "azurerm_role_assignment" "ci_apply_grants" {
  scope                            = local.resource_group.id
  role_definition_name             = "Role Based Access Control Administrator"
  principal_id                     = azurerm_user_assigned_identity.ci["apply"].principal_id
  skip_service_principal_aad_check = true
  condition_version                = "2.0"
  condition                        = <<-EOT
    (
      !(ActionMatches{'Microsoft.Authorization/roleAssignments/write'})
      OR @Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAllValues:GuidNotEquals {${local.privileged_roles}}
    )
    AND
    (
      !(ActionMatches{'Microsoft.Authorization/roleAssignments/delete'})
      OR @Resource[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAllValues:GuidNotEquals {${local.privileged_roles}}
    )
  EOT
}
