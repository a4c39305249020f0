# Where apps/*/base/database/backup.yaml keeps its backups: in an account of their own, a container for each environment.
variable "database_backups" {
  description = "Account of the backups, its name unique in all of Azure; Git names it too. How long each is kept, in days."
  type = object({
    storage_account_name = string
    replication          = string
    retention_days       = number
  })

  validation {
    condition     = can(regex("^[a-z0-9]{3,24}$", var.database_backups.storage_account_name))
    error_message = "Give 3 to 24 lower-case letters and digits."
  }

  validation {
    condition     = var.database_backups.retention_days >= 7 && var.database_backups.retention_days <= 365
    error_message = "Backups are kept for 7 to 365 days."
  }
}

resource "azurerm_storage_account" "database_backup" {
  #checkov:skip=CKV_AZURE_33: the account holds blobs only, there is no queue to log
  #checkov:skip=CKV_AZURE_59: people restore from outside the network; Entra ID decides who may
  #checkov:skip=CKV_AZURE_206: backups are copied to the paired region for production
  #checkov:skip=CKV2_AZURE_1: the platform's own key encrypts them, as it does the database's disk
  #checkov:skip=CKV2_AZURE_33: people restore from outside the network
  name                = var.database_backups.storage_account_name
  resource_group_name = local.resource_group.name
  location            = var.location
  tags                = local.tags

  account_kind             = "StorageV2"
  account_tier             = "Standard"
  account_replication_type = var.database_backups.replication

  min_tls_version                 = "TLS1_2"
  https_traffic_only_enabled      = true
  shared_access_key_enabled       = false
  default_to_oauth_authentication = true
  local_user_enabled              = false
  allow_nested_items_to_be_public = false

  cross_tenant_replication_enabled = false

  # Shared keys are off already; a SAS made in spite of that would be logged.
  sas_policy {
    expiration_period = "01.00:00:00"
    expiration_action = "Log"
  }

  # What is deleted or overwritten stays as a version, which the identities of the backups can't delete.
  blob_properties {
    versioning_enabled = true

    delete_retention_policy {
      days = 7
    }

    container_delete_retention_policy {
      days = var.database_backups.retention_days
    }
  }

  lifecycle {
    # scripts/down, which asks first, lifts this.
    prevent_destroy = true

    # Chosen when it is made: Azure changes it by a migration, `az storage account migration start`, not in place.
    ignore_changes = [account_replication_type]
  }
}

resource "azurerm_storage_management_policy" "database_backup" {
  storage_account_id = azurerm_storage_account.database_backup.id

  rule {
    name    = "retention"
    enabled = true

    filters {
      blob_types = ["blockBlob"]
    }

    actions {
      base_blob {
        delete_after_days_since_creation_greater_than = var.database_backups.retention_days
      }

      version {
        delete_after_days_since_creation = var.database_backups.retention_days
      }
    }
  }
}

# Named as the namespaces.
resource "azurerm_storage_container" "database_backup" {
  #checkov:skip=CKV2_AZURE_21: the logs of reads would cost more than the backups
  for_each = toset(var.environments)

  name                  = "${var.project_name}-${each.key}"
  storage_account_id    = azurerm_storage_account.database_backup.id
  container_access_type = "private"
}

resource "azurerm_role_assignment" "database_backup" {
  for_each = toset(contains(var.service_identities, "database-backup") ? var.environments : [])

  scope                            = azurerm_storage_container.database_backup[each.key].id
  role_definition_name             = "Storage Blob Data Contributor"
  principal_id                     = azurerm_user_assigned_identity.service["${each.key}-database-backup"].principal_id
  skip_service_principal_aad_check = true
}

# People restore: they read, in every environment.
resource "azurerm_role_assignment" "first_operator_backups" {
  scope                = azurerm_storage_account.database_backup.id
  role_definition_name = "Storage Blob Data Reader"
  principal_id         = data.azurerm_client_config.current.object_id

  lifecycle {
    ignore_changes = [principal_id, principal_type]
  }
}

resource "azurerm_role_assignment" "operator_backups" {
  for_each = var.operator_object_ids

  scope                = local.resource_group.id
  role_definition_name = "Storage Blob Data Reader"
  principal_id         = each.value
}
