# System nodes take nothing but the cluster's own components, so this is where everything from Git runs.
resource "azurerm_kubernetes_cluster_node_pool" "apps" {
  #checkov:skip=CKV_AZURE_227: encryption at host must first be registered for the subscription
  name                        = "apps"
  temporary_name_for_rotation = "appstmp"
  kubernetes_cluster_id       = azurerm_kubernetes_cluster.this.id
  mode                        = "User"
  vnet_subnet_id              = local.nodes_subnet_id
  zones                       = length(var.zones) > 0 ? var.zones : null
  orchestrator_version        = var.kubernetes_version
  vm_size                     = var.app_nodes.vm_size
  os_sku                      = "AzureLinux"
  os_disk_type                = "Ephemeral"
  os_disk_size_gb             = var.app_nodes.os_disk_size_gb
  max_pods                    = 110
  auto_scaling_enabled        = true
  min_count                   = var.app_nodes.min_count
  max_count                   = var.app_nodes.max_count
  tags                        = local.tags

  upgrade_settings {
    max_surge                     = "33%"
    drain_timeout_in_minutes      = 30
    node_soak_duration_in_minutes = 0
  }

  lifecycle {
    # The number is the autoscaler's to change. Zones are chosen when the nodes are made: volumes stay where they are.
    ignore_changes = [node_count, zones]
  }
}
