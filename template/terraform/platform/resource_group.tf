data "azurerm_client_config" "current" {}

locals {
  tags = {
    project = var.project_name
    cluster = var.cluster_name
  }
}

resource "azurerm_resource_group" "this" {
  name     = "rg-${var.cluster_name}"
  location = var.location
  tags     = local.tags
}
