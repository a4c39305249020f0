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
