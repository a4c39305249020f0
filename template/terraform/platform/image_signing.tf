# The key that signs images. It never leaves the vault: whoever signs asks the vault to.
resource "azurerm_key_vault_key" "image_signing" {
  #checkov:skip=CKV_AZURE_40: an expired key would stop every release; it is renewed by a new version
  #checkov:skip=CKV_AZURE_112: a key in hardware takes a premium vault
  name         = "image-signing"
  key_vault_id = local.key_vault_id
  key_type     = "EC"
  curve        = "P-256"
  key_opts     = ["sign", "verify"]
  tags         = local.tags

  depends_on = [time_sleep.key_roles_honoured, time_sleep.roles_honoured]
}

resource "azurerm_role_assignment" "ci_push_signs" {
  scope                            = azurerm_key_vault_key.image_signing.resource_versionless_id
  role_definition_name             = "Key Vault Crypto User"
  principal_id                     = azurerm_user_assigned_identity.ci_push.principal_id
  skip_service_principal_aad_check = true
}

# Who runs Terraform makes the key. As in operators.tf, the first one stays whoever applies later.
resource "azurerm_role_assignment" "first_operator_keys" {
  scope                = local.key_vault_id
  role_definition_name = "Key Vault Crypto Officer"
  principal_id         = data.azurerm_client_config.current.object_id

  lifecycle {
    ignore_changes = [principal_id, principal_type]
  }
}

resource "azurerm_role_assignment" "operator_keys" {
  for_each = var.operator_object_ids

  scope                = local.key_vault_id
  role_definition_name = "Key Vault Crypto Officer"
  principal_id         = each.value
}

resource "azurerm_role_assignment" "ci_apply_keys" {
  scope                            = local.key_vault_id
  role_definition_name             = "Key Vault Crypto Officer"
  principal_id                     = azurerm_user_assigned_identity.ci["apply"].principal_id
  skip_service_principal_aad_check = true
}

resource "time_sleep" "key_roles_honoured" {
  create_duration = "120s"

  depends_on = [azurerm_role_assignment.first_operator_keys]
}
