variable "key_vault_purge_protection" {
  description = "Keeps a deleted vault for its full retention: nobody can purge it, and its name stays taken."
  type        = bool
}

locals {
  key_vault_id = azurerm_key_vault.this.id
}

resource "azurerm_key_vault" "this" {
  #checkov:skip=CKV_AZURE_42: purge protection follows var.key_vault_purge_protection, on for production
  #checkov:skip=CKV_AZURE_109: secrets are written from CI runners outside the network; Entra ID decides who may
  #checkov:skip=CKV_AZURE_110: purge protection follows var.key_vault_purge_protection, on for production
  #checkov:skip=CKV_AZURE_189: secrets are written from CI runners outside the network; Entra ID decides who may
  #checkov:skip=CKV2_AZURE_32: secrets are written from CI runners outside the network
  name                = var.key_vault_name
  resource_group_name = local.resource_group.name
  location            = var.location
  tenant_id           = data.azurerm_client_config.current.tenant_id
  sku_name            = "standard"
  tags                = local.tags

  rbac_authorization_enabled = true
  purge_protection_enabled   = var.key_vault_purge_protection
  soft_delete_retention_days = var.key_vault_purge_protection ? 90 : 7

  lifecycle {
    # scripts/down, which asks first, lifts this.
    prevent_destroy = true

    # Azure takes it once.
    ignore_changes = [soft_delete_retention_days]
  }
}

# Who read or wrote which secret.
resource "azurerm_monitor_diagnostic_setting" "key_vault" {
  name                       = "audit"
  target_resource_id         = local.key_vault_id
  log_analytics_workspace_id = local.log_analytics_id

  enabled_log {
    category = "AuditEvent"
  }
}
