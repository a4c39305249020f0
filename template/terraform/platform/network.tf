locals {
  # While pools are upgraded or rotated, new nodes stand beside the old ones.
  nodes_at_most = 2 * (var.system_nodes.max_count + var.app_nodes.max_count)
}

resource "azurerm_virtual_network" "this" {
  name                = var.names.virtual_network
  resource_group_name = azurerm_resource_group.this.name
  location            = azurerm_resource_group.this.location
  address_space       = [var.network.address_space]
  tags                = local.tags
}

resource "azurerm_subnet" "nodes" {
  #checkov:skip=CKV2_AZURE_31: AKS keeps its own security group at the nodes' network cards and opens it for each load balancer; a second one here would block those
  name                 = "nodes"
  resource_group_name  = azurerm_resource_group.this.name
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
