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

run "logs_are_kept_as_long_as_asked" {
  command = plan

  assert {
    condition     = azurerm_log_analytics_workspace.this.retention_in_days == var.log_retention_days
    error_message = "Logs must be kept for log_retention_days."
  }
}

run "logs_of_a_day_are_refused" {
  command = plan

  variables {
    log_retention_days = 1
  }

  expect_failures = [var.log_retention_days]
}
