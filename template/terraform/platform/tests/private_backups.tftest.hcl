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

run "only_private_endpoints_lead_to_the_backups" {
  command = plan

  assert {
    condition     = !azurerm_storage_account.database_backup.public_network_access_enabled && azurerm_storage_account.database_backup.network_rules[0].default_action == "Deny"
    error_message = "They must have no public address."
  }
}
