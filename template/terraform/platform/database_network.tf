# The database server's own part of the virtual network.
variable "database_subnet" {
  description = "Range of the server's own subnet; the services' network policies in Git name it too."
  type        = string

  validation {
    condition     = can(cidrnetmask(var.database_subnet))
    error_message = "Give an IPv4 range such as 10.100.4.0/27."
  }
}

variable "database_security_group_name" {
  description = "Network security group of that subnet."
  type        = string
}

locals {
  virtual_network_id = azurerm_virtual_network.this.id

  # After its security group: the server is let in nowhere else.
  database_subnet_id = azurerm_subnet_network_security_group_association.database.subnet_id
}

resource "azurerm_subnet" "database" {
  name                 = "database"
  resource_group_name  = local.resource_group.name
  virtual_network_name = azurerm_virtual_network.this.name
  address_prefixes     = [var.database_subnet]

  # Azure adds it for the server's backups; undeclared, each apply would take it away.
  service_endpoint {
    service = "Microsoft.Storage"
  }

  delegation {
    name = "postgresql"

    service_delegation {
      name    = "Microsoft.DBforPostgreSQL/flexibleServers"
      actions = ["Microsoft.Network/virtualNetworks/subnets/join/action"]
    }
  }

  lifecycle {
    precondition {
      condition = try(
        tonumber(split("/", var.database_subnet)[1]) >= tonumber(split("/", var.network.address_space)[1]) &&
        cidrsubnet("${split("/", var.database_subnet)[0]}/${split("/", var.network.address_space)[1]}", 0, 0) ==
        cidrsubnet(var.network.address_space, 0, 0)
      , false)
      error_message = "The database's subnet must lie within the virtual network: change database_subnet."
    }

    # Two ranges overlap exactly when they are the same once both are cut to the shorter prefix.
    precondition {
      condition = try(
        cidrsubnet("${split("/", var.database_subnet)[0]}/${min(split("/", var.database_subnet)[1], split("/", var.network.nodes)[1])}", 0, 0) !=
        cidrsubnet("${split("/", var.network.nodes)[0]}/${min(split("/", var.database_subnet)[1], split("/", var.network.nodes)[1])}", 0, 0)
      , false)
      error_message = "The database's subnet must not overlap the nodes': change database_subnet."
    }

    # https://learn.microsoft.com/azure/postgresql/network/concepts-networking-private
    precondition {
      condition     = try(tonumber(split("/", var.database_subnet)[1]) <= 28, false)
      error_message = "The database's subnet must hold 16 addresses or more: a server with its standby takes several."
    }
  }
}

# Pods reach the server with the address of their node.
resource "azurerm_network_security_group" "database" {
  name                = var.database_security_group_name
  resource_group_name = local.resource_group.name
  location            = var.location
  tags                = local.tags
}

resource "azurerm_network_security_rule" "database" {
  for_each = {
    nodes    = { priority = 100, access = "Allow", from = var.network.nodes, ports = ["5432"] }
    standby  = { priority = 110, access = "Allow", from = var.database_subnet, ports = ["5432", "6432"] }
    all-else = { priority = 4000, access = "Deny", from = "*", ports = ["0-65535"] }
  }

  name                        = each.key
  resource_group_name         = local.resource_group.name
  network_security_group_name = azurerm_network_security_group.database.name
  direction                   = "Inbound"
  access                      = each.value.access
  priority                    = each.value.priority
  protocol                    = "Tcp"
  source_address_prefix       = each.value.from
  source_port_range           = "*"
  destination_address_prefix  = var.database_subnet
  destination_port_ranges     = each.value.ports
}

resource "azurerm_subnet_network_security_group_association" "database" {
  subnet_id                 = azurerm_subnet.database.id
  network_security_group_id = azurerm_network_security_group.database.id

  depends_on = [azurerm_network_security_rule.database]
}
