locals {
  resource_group = azurerm_resource_group.this
}

resource "azurerm_resource_group" "this" {
  name     = var.names.resource_group
  location = var.location
  tags     = local.tags
}
