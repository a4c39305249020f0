# The way in from outside: the Gateway API, by the application routing add-on of AKS, and the address for it.
variable "gateway_address_name" {
  description = "Public address of the gateway; the Gateway in Git names it too."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9]([A-Za-z0-9._-]{0,78}[A-Za-z0-9_])?$", var.gateway_address_name))
    error_message = "Give 1 to 80 letters, digits, '.', '_' and '-', starting with a letter or digit."
  }
}

# It signs in as azurerm does.
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

# Made here rather than by AKS, so that DNS records stay true when the Gateway or the cluster is replaced.
resource "azurerm_public_ip" "gateway" {
  name                = var.gateway_address_name
  resource_group_name = local.resource_group.name
  location            = var.location
  allocation_method   = "Static"
  sku                 = "Standard"
  zones               = length(var.zones) > 0 ? var.zones : null
  tags                = local.tags

  lifecycle {
    # DNS records point to it. scripts/down, which asks first, lifts this.
    prevent_destroy = true

    # AKS notes in these tags which Service uses it. Zones are chosen when it is made: others would be another address.
    ignore_changes = [tags["k8s-azure-cluster-name"], tags["k8s-azure-dns-label-service"], tags["k8s-azure-service"], zones]
  }
}

# AKS looks the address up among all of the group, then ties it to its load balancer. The cluster depends on both roles:
# when everything is removed, the cluster lets go of the address first.
resource "azurerm_role_assignment" "cluster_addresses" {
  scope                            = local.resource_group.id
  role_definition_name             = "Reader"
  principal_id                     = azurerm_user_assigned_identity.cluster.principal_id
  skip_service_principal_aad_check = true
}

resource "azurerm_role_assignment" "cluster_address" {
  scope                            = azurerm_public_ip.gateway.id
  role_definition_name             = "Network Contributor"
  principal_id                     = azurerm_user_assigned_identity.cluster.principal_id
  skip_service_principal_aad_check = true
}

output "gateway_address" {
  description = "Public address of the gateway: what the DNS records of all hosts point to."
  value       = azurerm_public_ip.gateway.ip_address
}
