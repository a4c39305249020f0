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
