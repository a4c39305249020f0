# The nodes' identity is made by AKS, and not an attribute of the resource. By the id: the name is known before the cluster is.
data "azurerm_kubernetes_automatic_cluster" "this" {
  name                = basename(azurerm_kubernetes_automatic_cluster.this.id)
  resource_group_name = azurerm_kubernetes_automatic_cluster.this.resource_group_name
}

locals {
  kubelet_principal_id = data.azurerm_kubernetes_automatic_cluster.this.kubelet_identity[0].object_id
}
