# The API server, inside the virtual network: only what is in it, or has a way into it, reaches Kubernetes.
variable "api_server_subnet" {
  description = "Range of the API server's subnet, in which AKS keeps nothing else."
  type        = string

  # https://learn.microsoft.com/azure/aks/api-server-vnet-integration
  validation {
    condition     = can(cidrnetmask(var.api_server_subnet)) && try(tonumber(split("/", var.api_server_subnet)[1]) <= 28, false)
    error_message = "Give an IPv4 range of 16 addresses or more, such as 10.100.4.32/28."
  }
}

resource "azurerm_subnet" "api_server" {
  #checkov:skip=CKV2_AZURE_31: AKS manages what is in it; Entra ID decides who may use the API
  name                 = "api-server"
  resource_group_name  = local.resource_group.name
  virtual_network_name = azurerm_virtual_network.this.name
  address_prefixes     = [var.api_server_subnet]

  delegation {
    name = "aks"

    service_delegation {
      name    = "Microsoft.ContainerService/managedClusters"
      actions = ["Microsoft.Network/virtualNetworks/subnets/join/action"]
    }
  }

  lifecycle {
    precondition {
      condition     = length(var.api_server_authorized_ip_ranges) == 0
      error_message = "The API server has no public address: remove api_server_authorized_ip_ranges."
    }
  }
}

resource "azurerm_role_assignment" "cluster_api_server" {
  scope                            = azurerm_subnet.api_server.id
  role_definition_name             = "Network Contributor"
  principal_id                     = azurerm_user_assigned_identity.cluster.principal_id
  skip_service_principal_aad_check = true
}
