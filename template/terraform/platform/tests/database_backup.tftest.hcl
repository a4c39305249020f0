mock_provider "azurerm" {
  mock_data "azurerm_client_config" {
    defaults = {
      tenant_id       = "11111111-1111-1111-1111-111111111111"
      subscription_id = "22222222-2222-2222-2222-222222222222"
      client_id       = "33333333-3333-3333-3333-333333333333"
      object_id       = "44444444-4444-4444-4444-444444444444"
    }
  }
}

variables {
  environments       = ["dev", "prod"]
  service_identities = ["database-backup"]
  database_backups = {
    storage_account_name = "backupshop123456"
    replication          = "LRS"
    retention_days       = 30
  }
}

run "nobody_reads_a_backup_without_entra_id" {
  command = plan

  assert {
    condition     = !azurerm_storage_account.database_backup.shared_access_key_enabled && !azurerm_storage_account.database_backup.local_user_enabled
    error_message = "Shared keys and local users must be off."
  }

  assert {
    condition     = !azurerm_storage_account.database_backup.allow_nested_items_to_be_public && alltrue([for container in azurerm_storage_container.database_backup : container.container_access_type == "private"])
    error_message = "No backup may be public."
  }

  assert {
    condition     = azurerm_storage_account.database_backup.min_tls_version == "TLS1_2" && azurerm_storage_account.database_backup.https_traffic_only_enabled
    error_message = "Only HTTPS with TLS 1.2 or newer may be taken."
  }
}

run "each_environment_writes_into_its_own_container" {
  command = plan

  assert {
    condition     = { for key, container in azurerm_storage_container.database_backup : key => container.name } == { dev = "${var.project_name}-dev", prod = "${var.project_name}-prod" }
    error_message = "Pods write into the container that is named as their namespace."
  }

  assert {
    condition     = keys(azurerm_role_assignment.database_backup) == ["dev", "prod"] && toset([for grant in azurerm_role_assignment.database_backup : grant.role_definition_name]) == toset(["Storage Blob Data Contributor"])
    error_message = "A right on the whole account, or another one, is more than a backup needs."
  }
}

run "what_an_identity_deletes_or_overwrites_is_kept" {
  command = plan

  assert {
    condition     = azurerm_storage_account.database_backup.blob_properties[0].versioning_enabled && azurerm_storage_account.database_backup.blob_properties[0].container_delete_retention_policy[0].days == 30
    error_message = "Backups must outlive an identity that is abused."
  }
}

run "old_backups_go" {
  command = plan

  assert {
    condition     = azurerm_storage_management_policy.database_backup.rule[0].actions[0].base_blob[0].delete_after_days_since_creation_greater_than == 30 && azurerm_storage_management_policy.database_backup.rule[0].actions[0].version[0].delete_after_days_since_creation == 30
    error_message = "Versions are deleted as the backups are."
  }
}

run "a_name_that_azure_refuses_is_refused_here" {
  command = plan

  variables {
    database_backups = { storage_account_name = "backup-shop", replication = "LRS", retention_days = 30 }
  }

  expect_failures = [var.database_backups]
}
