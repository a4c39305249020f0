run "roles_decide_who_reads_the_vault" {
  command = plan

  assert {
    condition     = azurerm_key_vault.this.rbac_authorization_enabled
    error_message = "Access policies must not be used."
  }
}

run "a_protected_vault_can_not_be_purged" {
  command = plan

  variables {
    key_vault_purge_protection = true
  }

  assert {
    condition     = azurerm_key_vault.this.purge_protection_enabled && azurerm_key_vault.this.soft_delete_retention_days == 90
    error_message = "Protection must keep a deleted vault for 90 days."
  }
}

run "an_unprotected_vault_is_deleted_at_once" {
  command = plan

  variables {
    key_vault_purge_protection = false
  }

  assert {
    condition     = !azurerm_key_vault.this.purge_protection_enabled && azurerm_key_vault.this.soft_delete_retention_days == 7
    error_message = "Without protection the name must soon be free again."
  }
}
