variable "network" {
  description = "Address ranges. Nodes live in the virtual network; pods and services have ranges of their own (overlay)."
  type = object({
    address_space = optional(string, "10.100.0.0/16")
    nodes         = optional(string, "10.100.0.0/22")
    pods          = optional(string, "10.244.0.0/16")
    services      = optional(string, "10.200.0.0/16")
  })
  default = {}

  validation {
    condition     = alltrue([for range in values(var.network) : can(cidrnetmask(range))])
    error_message = "Give IPv4 ranges such as 10.100.0.0/16."
  }

  # Two ranges overlap exactly when they are the same once both are cut to the shorter prefix.
  validation {
    condition = try(alltrue([
      for pair in [
        [var.network.address_space, var.network.pods],
        [var.network.address_space, var.network.services],
        [var.network.pods, var.network.services],
      ] :
      cidrsubnet("${split("/", pair[0])[0]}/${min(split("/", pair[0])[1], split("/", pair[1])[1])}", 0, 0) !=
      cidrsubnet("${split("/", pair[1])[0]}/${min(split("/", pair[0])[1], split("/", pair[1])[1])}", 0, 0)
    ]), true)
    error_message = "The ranges of the virtual network, the pods and the services must not overlap."
  }

  validation {
    condition = try(
      tonumber(split("/", var.network.nodes)[1]) >= tonumber(split("/", var.network.address_space)[1]) &&
      cidrsubnet("${split("/", var.network.nodes)[0]}/${split("/", var.network.address_space)[1]}", 0, 0) ==
      cidrsubnet(var.network.address_space, 0, 0)
    , true)
    error_message = "The nodes' subnet must lie within the virtual network."
  }

  # https://learn.microsoft.com/azure/aks/azure-cni-overlay
  validation {
    condition = try(alltrue([
      for pair in setproduct(
        [var.network.address_space, var.network.pods, var.network.services],
        ["169.254.0.0/16", "172.30.0.0/16", "172.31.0.0/16", "192.0.2.0/24"],
      ) :
      cidrsubnet("${split("/", pair[0])[0]}/${min(split("/", pair[0])[1], split("/", pair[1])[1])}", 0, 0) !=
      cidrsubnet("${split("/", pair[1])[0]}/${min(split("/", pair[0])[1], split("/", pair[1])[1])}", 0, 0)
    ]), true)
    error_message = "AKS keeps 169.254.0.0/16, 172.30.0.0/16, 172.31.0.0/16 and 192.0.2.0/24 for itself."
  }
}

variable "virtual_network_name" {
  description = "Virtual network that the nodes live in."
  type        = string
}

locals {
  nodes_subnet_id = azurerm_subnet.nodes.id

  # While pools are upgraded or rotated, new nodes stand beside the old ones.
  nodes_at_most = 2 * (var.system_nodes.max_count + var.app_nodes.max_count)
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

  lifecycle {
    # Azure keeps 5 addresses of every subnet.
    precondition {
      condition     = pow(2, 32 - tonumber(split("/", var.network.nodes)[1])) - 5 >= local.nodes_at_most
      error_message = "The nodes' subnet is too small for ${local.nodes_at_most} nodes: widen network.nodes or lower max_count."
    }

    # With overlay networking every node takes a /24 of the pods' range.
    precondition {
      condition     = pow(2, 24 - tonumber(split("/", var.network.pods)[1])) >= local.nodes_at_most
      error_message = "The pods' range is too small for ${local.nodes_at_most} nodes: widen network.pods or lower max_count."
    }
  }
}
