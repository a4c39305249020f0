provider "azurerm" {
  # ../state has registered the resource providers.
  resource_provider_registrations = "none"
  storage_use_azuread             = true

  features {
    # What an interrupted run has made, and not noted, is taken over instead of refused. It is safe here because all is in a
    # resource group of its own: scripts/up refuses one that was there before.
    skip_import_check_on_create_and_allow_overwriting_existing_resources = true

    key_vault {
      # A deleted vault keeps its name for the time of its retention. Without purge protection it is purged when it is
      # destroyed, which frees the name for the next `make up`. With it nobody can purge it, and the next `make up`
      # recovers it, in the same group and region. Its secrets are recovered likewise and given new values.
      purge_soft_delete_on_destroy    = !var.key_vault_purge_protection
      recover_soft_deleted_key_vaults = true

      # A secret that leaves the code stays in the vault, deleted, until the time of its retention is over.
      purge_soft_deleted_secrets_on_destroy = false
    }
  }
}
