data "azurerm_client_config" "current" {}

resource "azurerm_resource_group" "state" {
  name     = var.resource_group_name
  location = var.location
  tags     = var.tags
}

resource "azurerm_storage_account" "state" {
  #checkov:skip=CKV_AZURE_33: the account holds blobs only, there is no queue to log
  #checkov:skip=CKV_AZURE_59: CI runners outside the network read and write the state; Entra ID decides who may
  #checkov:skip=CKV_AZURE_206: the state is copied within the region, across zones where var.replication says so; it could be rebuilt from what exists
  #checkov:skip=CKV2_AZURE_1: the platform's own key is enough, nothing secret is in the state
  #checkov:skip=CKV2_AZURE_33: CI runners outside the network read and write the state
  name                = var.storage_account_name
  resource_group_name = azurerm_resource_group.state.name
  location            = azurerm_resource_group.state.location
  tags                = var.tags

  account_kind             = "StorageV2"
  account_tier             = "Standard"
  account_replication_type = var.replication

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

  blob_properties {
    versioning_enabled = true

    delete_retention_policy {
      days = var.retention_days
    }

    container_delete_retention_policy {
      days = var.retention_days
    }
  }

  lifecycle {
    prevent_destroy = true

    # Chosen when it is made: Azure changes it by a migration, `az storage account migration start`, not in place.
    ignore_changes = [account_replication_type]
  }
}

resource "azurerm_storage_container" "tfstate" {
  #checkov:skip=CKV2_AZURE_21: reads could be logged to a workspace only, and there is none yet when this is made
  name                  = "tfstate"
  storage_account_id    = azurerm_storage_account.state.id
  container_access_type = "private"

  lifecycle {
    prevent_destroy = true
  }
}

# Owning the subscription gives no right to the blobs: whoever runs this root gets it here.
resource "azurerm_role_assignment" "state_writer" {
  # The same name for the same person, so that a repeated run finds the assignment of the first.
  name = uuidv5("url", join("/", [
    "https:/",
    var.storage_account_name,
    "Storage Blob Data Contributor",
    data.azurerm_client_config.current.object_id,
  ]))
  scope                = azurerm_storage_account.state.id
  role_definition_name = "Storage Blob Data Contributor"
  principal_id         = data.azurerm_client_config.current.object_id
}
