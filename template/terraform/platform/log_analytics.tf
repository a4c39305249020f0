variable "log_analytics_name" {
  description = "Workspace that takes the logs."
  type        = string
}

variable "log_retention_days" {
  description = "Days for which logs are kept."
  type        = number

  validation {
    condition     = var.log_retention_days >= 30 && var.log_retention_days <= 730
    error_message = "Give 30 to 730 days."
  }
}

locals {
  log_analytics_id = azurerm_log_analytics_workspace.this.id
}

resource "azurerm_log_analytics_workspace" "this" {
  name                         = var.log_analytics_name
  resource_group_name          = local.resource_group.name
  location                     = var.location
  sku                          = "PerGB2018"
  retention_in_days            = var.log_retention_days
  local_authentication_enabled = false
  tags                         = local.tags
}
