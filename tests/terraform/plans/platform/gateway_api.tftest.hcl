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
    condition     = strcontains(file("${path.module}/gateway_api.tf"), "replace_triggered_by = [azurerm_kubernetes_cluster.this]")
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
