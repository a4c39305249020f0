# The Gateway API, by the application routing add-on of AKS. azapi signs in as azurerm does.
provider "azapi" {
  # ../state has registered the resource providers.
  skip_provider_registration = true
}

# azurerm can't set these yet: https://github.com/hashicorp/terraform-provider-azurerm/issues/31710
resource "azapi_update_resource" "gateway_api" {
  type        = "Microsoft.ContainerService/managedClusters@2026-04-01"
  resource_id = azurerm_kubernetes_cluster.this.id

  body = {
    properties = {
      ingressProfile = {
        gatewayAPI = {
          installation = "Standard"
        }
        webAppRouting = {
          gatewayAPIImplementations = {
            appRoutingIstio = {
              mode = "Enabled"
            }
          }
        }
      }
    }
  }

  lifecycle {
    # azurerm writes the cluster whole, with a version of the API that lacks these settings: they are set again after it.
    replace_triggered_by = [azurerm_kubernetes_cluster.this]
  }
}
