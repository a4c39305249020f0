mock_provider "azurerm" {
  mock_data "azurerm_client_config" {
    defaults = {
      tenant_id       = "11111111-1111-1111-1111-111111111111"
      subscription_id = "22222222-2222-2222-2222-222222222222"
      client_id       = "33333333-3333-3333-3333-333333333333"
      object_id       = "44444444-4444-4444-4444-444444444444"
    }
  }
}

run "there_is_no_local_account" {
  command = plan

  assert {
    condition     = azurerm_kubernetes_cluster.this.local_account_disabled
    error_message = "Local accounts must be off: their certificate can't be taken back."
  }
}

run "entra_id_decides_who_may_use_the_api" {
  command = plan

  assert {
    condition     = azurerm_kubernetes_cluster.this.azure_active_directory_role_based_access_control[0].azure_rbac_enabled
    error_message = "Azure roles must be honoured in the cluster."
  }

  assert {
    condition     = azurerm_kubernetes_cluster.this.role_based_access_control_enabled
    error_message = "Kubernetes RBAC must be on."
  }
}

run "nothing_runs_in_the_cluster_past_the_api" {
  command = plan

  assert {
    condition     = !azurerm_kubernetes_cluster.this.run_command_enabled
    error_message = "`az aks command invoke` must be off."
  }
}

run "pods_can_have_an_azure_identity" {
  command = plan

  assert {
    condition     = azurerm_kubernetes_cluster.this.oidc_issuer_enabled && azurerm_kubernetes_cluster.this.workload_identity_enabled
    error_message = "Workload identity needs the issuer and the webhook."
  }
}

run "networking_is_overlay_with_cilium" {
  command = plan

  assert {
    condition = alltrue([
      azurerm_kubernetes_cluster.this.network_profile[0].network_plugin == "azure",
      azurerm_kubernetes_cluster.this.network_profile[0].network_plugin_mode == "overlay",
      azurerm_kubernetes_cluster.this.network_profile[0].network_data_plane == "cilium",
      azurerm_kubernetes_cluster.this.network_profile[0].network_policy == "cilium",
    ])
    error_message = "Network policies in Git need Cilium; kubenet is retired."
  }
}

run "the_control_plane_may_hand_the_nodes_their_identity" {
  command = plan

  assert {
    condition     = azurerm_role_assignment.cluster_kubelet.role_definition_name == "Managed Identity Operator"
    error_message = "Without the role on the kubelet's identity, AKS can't make a node."
  }
}

run "system_nodes_take_no_application" {
  command = plan

  assert {
    condition     = azurerm_kubernetes_cluster.this.default_node_pool[0].only_critical_addons_enabled
    error_message = "The system pool must be tainted."
  }

  assert {
    condition     = azurerm_kubernetes_cluster_node_pool.apps.mode == "User"
    error_message = "Applications need a pool of their own."
  }
}

run "both_pools_scale_by_themselves" {
  command = plan

  assert {
    condition     = azurerm_kubernetes_cluster.this.default_node_pool[0].auto_scaling_enabled && azurerm_kubernetes_cluster_node_pool.apps.auto_scaling_enabled
    error_message = "Autoscaling must be on for both pools."
  }
}

run "changing_a_pool_does_not_replace_the_cluster" {
  command = plan

  assert {
    condition = alltrue([
      azurerm_kubernetes_cluster.this.default_node_pool[0].temporary_name_for_rotation != null,
      azurerm_kubernetes_cluster_node_pool.apps.temporary_name_for_rotation != null,
    ])
    error_message = "Without a temporary name a change of the pool would replace it, the default pool with the cluster."
  }
}

run "upgrades_add_a_node_before_they_take_one" {
  command = plan

  assert {
    condition = alltrue([
      azurerm_kubernetes_cluster.this.default_node_pool[0].upgrade_settings[0].max_surge != "0",
      azurerm_kubernetes_cluster_node_pool.apps.upgrade_settings[0].max_surge != "0",
    ])
    error_message = "Surge must be set: capacity stays, and no plan shows a change that is none."
  }
}

run "patches_arrive_by_themselves" {
  command = plan

  assert {
    condition     = azurerm_kubernetes_cluster.this.automatic_upgrade_channel == "patch" && azurerm_kubernetes_cluster.this.node_os_upgrade_channel == "NodeImage"
    error_message = "Both upgrade channels must be set."
  }
}

