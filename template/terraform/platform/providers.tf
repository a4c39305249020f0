provider "azurerm" {
  # ../state has registered the resource providers.
  resource_provider_registrations = "none"
  storage_use_azuread             = true

  features {
    key_vault {
      # Frees the vault's name for the next `make up`, where purging is allowed at all.
      purge_soft_delete_on_destroy    = !var.key_vault_purge_protection
      recover_soft_deleted_key_vaults = true
    }
  }
}
