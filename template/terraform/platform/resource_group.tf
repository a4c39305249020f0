data "azurerm_client_config" "current" {}

locals {
  tags = merge({ project = var.project_name, cluster = var.cluster_name }, var.tags)
}

resource "azurerm_resource_group" "this" {
  name     = var.names.resource_group
  location = var.location
  tags     = local.tags
}