run "maintenance_keeps_to_its_windows" {
  command = plan

  variables {
    maintenance = { kubernetes_day = "Tuesday", node_image_day = "Wednesday", start_time = "23:00" }
  }

  assert {
    condition     = azurerm_kubernetes_cluster.this.maintenance_window_auto_upgrade[0].day_of_week == "Tuesday"
    error_message = "Kubernetes upgrades must keep to their day."
  }

  assert {
    condition     = azurerm_kubernetes_cluster.this.maintenance_window_node_os[0].day_of_week == "Wednesday"
    error_message = "Node images must keep to their day."
  }
}

run "nodes_spread_over_the_zones_named" {
  command = plan

  variables {
    zones = ["1", "2", "3"]
  }

  assert {
    condition     = length(azurerm_kubernetes_cluster.this.default_node_pool[0].zones) == 3 && length(azurerm_kubernetes_cluster_node_pool.apps.zones) == 3
    error_message = "Both pools must use the zones."
  }
}

run "no_zones_is_possible" {
  command = plan

  variables {
    zones = []
  }

  assert {
    condition     = azurerm_kubernetes_cluster.this.default_node_pool[0].zones == null
    error_message = "Without zones, none may be asked for."
  }
}

run "a_version_is_that_of_the_nodes_too" {
  command = plan

  variables {
    kubernetes_version = "1.36"
  }

  assert {
    condition = alltrue([
      azurerm_kubernetes_cluster.this.kubernetes_version == "1.36",
      azurerm_kubernetes_cluster.this.default_node_pool[0].orchestrator_version == "1.36",
      azurerm_kubernetes_cluster_node_pool.apps.orchestrator_version == "1.36",
    ])
    error_message = "Nodes must not stay behind the control plane."
  }
}

run "a_patch_version_is_refused" {
  command = plan

  variables {
    kubernetes_version = "1.36.1"
  }

  expect_failures = [var.kubernetes_version]
}

run "burstable_system_nodes_are_refused" {
  command = plan

  variables {
    system_nodes = { vm_size = "Standard_B2s", min_count = 2, max_count = 3, os_disk_size_gb = 64 }
  }

  expect_failures = [var.system_nodes]
}

run "a_single_system_node_is_refused" {
  command = plan

  variables {
    system_nodes = { vm_size = "Standard_D2ads_v5", min_count = 1, max_count = 3, os_disk_size_gb = 64 }
  }

  expect_failures = [var.system_nodes]
}

run "what_aks_makes_inherits_the_tags" {
  command = plan

  variables {
    project_name = "shop"
    cluster_name = "aks-shop"
    tags         = { owner = "web" }
  }

  assert {
    condition = alltrue([
      for tags in [
        azurerm_kubernetes_cluster.this.tags,
        azurerm_kubernetes_cluster.this.default_node_pool[0].tags,
        azurerm_kubernetes_cluster_node_pool.apps.tags,
      ] : tags == tomap({ project = "shop", cluster = "aks-shop", owner = "web" })
    ])
    error_message = "AKS gives what it makes the tags of the cluster, and machines those of their pool."
  }
}

run "pods_and_services_have_ranges_of_their_own" {
  command = plan

  assert {
    condition     = azurerm_kubernetes_cluster.this.network_profile[0].pod_cidr == var.network.pods
    error_message = "Pods must have the range of network.pods."
  }

  assert {
    condition     = azurerm_kubernetes_cluster.this.network_profile[0].service_cidr == var.network.services
    error_message = "Services must have the range of network.services."
  }
}

run "the_dns_service_lies_in_the_services_range" {
  command = plan

  variables {
    network = { services = "10.20.0.0/16" }
  }

  assert {
    condition     = azurerm_kubernetes_cluster.this.network_profile[0].dns_service_ip == "10.20.0.10"
    error_message = "The DNS service must have the tenth address of the services' range."
  }
}

run "services_overlapping_the_pods_are_refused" {
  command = plan

  variables {
    network = { services = "10.244.128.0/20" }
  }

  expect_failures = [var.network]
}

run "ranges_that_aks_keeps_for_itself_are_refused" {
  command = plan

  variables {
    network = { pods = "172.16.0.0/12" }
  }

  expect_failures = [var.network]
}

run "a_range_that_is_none_is_refused" {
  command = plan

  variables {
    network = { pods = "10.244.0.0" }
  }

  expect_failures = [var.network]
}
