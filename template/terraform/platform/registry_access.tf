# The registry of all clusters, which ../registry makes; here this cluster gets its right to pull from it.
variable "registry_name" {
  description = "Azure Container Registry that all clusters pull from."
  type        = string
}

variable "registry_resource_group_name" {
  description = "Resource group of the registry."
  type        = string
}

locals {
  # Written out: reading the registry would take a right on it from the identity that plans.
  registry_id = join("/", [
    "/subscriptions/${data.azurerm_client_config.current.subscription_id}",
    "resourceGroups/${var.registry_resource_group_name}",
    "providers/Microsoft.ContainerRegistry/registries/${var.registry_name}",
  ])

  # https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/containers
  acr_pull = "7f951dda-4ed3-4680-a7ca-43fe172d538d"
}

# Apply keeps that assignment, on a registry that is not its own: it may give and take the right to pull, nothing else.
resource "azurerm_role_assignment" "ci_apply_grants_pull" {
  scope                            = local.registry_id
  role_definition_name             = "Role Based Access Control Administrator"
  principal_id                     = azurerm_user_assigned_identity.ci["apply"].principal_id
  skip_service_principal_aad_check = true
  condition_version                = "2.0"
  condition                        = <<-EOT
    (
      !(ActionMatches{'Microsoft.Authorization/roleAssignments/write'})
      OR @Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {${local.acr_pull}}
    )
    AND
    (
      !(ActionMatches{'Microsoft.Authorization/roleAssignments/delete'})
      OR @Resource[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {${local.acr_pull}}
    )
  EOT
}
