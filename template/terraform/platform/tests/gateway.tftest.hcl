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

mock_provider "azapi" {}

run "the_update_carries_exactly_the_gateway_api_and_its_implementation" {
  command = plan

  assert {
    condition = jsonencode(azapi_update_resource.gateway_api.body) == jsonencode({
      properties = {
        ingressProfile = {
          gatewayAPI    = { installation = "Standard" }
          webAppRouting = { gatewayAPIImplementations = { appRoutingIstio = { mode = "Enabled" } } }
        }
      }
    })
    error_message = "Anything else in the body would be a second owner of what azurerm sets."
  }
}

run "the_update_speaks_a_version_that_knows_the_gateway_api" {
  command = plan

  assert {
    condition     = startswith(azapi_update_resource.gateway_api.type, "Microsoft.ContainerService/managedClusters@")
    error_message = "The settings are the cluster's."
  }

  assert {
    condition     = timecmp("${substr(split("@", azapi_update_resource.gateway_api.type)[1], 0, 10)}T00:00:00Z", "2026-03-01T00:00:00Z") >= 0
    error_message = "Older versions of the API drop these settings without a word."
  }

  assert {
    condition     = !endswith(azapi_update_resource.gateway_api.type, "-preview")
    error_message = "Preview versions are taken away again."
  }
}

run "the_gateway_api_is_set_again_after_each_change_of_the_cluster" {
  command = plan

  assert {
    condition     = strcontains(file("${path.module}/gateway.tf"), "replace_triggered_by = [azurerm_kubernetes_cluster.this]")
    error_message = "azurerm writes the cluster whole, without these settings."
  }
}

run "the_add_on_brings_no_nginx" {
  command = plan

  assert {
    condition     = azurerm_kubernetes_cluster.this.web_app_routing[0].default_nginx_controller == "None"
    error_message = "ingress-nginx is retired; requests come through the Gateway only."
  }

  assert {
    condition     = length(azurerm_kubernetes_cluster.this.web_app_routing[0].dns_zone_ids) == 0
    error_message = "The add-on must have no hand in anybody's DNS."
  }
}

run "the_address_stays_the_same" {
  command = plan

  assert {
    condition     = azurerm_public_ip.gateway.allocation_method == "Static" && azurerm_public_ip.gateway.sku == "Standard"
    error_message = "DNS records point to it."
  }

  assert {
    condition     = azurerm_public_ip.gateway.resource_group_name == local.resource_group.name
    error_message = "In the nodes' group it would go with the cluster."
  }
}

run "the_address_has_the_name_that_git_knows" {
  command = plan

  variables {
    gateway_address_name = "pip-shop"
  }

  assert {
    condition     = azurerm_public_ip.gateway.name == "pip-shop"
    error_message = "The Gateway in Git finds the address by its name."
  }
}

run "the_address_outlives_a_zone_where_nodes_do" {
  command = plan

  variables {
    zones = ["1", "2", "3"]
  }

  assert {
    condition     = length(azurerm_public_ip.gateway.zones) == 3
    error_message = "The address must be in every zone that nodes are in."
  }
}

run "the_control_plane_may_use_this_address_and_read_the_rest" {
  command = plan

  assert {
    condition     = azurerm_role_assignment.cluster_address.role_definition_name == "Network Contributor"
    error_message = "Tying the address to the load balancer needs the Network Contributor role on it."
  }

  assert {
    condition     = azurerm_role_assignment.cluster_addresses.role_definition_name == "Reader"
    error_message = "Finding the address needs no more than reading."
  }
}

run "the_cluster_goes_before_its_address" {
  command = plan

  assert {
    condition     = strcontains(file("${path.module}/cluster.tf"), "azurerm_role_assignment.cluster_address,")
    error_message = "An address that a load balancer still uses can't be deleted."
  }
}

run "an_address_name_that_azure_refuses_is_refused" {
  command = plan

  variables {
    gateway_address_name = "-gateway"
  }

  expect_failures = [var.gateway_address_name]
}
