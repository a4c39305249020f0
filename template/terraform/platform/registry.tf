variable "registry_name" {
  description = "Azure Container Registry, unique in all of Azure."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9]{5,50}$", var.registry_name))
    error_message = "Give 5 to 50 letters and digits."
  }
}

variable "registry_sku" {
  description = "Standard, or Premium for zone redundancy and removal of untagged images."
  type        = string

  validation {
    condition     = contains(["Standard", "Premium"], var.registry_sku)
    error_message = "Give Standard or Premium."
  }
}

locals {
  registry_is_premium = var.registry_sku == "Premium"
}

resource "azurerm_container_registry" "this" {
  #checkov:skip=CKV_AZURE_139: hosted CI runners push from outside the network; Entra ID decides who may
  #checkov:skip=CKV_AZURE_164: content trust was removed from the service and from azurerm 5
  #checkov:skip=CKV_AZURE_165: one region; the cluster is in one region as well
  #checkov:skip=CKV_AZURE_166: quarantine needs a scanner that releases the images
  #checkov:skip=CKV_AZURE_233: set for the Premium tier with zones, the only one that has it
  #checkov:skip=CKV_AZURE_237: dedicated data endpoints serve clients behind a firewall
  name                   = var.registry_name
  resource_group_name    = azurerm_resource_group.this.name
  location               = azurerm_resource_group.this.location
  sku                    = var.registry_sku
  admin_enabled          = false
  anonymous_pull_enabled = false
  tags                   = local.tags

  zone_redundancy_enabled  = local.registry_is_premium && length(var.zones) > 0
  retention_policy_in_days = local.registry_is_premium ? 30 : null
}

# The kubelet pulls, so it is the kubelet's identity that needs the right: the control plane's would not help.
resource "azurerm_role_assignment" "kubelet_pull" {
  scope                            = azurerm_container_registry.this.id
  role_definition_name             = "AcrPull"
  principal_id                     = azurerm_user_assigned_identity.kubelet.principal_id
  skip_service_principal_aad_check = true
}

# The pipeline that builds images. It can push, and nothing else.
resource "azurerm_role_assignment" "ci_push" {
  scope                            = azurerm_container_registry.this.id
  role_definition_name             = "AcrPush"
  principal_id                     = azurerm_user_assigned_identity.ci_push.principal_id
  skip_service_principal_aad_check = true
}
