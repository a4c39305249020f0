# The cluster's control plane. Its own identity, so that its right on the network exists before the cluster does.
resource "azurerm_user_assigned_identity" "cluster" {
  name                = "${var.names.identities}-cluster"
  resource_group_name = local.resource_group.name
  location            = var.location
  tags                = local.tags
}
