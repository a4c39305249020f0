variable "system_nodes" {
  description = "Nodes for the cluster's own components. The disk must fit the size's temporary disk, where it is kept."
  type = object({
    vm_size         = string
    min_count       = number
    max_count       = number
    os_disk_size_gb = number
  })

  validation {
    condition     = var.system_nodes.min_count >= 2 && var.system_nodes.max_count >= var.system_nodes.min_count
    error_message = "Keep at least 2 system nodes, and max_count at or above min_count."
  }

  validation {
    condition     = !can(regex("^Standard_B", var.system_nodes.vm_size))
    error_message = "AKS does not support burstable (B) sizes for system nodes."
  }
}

variable "app_nodes" {
  description = "Nodes for the application and its add-ons. The disk must fit the size's temporary disk, where it is kept."
  type = object({
    vm_size         = string
    min_count       = number
    max_count       = number
    os_disk_size_gb = number
  })

  validation {
    condition     = var.app_nodes.min_count >= 1 && var.app_nodes.max_count >= var.app_nodes.min_count
    error_message = "Keep at least 1 node, and max_count at or above min_count."
  }
}

# The identity of the nodes. Made here rather than by AKS, so that it has its rights before the first node asks for something.
resource "azurerm_user_assigned_identity" "kubelet" {
  name                = "${var.names.identities}-kubelet"
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

resource "azurerm_role_assignment" "cluster_kubelet" {
  scope                            = azurerm_user_assigned_identity.kubelet.id
  role_definition_name             = "Managed Identity Operator"
  principal_id                     = azurerm_user_assigned_identity.cluster.principal_id
  skip_service_principal_aad_check = true
}

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
