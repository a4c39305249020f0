# It signs in as azurerm does.
provider "azapi" {
  # ../state has registered the resource providers.
  skip_provider_registration = true
}

# The collector on the cluster; what it sends where is in metrics.tf. azurerm's resource can't turn it on, and leaves it on
# when it changes the cluster.
resource "azapi_update_resource" "metrics" {
  type        = "Microsoft.ContainerService/managedClusters@2026-04-01"
  resource_id = azurerm_kubernetes_automatic_cluster.this.id

  body = {
    properties = {
      azureMonitorProfile = {
        metrics = {
          enabled = true
        }
      }
    }
  }
}
