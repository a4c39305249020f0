run "each_kind_of_node_and_the_api_server_have_a_subnet" {
  command = plan

  assert {
    condition = {
      for subnet in [azurerm_subnet.nodes, azurerm_subnet.system_nodes, azurerm_subnet.api_server] :
      subnet.name => one(subnet.address_prefixes)
      } == {
      nodes        = var.network.nodes
      system-nodes = var.network.system_nodes
      api-server   = var.network.api_server
    }
    error_message = "AKS Automatic takes three subnets of the virtual network."
  }

  assert {
    condition     = azurerm_subnet.api_server.delegation[0].service_delegation[0].name == "Microsoft.ContainerService/managedClusters"
    error_message = "AKS refuses a subnet for the API server that is not delegated to it."
  }
}

run "the_control_plane_may_use_the_network_before_the_cluster_is_there" {
  command = plan

  assert {
    condition     = strcontains(file("${path.module}/automatic_network.tf"), "scope                            = azurerm_virtual_network.this.id")
    error_message = "Nodes that AKS makes need the right on the whole network."
  }

  assert {
    condition     = strcontains(file("${path.module}/automatic_cluster.tf"), "azurerm_role_assignment.cluster_network,")
    error_message = "The right must be there before the cluster."
  }
}

run "the_api_is_open_to_the_ranges_named_only" {
  command = plan

  variables {
    private_cluster                 = false
    api_server_authorized_ip_ranges = ["203.0.113.0/24"]
  }

  assert {
    condition     = azurerm_kubernetes_automatic_cluster.this.api_server_access[0].authorized_ip_ranges == toset(["203.0.113.0/24"])
    error_message = "The ranges must reach the API server."
  }

  assert {
    condition     = length(azurerm_kubernetes_automatic_cluster.this.private_cluster) == 0
    error_message = "A private API server has no public address to open."
  }
}

run "a_private_api_has_a_name_that_is_known_in_every_network" {
  command = plan

  variables {
    private_cluster = true
  }

  assert {
    condition = alltrue([
      azurerm_kubernetes_automatic_cluster.this.private_cluster[0].private_dns_zone_id == "None",
      azurerm_kubernetes_automatic_cluster.this.private_cluster[0].public_fully_qualified_domain_name_enabled,
    ])
    error_message = "A private zone would have to be linked to each network that has a way in."
  }
}

run "ranges_of_public_addresses_are_refused_for_a_private_api" {
  command = plan

  variables {
    private_cluster                 = true
    api_server_authorized_ip_ranges = ["203.0.113.0/24"]
  }

  expect_failures = [var.private_cluster]
}

run "there_is_no_nginx" {
  command = plan

  assert {
    condition     = azurerm_kubernetes_automatic_cluster.this.web_app_routing_ingress[0].default_nginx_controller == null
    error_message = "ingress-nginx is retired."
  }
}

run "maintenance_keeps_to_its_windows" {
  command = plan

  variables {
    maintenance = { kubernetes_day = "Tuesday", node_image_day = "Wednesday", start_time = "23:00" }
  }

  assert {
    condition = {
      for one in jsondecode(azurerm_resource_group_template_deployment.maintenance.template_content).resources :
      one.name => [one.properties.maintenanceWindow.schedule.weekly.dayOfWeek, one.properties.maintenanceWindow.startTime]
      } == {
      "${var.cluster_name}/aksManagedAutoUpgradeSchedule"   = ["Tuesday", "23:00"]
      "${var.cluster_name}/aksManagedNodeOSUpgradeSchedule" = ["Wednesday", "23:00"]
    }
    error_message = "Kubernetes and node images must keep to their days, and to the time that was given."
  }

  assert {
    condition     = azurerm_resource_group_template_deployment.maintenance.deployment_mode == "Incremental"
    error_message = "A complete deployment would delete whatever else is in the resource group."
  }
}

run "what_aks_makes_inherits_the_tags" {
  command = plan

  variables {
    project_name = "shop"
    cluster_name = "aks-shop"
    tags         = { owner = "web" }
  }

  assert {
    condition     = azurerm_kubernetes_automatic_cluster.this.tags == tomap({ project = "shop", cluster = "aks-shop", owner = "web" })
    error_message = "AKS gives what it makes the tags of the cluster."
  }
}

run "a_subnet_outside_of_the_virtual_network_is_refused" {
  command = plan

  variables {
    network = { system_nodes = "10.101.0.0/24" }
  }

  expect_failures = [var.network]
}

run "too_small_a_subnet_for_the_api_server_is_refused" {
  command = plan

  variables {
    network = { api_server = "10.100.4.32/29" }
  }

  expect_failures = [var.network]
}

run "what_aks_takes_for_pods_and_services_is_refused_for_the_network" {
  command = plan

  variables {
    network = { address_space = "10.0.0.0/8" }
  }

  expect_failures = [var.network]
}

run "a_range_that_is_none_is_refused" {
  command = plan

  variables {
    network = { nodes = "10.100.0.0" }
  }

  expect_failures = [var.network]
}
