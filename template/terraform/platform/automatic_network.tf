variable "network" {
  description = "Address ranges of the virtual network. Pods and services have ranges of their own, which AKS presets (overlay)."
  type = object({
    address_space = optional(string, "10.100.0.0/16")
    nodes         = optional(string, "10.100.0.0/22")
    api_server    = optional(string, "10.100.4.32/28")
    system_nodes  = optional(string, "10.100.5.0/24")
  })
  default = {}

  validation {
    condition     = alltrue([for range in values(var.network) : can(cidrnetmask(range))])
    error_message = "Give IPv4 ranges such as 10.100.0.0/16."
  }

  validation {
    condition = try(alltrue([
      for range in [var.network.nodes, var.network.api_server, var.network.system_nodes] :
      tonumber(split("/", range)[1]) >= tonumber(split("/", var.network.address_space)[1]) &&
      cidrsubnet("${split("/", range)[0]}/${split("/", var.network.address_space)[1]}", 0, 0) ==
      cidrsubnet(var.network.address_space, 0, 0)
    ]), true)
    error_message = "The subnets must lie within the virtual network."
  }

  # https://learn.microsoft.com/azure/aks/api-server-vnet-integration
  validation {
    condition     = try(tonumber(split("/", var.network.api_server)[1]) <= 28, true)
    error_message = "Give the API server's subnet 16 addresses or more, such as 10.100.4.32/28."
  }

  # Two ranges overlap exactly when they are the same once both are cut to the shorter prefix. The first two are what pods and
  # services have by default, the last four AKS keeps for itself: https://learn.microsoft.com/azure/aks/azure-cni-overlay
  validation {
    condition = try(alltrue([
      for range in ["10.244.0.0/16", "10.0.0.0/16", "169.254.0.0/16", "172.30.0.0/16", "172.31.0.0/16", "192.0.2.0/24"] :
      cidrsubnet("${split("/", range)[0]}/${min(split("/", range)[1], split("/", var.network.address_space)[1])}", 0, 0) !=
      cidrsubnet("${split("/", var.network.address_space)[0]}/${min(split("/", range)[1], split("/", var.network.address_space)[1])}", 0, 0)
    ]), true)
    error_message = "AKS takes 10.244.0.0/16, 10.0.0.0/16, 169.254.0.0/16, 172.30.0.0/16, 172.31.0.0/16 and 192.0.2.0/24."
  }
}

variable "virtual_network_name" {
  description = "Virtual network that the nodes live in."
  type        = string
}

resource "azurerm_virtual_network" "this" {
  name                = var.virtual_network_name
  resource_group_name = local.resource_group.name
  location            = var.location
  address_space       = [var.network.address_space]
  tags                = local.tags
}

resource "azurerm_subnet" "nodes" {
  #checkov:skip=CKV2_AZURE_31: AKS keeps its own security group at the nodes' network cards and opens it for each load balancer; a second one here would block those
  name                 = "nodes"
  resource_group_name  = local.resource_group.name
  virtual_network_name = azurerm_virtual_network.this.name
  address_prefixes     = [var.network.nodes]
}

# The nodes of the system, which AKS runs in a subscription of its own.
resource "azurerm_subnet" "system_nodes" {
  #checkov:skip=CKV2_AZURE_31: AKS manages what is in it
  name                 = "system-nodes"
  resource_group_name  = local.resource_group.name
  virtual_network_name = azurerm_virtual_network.this.name
  address_prefixes     = [var.network.system_nodes]

  lifecycle {
    # AKS hands it to what joins it.
    ignore_changes = [delegation]
  }
}

# The API server, inside the virtual network, whether or not it has a public address too.
resource "azurerm_subnet" "api_server" {
  #checkov:skip=CKV2_AZURE_31: AKS manages what is in it; Entra ID decides who may use the API
  name                 = "api-server"
  resource_group_name  = local.resource_group.name
  virtual_network_name = azurerm_virtual_network.this.name
  address_prefixes     = [var.network.api_server]

  delegation {
    name = "aks"

    service_delegation {
      name    = "Microsoft.ContainerService/managedClusters"
      actions = ["Microsoft.Network/virtualNetworks/subnets/join/action"]
    }
  }
}

resource "azurerm_role_assignment" "cluster_network" {
  scope                            = azurerm_virtual_network.this.id
  role_definition_name             = "Network Contributor"
  principal_id                     = azurerm_user_assigned_identity.cluster.principal_id
  skip_service_principal_aad_check = true
}
