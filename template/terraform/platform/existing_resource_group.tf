# The group that `names` names. It was there before, and stays.
data "azurerm_resource_group" "this" {
  name = var.names.resource_group
}

locals {
  resource_group = data.azurerm_resource_group.this
}
