# Who changed what in the cluster (audit without reads), who was let in, and why nodes came or went.
resource "azurerm_monitor_diagnostic_setting" "cluster" {
  name                           = "control-plane"
  target_resource_id             = local.cluster.id
  log_analytics_workspace_id     = local.log_analytics_id
  log_analytics_destination_type = "Dedicated"

  dynamic "enabled_log" {
    for_each = toset(["cluster-autoscaler", "guard", "kube-audit-admin"])

    content {
      category = enabled_log.value
    }
  }
}
