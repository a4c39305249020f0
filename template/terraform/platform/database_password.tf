variable "database_password_version" {
  description = "Raise it to make new passwords; Postgres must then be told (ALTER ROLE), since it keeps the first."
  type        = number
  default     = 1
}

# An ephemeral value lives for the length of one run: neither the plan nor the state ever holds it.
ephemeral "random_password" "database" {
  for_each = toset(var.environments)

  length  = 32
  special = false # goes into connection strings as it is
}

resource "azurerm_key_vault_secret" "database_password" {
  #checkov:skip=CKV_AZURE_41: an expired password would stop the application; it is changed with var.database_password_version
  for_each = toset(var.environments)

  name             = "${each.key}-database-password"
  key_vault_id     = azurerm_key_vault.this.id
  content_type     = "text/plain"
  value_wo         = ephemeral.random_password.database[each.key].result
  value_wo_version = var.database_password_version

  depends_on = [time_sleep.roles_honoured]
}
