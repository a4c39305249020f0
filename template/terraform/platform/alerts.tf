# Who is told when something is wrong; of what, is in alert_rules.tf.
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
  # Azure's go from 0 to 4.
  alert_severities = { critical = 1, warning = 2 }
}

resource "azurerm_monitor_action_group" "alerts" {
  name                = var.monitoring_names.action_group
  resource_group_name = local.resource_group.name
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
