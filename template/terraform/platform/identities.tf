# The cluster's control plane. Its own identity, so that its right on the subnet exists before the cluster does.
resource "azurerm_user_assigned_identity" "cluster" {
  name                = "${var.names.identities}-cluster"
  resource_group_name = local.resource_group.name
  location            = var.location
  tags                = local.tags
}

resource "azurerm_role_assignment" "cluster_network" {
  scope                            = local.nodes_subnet_id
  role_definition_name             = "Network Contributor"
  principal_id                     = azurerm_user_assigned_identity.cluster.principal_id
  skip_service_principal_aad_check = true
}

# The nodes. Made here rather than by AKS, so that it has its rights before the first node asks for something.
resource "azurerm_user_assigned_identity" "kubelet" {
  name                = "${var.names.identities}-kubelet"
  resource_group_name = local.resource_group.name
  location            = var.location
  tags                = local.tags
}

resource "azurerm_role_assignment" "cluster_kubelet" {
  scope                            = azurerm_user_assigned_identity.kubelet.id
  role_definition_name             = "Managed Identity Operator"
  principal_id                     = azurerm_user_assigned_identity.cluster.principal_id
  skip_service_principal_aad_check = true
}
