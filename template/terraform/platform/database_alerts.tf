# The server tells Azure Monitor by itself how full it is; its storage grows by itself too, up to what its size allows.
resource "azurerm_monitor_metric_alert" "database_storage" {
  name                = "${var.cluster_name}-database-storage"
  resource_group_name = local.resource_group.name
  description         = "The database server's storage is filling up: free space, or raise storage_mb in database_server."
  scopes              = [azurerm_postgresql_flexible_server.this.id]
  severity            = local.alert_severities.critical
  frequency           = "PT5M"
  window_size         = "PT15M"
  tags                = local.tags

  criteria {
    metric_namespace = "Microsoft.DBforPostgreSQL/flexibleServers"
    metric_name      = "storage_percent"
    aggregation      = "Average"
    operator         = "GreaterThan"
    threshold        = 85
  }

  action {
    action_group_id = azurerm_monitor_action_group.alerts.id
  }
}
