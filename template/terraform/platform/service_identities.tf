variable "service_identities" {
  description = "Services and jobs that sign in to Azure; each has an identity of its own in every environment."
  type        = set(string)
}

# What services may do in Azure, in every environment: nothing that does not stand here, as a role on a single resource.
locals {
  service_roles = {
    # "web writes pictures" = {
    #   service = "web"
    #   role    = "Storage Blob Data Contributor"
    #   scope   = { for environment in var.environments : environment => azurerm_storage_container.pictures[environment].id }
    # }
  }
}

locals {
  service_identities = {
    for pair in setproduct(var.environments, var.service_identities) :
    "${pair[0]}-${pair[1]}" => { environment = pair[0], service = pair[1] }
  }

  service_grants = merge([
    for what, grant in local.service_roles : {
      for environment, scope in grant.scope :
      "${environment}: ${what}" => { identity = "${environment}-${grant.service}", role = grant.role, scope = scope }
    }
  ]...)
}

resource "azurerm_user_assigned_identity" "service" {
  for_each = local.service_identities

  name                = "${var.names.identities}-${each.key}"
  resource_group_name = local.resource_group.name
  location            = var.location
  tags                = local.tags
}

# Only pods of this service account, in the namespace of this environment, are taken for it.
resource "azurerm_federated_identity_credential" "service" {
  for_each = local.service_identities

  name                      = "service"
  user_assigned_identity_id = azurerm_user_assigned_identity.service[each.key].id
  issuer                    = local.cluster.oidc_issuer_url
  subject                   = "system:serviceaccount:${var.project_name}-${each.value.environment}:${each.value.service}"
  audience                  = ["api://AzureADTokenExchange"]
}

resource "azurerm_role_assignment" "service" {
  for_each = local.service_grants

  scope                            = each.value.scope
  role_definition_name             = each.value.role
  principal_id                     = azurerm_user_assigned_identity.service[each.value.identity].principal_id
  skip_service_principal_aad_check = true
}

# No secret, but known only once it is made: by this entry pods learn who they are.
resource "azurerm_key_vault_secret" "service_identity" {
  #checkov:skip=CKV_AZURE_41: the id of an identity does not expire
  for_each = local.service_identities

  name         = "${each.key}-azure-client-id"
  key_vault_id = local.key_vault_id
  content_type = "text/plain"
  tags         = local.tags
  value        = azurerm_user_assigned_identity.service[each.key].client_id

  depends_on = [time_sleep.roles_honoured]
}
