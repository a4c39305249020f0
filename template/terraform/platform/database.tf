# PostgreSQL as a service of Azure, inside the virtual network: there is no public address. One server; each environment
# has a database and a role of its own, both named as its namespace.
variable "database_server_name" {
  description = "Name of the server, unique in all of Azure; the Deployments in Git name its address too."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{1,61}[a-z0-9])$", var.database_server_name))
    error_message = "Give 3 to 63 lower-case letters, digits and '-', not starting or ending with '-'."
  }
}

variable "database_server" {
  description = "Size and safety of the server. storage_mb is what it begins with: it grows by itself and never shrinks."
  type = object({
    version               = optional(string, "18")
    sku                   = string
    storage_mb            = number
    standby               = bool # a second server that takes over: in another zone, where var.zones names some
    backup_retention_days = number
    backup_geo_redundant  = bool # counts when the server is made, not later; needs a region that has a pair
  })

  # https://learn.microsoft.com/azure/reliability/reliability-postgresql-flexible-server
  validation {
    condition     = !(var.database_server.standby && startswith(var.database_server.sku, "B_"))
    error_message = "Burstable (B) servers can't have a standby: choose a GP or MO size, or no standby."
  }

  validation {
    condition     = var.database_server.backup_retention_days >= 7 && var.database_server.backup_retention_days <= 35
    error_message = "Azure keeps backups for 7 to 35 days."
  }
}

variable "database_maintenance" {
  description = "When Azure may patch the server: day of the week (0 is Sunday) and hour, in UTC."
  type = object({
    day_of_week = optional(number, 0)
    start_hour  = optional(number, 2)
  })
  default = {}

  validation {
    condition = (
      contains(range(7), var.database_maintenance.day_of_week) && contains(range(24), var.database_maintenance.start_hour)
    )
    error_message = "Give a day from 0 (Sunday) to 6 and an hour from 0 to 23."
  }
}

locals {
  database_names = { for environment in var.environments : environment => "${var.project_name}-${environment}" }
}

# The server's public name points into this zone, which only the virtual network can see.
resource "azurerm_private_dns_zone" "database" {
  name                = "${var.cluster_name}.private.postgres.database.azure.com"
  resource_group_name = local.resource_group.name
  tags                = local.tags
}

resource "azurerm_private_dns_zone_virtual_network_link" "database" {
  name                = basename(local.virtual_network_id)
  private_dns_zone_id = azurerm_private_dns_zone.database.id
  virtual_network_id  = local.virtual_network_id
  tags                = local.tags
}

ephemeral "random_password" "database_administrator" {
  length      = 32
  special     = false # the same in the vault, in a shell and in a connection string
  min_lower   = 1
  min_upper   = 1
  min_numeric = 1
}

resource "azurerm_postgresql_flexible_server" "this" {
  #checkov:skip=CKV_AZURE_136: backups in the paired region follow var.database_server, on for production
  #checkov:skip=CKV2_AZURE_57: the server has no public address; it is in the virtual network by its delegated subnet, which excludes a private endpoint
  name                = var.database_server_name
  resource_group_name = local.resource_group.name
  location            = var.location
  tags                = local.tags

  version           = var.database_server.version
  sku_name          = var.database_server.sku
  storage_mb        = var.database_server.storage_mb
  auto_grow_enabled = true

  delegated_subnet_id           = local.database_subnet_id
  private_dns_zone_id           = azurerm_private_dns_zone.database.id
  public_network_access_enabled = false

  administrator_login               = "psqladmin"
  administrator_password_wo         = ephemeral.random_password.database_administrator.result
  administrator_password_wo_version = var.database_password_version

  backup_retention_days        = var.database_server.backup_retention_days
  geo_redundant_backup_enabled = var.database_server.backup_geo_redundant

  authentication {
    active_directory_auth_enabled = false
    password_auth_enabled         = true
  }

  dynamic "high_availability" {
    for_each = var.database_server.standby ? [length(var.zones) > 0 ? "ZoneRedundant" : "SameZone"] : []

    content {
      mode = high_availability.value
    }
  }

  maintenance_window {
    day_of_week  = var.database_maintenance.day_of_week
    start_hour   = var.database_maintenance.start_hour
    start_minute = 0
  }

  lifecycle {
    # No change of an argument may replace the server. `make down`, which asks first, lifts this.
    prevent_destroy = true

    # Backups in the paired region are chosen when the server is made. The other zone is Azure's to choose and to swap
    # at a failover; storage grows by itself.
    ignore_changes = [
      geo_redundant_backup_enabled,
      high_availability[0].standby_availability_zone,
      storage_mb,
      zone,
    ]
  }

  depends_on = [azurerm_private_dns_zone_virtual_network_link.database]
}

resource "azurerm_postgresql_flexible_server_database" "this" {
  for_each = local.database_names

  name      = each.value
  server_id = azurerm_postgresql_flexible_server.this.id
  charset   = "UTF8"
  collation = "en_US.utf8"

  lifecycle {
    # An environment that is taken out of the list keeps its data until `make down` or a person removes it.
    prevent_destroy = true
  }
}

# For clusters/*/database-roles, which makes the roles of the environments. After the server, so that a server that
# could not be made leaves no password behind that the next run would not repeat.
resource "azurerm_key_vault_secret" "database_administrator" {
  #checkov:skip=CKV_AZURE_41: an expired password would stop the making of roles; it is changed with var.database_password_version
  name             = "database-administrator-password"
  key_vault_id     = local.key_vault_id
  content_type     = "text/plain"
  tags             = local.tags
  value_wo         = ephemeral.random_password.database_administrator.result
  value_wo_version = var.database_password_version

  depends_on = [azurerm_postgresql_flexible_server.this, time_sleep.roles_honoured]
}

resource "azurerm_monitor_diagnostic_setting" "database" {
  name                           = "server"
  target_resource_id             = azurerm_postgresql_flexible_server.this.id
  log_analytics_workspace_id     = local.log_analytics_id
  log_analytics_destination_type = "Dedicated"

  enabled_log {
    category = "PostgreSQLLogs"
  }
}
