data "azurerm_kubernetes_service_versions" "offered" {
  count = var.kubernetes_version == null ? 0 : 1

  location        = var.location
  include_preview = false

  lifecycle {
    postcondition {
      condition     = anytrue([for version in self.versions : startswith(version, "${var.kubernetes_version}.")])
      error_message = "${var.location} does not offer Kubernetes ${var.kubernetes_version}; it offers ${join(", ", self.versions)}."
    }
  }
}

resource "azurerm_kubernetes_cluster" "this" {
  #checkov:skip=CKV_AZURE_4: the control plane's logs go to the workspace in monitoring.tf; container logs are priced by volume and left to the user
  #checkov:skip=CKV_AZURE_115: a private API server is out of reach for hosted CI runners
  #checkov:skip=CKV_AZURE_116: pod security is enforced by the namespaces' labels, which are in Git
  #checkov:skip=CKV_AZURE_117: disks are encrypted with the platform's key
  #checkov:skip=CKV_AZURE_170: the tier follows var.sku_tier, Standard for production
  #checkov:skip=CKV_AZURE_172: secrets come through External Secrets; the CSI add-on is not installed
  #checkov:skip=CKV_AZURE_227: encryption at host must first be registered for the subscription
  name                = var.cluster_name
  resource_group_name = azurerm_resource_group.this.name
  location            = azurerm_resource_group.this.location
  node_resource_group = "rg-${var.cluster_name}-nodes"
  dns_prefix          = trim(substr(replace(var.cluster_name, "_", "-"), 0, 54), "-")
  tags                = local.tags

  sku_tier              = var.sku_tier
  cost_analysis_enabled = var.sku_tier != "Free"

  kubernetes_version        = var.kubernetes_version
  automatic_upgrade_channel = "patch"
  node_os_upgrade_channel   = "NodeImage"

  # People and pipelines come with an Entra identity; there is no administrator's certificate to leak.
  local_account_disabled            = true
  role_based_access_control_enabled = true
  run_command_enabled               = false
  oidc_issuer_enabled               = true
  workload_identity_enabled         = true

  image_cleaner_enabled        = true
  image_cleaner_interval_hours = 168

  azure_active_directory_role_based_access_control {
    tenant_id          = data.azurerm_client_config.current.tenant_id
    azure_rbac_enabled = true
  }

  identity {
    type         = "UserAssigned"
    identity_ids = [azurerm_user_assigned_identity.cluster.id]
  }

  kubelet_identity {
    user_assigned_identity_id = azurerm_user_assigned_identity.kubelet.id
    client_id                 = azurerm_user_assigned_identity.kubelet.client_id
    object_id                 = azurerm_user_assigned_identity.kubelet.principal_id
  }

  dynamic "api_server_access_profile" {
    for_each = length(var.api_server_authorized_ip_ranges) > 0 ? [var.api_server_authorized_ip_ranges] : []

    content {
      authorized_ip_ranges = api_server_access_profile.value
    }
  }

  network_profile {
    network_plugin      = "azure"
    network_plugin_mode = "overlay"
    network_data_plane  = "cilium"
    network_policy      = "cilium"
    load_balancer_sku   = "standard"
    outbound_type       = "loadBalancer"
    pod_cidr            = var.network.pods
    service_cidr        = var.network.services
    dns_service_ip      = cidrhost(var.network.services, 10)
  }

  node_provisioning_profile {
    mode = "Manual"
  }

  default_node_pool {
    name                         = "system"
    temporary_name_for_rotation  = "systemtmp"
    only_critical_addons_enabled = true
    vnet_subnet_id               = azurerm_subnet.nodes.id
    zones                        = length(var.zones) > 0 ? var.zones : null
    vm_size                      = var.system_nodes.vm_size
    os_sku                       = "AzureLinux"
    os_disk_type                 = "Ephemeral"
    os_disk_size_gb              = var.system_nodes.os_disk_size_gb
    max_pods                     = 110
    auto_scaling_enabled         = true
    min_count                    = var.system_nodes.min_count
    max_count                    = var.system_nodes.max_count
    tags                         = local.tags

    # Azure fills these in; left out, every plan would show a change.
    upgrade_settings {
      max_surge                     = "33%"
      drain_timeout_in_minutes      = 30
      node_soak_duration_in_minutes = 0
    }
  }

  auto_scaler_profile {
    balance_similar_node_groups = true
    expander                    = "least-waste"
  }

  maintenance_window_auto_upgrade {
    frequency   = "Weekly"
    interval    = 1
    day_of_week = var.maintenance.kubernetes_day
    start_time  = var.maintenance.start_time
    utc_offset  = var.maintenance.utc_offset
    duration    = var.maintenance.hours
  }

  maintenance_window_node_os {
    frequency   = "Weekly"
    interval    = 1
    day_of_week = var.maintenance.node_image_day
    start_time  = var.maintenance.start_time
    utc_offset  = var.maintenance.utc_offset
    duration    = var.maintenance.hours
  }

  lifecycle {
    # The autoscaler's to change.
    ignore_changes = [default_node_pool[0].node_count]
  }

  depends_on = [
    azurerm_role_assignment.cluster_kubelet,
    azurerm_role_assignment.cluster_network,
    data.azurerm_kubernetes_service_versions.offered,
  ]
}
