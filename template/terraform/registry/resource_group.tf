variable "project_name" {
  description = "Name of the application, for tags."
  type        = string
}

variable "location" {
  description = "Azure region."
  type        = string
}

variable "resource_group_name" {
  description = "Resource group of the registry, apart from those of the clusters so that removing one keeps it."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9._()-]{0,89}[A-Za-z0-9_()-]$", var.resource_group_name))
    error_message = "Give 1 to 90 letters, digits, '.', '_', '-', '(' or ')', not ending in '.'."
  }
}

variable "push_identity_name" {
  description = "Identity of the pipeline that pushes images."
  type        = string
}

variable "tags" {
  description = "Tags of everything in Azure, beside that which names the project."
  type        = map(string)
  default     = {}
}

data "azurerm_client_config" "current" {}

locals {
  tags           = merge({ project = var.project_name }, var.tags)
  resource_group = azurerm_resource_group.this
}

resource "azurerm_resource_group" "this" {
  name     = var.resource_group_name
  location = var.location
  tags     = local.tags
}
