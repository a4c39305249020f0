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

run "a_database_server_that_fills_up_is_told_of" {
  command = plan

  assert {
    condition     = azurerm_monitor_metric_alert.database_storage.criteria[0].metric_name == "storage_percent"
    error_message = "The metric is how full the storage is, in percent."
  }

  assert {
    condition     = azurerm_monitor_metric_alert.database_storage.criteria[0].threshold < 95
    error_message = "At 95 percent the server takes no more writes: the alert must come before."
  }
}
