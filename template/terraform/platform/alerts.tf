# Who is told of what. The rules in alerts/ are Prometheus rule files, which promtool can check and test as they are; Azure
# evaluates them, so that there is no Alertmanager to run.
variable "alert_emails" {
  description = "Who is written to when an alert fires, and when it is over. Alerts show in the portal in any case."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for address in var.alert_emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", address))])
    error_message = "Give e-mail addresses, such as team@example.com."
  }
}

locals {
  alert_groups = {
    for group in flatten([
      for name in fileset(path.module, "alerts/*.yaml") : yamldecode(file("${path.module}/${name}")).groups
    ]) : group.name => group
  }

  # Azure's severities go from 0 to 4.
  alert_severities = { critical = 1, warning = 2 }
}

resource "azurerm_monitor_action_group" "alerts" {
  name                = "ag-${var.cluster_name}"
  resource_group_name = azurerm_resource_group.this.name
  short_name          = trim(substr(var.project_name, 0, 12), "-") # stands before each mail's subject
  tags                = local.tags

  dynamic "email_receiver" {
    for_each = var.alert_emails

    content {
      name                    = email_receiver.value
      email_address           = email_receiver.value
      use_common_alert_schema = true
    }
  }
}

resource "azurerm_monitor_alert_prometheus_rule_group" "this" {
  for_each = local.alert_groups

  name                = "${var.cluster_name}-${each.key}"
  resource_group_name = azurerm_resource_group.this.name
  location            = azurerm_resource_group.this.location
  cluster_name        = azurerm_kubernetes_cluster.this.name
  scopes              = [azurerm_monitor_workspace.this.id, azurerm_kubernetes_cluster.this.id]
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
