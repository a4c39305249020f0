# The rules in alerts/ are Prometheus rule files, which promtool can check and test as they are. Azure evaluates them, so that
# there is no Alertmanager to run.
locals {
  alert_groups = {
    for group in flatten([
      for name in fileset(path.module, "alerts/*.yaml") : yamldecode(file("${path.module}/${name}")).groups
    ]) : group.name => group
  }
}

resource "azurerm_monitor_alert_prometheus_rule_group" "this" {
  for_each = local.alert_groups

  name                = "${var.cluster_name}-${each.key}"
  resource_group_name = local.resource_group.name
  location            = var.location
  cluster_name        = local.cluster.name
  scopes              = [azurerm_monitor_workspace.this.id, local.cluster.id]
  interval            = "PT${upper(each.value.interval)}"
  rule_group_enabled  = true
  tags                = local.tags

  dynamic "rule" {
    for_each = each.value.rules

    content {
      alert       = rule.value.alert
      enabled     = true
      expression  = trimspace(rule.value.expr)
      for         = "PT${upper(rule.value.for)}"
      severity    = local.alert_severities[rule.value.labels.severity]
      labels      = rule.value.labels
      annotations = { for name, text in rule.value.annotations : name => trimspace(text) }

      action {
        action_group_id = azurerm_monitor_action_group.alerts.id
      }

      alert_resolution {
        auto_resolved   = true
        time_to_resolve = "PT5M"
      }
    }
  }
}
