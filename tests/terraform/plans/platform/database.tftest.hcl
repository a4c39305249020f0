variables {
  project_name = "shop"
  environments = ["dev", "prod"]
  database_server = {
    sku                   = "GP_Standard_D2ds_v5"
    storage_mb            = 131072
    standby               = true
    backup_retention_days = 35
    backup_geo_redundant  = true
  }
}

run "no_password_of_the_administrator_is_in_the_plan" {
  command = plan

  assert {
    condition     = azurerm_postgresql_flexible_server.this.administrator_password == null && azurerm_postgresql_flexible_server.this.administrator_password_wo == null
    error_message = "The server must get the password in an argument that is written and never kept."
  }

  assert {
    condition     = azurerm_key_vault_secret.database_administrator.value == null && azurerm_key_vault_secret.database_administrator.value_wo == null
    error_message = "The vault must get the password in an argument that is written and never kept."
  }
}

run "server_and_vault_get_a_new_password_together" {
  command = plan

  variables {
    database_password_version = 7
  }

  assert {
    condition = alltrue([
      azurerm_postgresql_flexible_server.this.administrator_password_wo_version == 7,
      azurerm_key_vault_secret.database_administrator.value_wo_version == 7,
    ])
    error_message = "With two versions, the vault would hold a password that the server does not know."
  }
}

run "the_server_has_no_public_address" {
  command = plan

  assert {
    condition     = !azurerm_postgresql_flexible_server.this.public_network_access_enabled
    error_message = "The server must be inside the virtual network only."
  }
}

run "the_servers_name_is_found_in_the_virtual_network" {
  command = plan

  assert {
    condition     = endswith(azurerm_private_dns_zone.database.name, ".postgres.database.azure.com")
    error_message = "Azure refuses a zone with another ending."
  }
}

run "every_environment_has_a_database_named_as_its_namespace" {
  command = plan

  assert {
    condition     = toset([for database in azurerm_postgresql_flexible_server_database.this : database.name]) == toset(["shop-dev", "shop-prod"])
    error_message = "Pods take the name of their namespace for the name of the database."
  }
}

run "production_has_a_standby_in_another_zone" {
  command = plan

  variables {
    zones = ["1", "2", "3"]
  }

  assert {
    condition     = azurerm_postgresql_flexible_server.this.high_availability[0].mode == "ZoneRedundant"
    error_message = "The standby must be in another zone."
  }
}

run "a_region_without_zones_has_the_standby_beside_it" {
  command = plan

  variables {
    zones = []
  }

  assert {
    condition     = azurerm_postgresql_flexible_server.this.high_availability[0].mode == "SameZone"
    error_message = "Azure refuses a standby in another zone where there is none."
  }
}

run "a_small_server_has_no_standby" {
  command = plan

  variables {
    database_server = { sku = "B_Standard_B1ms", storage_mb = 32768, standby = false, backup_retention_days = 7, backup_geo_redundant = false }
  }

  assert {
    condition     = length(azurerm_postgresql_flexible_server.this.high_availability) == 0
    error_message = "Burstable servers can't have one."
  }
}

run "a_burstable_server_with_a_standby_is_refused" {
  command = plan

  variables {
    database_server = { sku = "B_Standard_B1ms", storage_mb = 32768, standby = true, backup_retention_days = 7, backup_geo_redundant = false }
  }

  expect_failures = [var.database_server]
}

run "backups_are_kept_as_long_as_asked" {
  command = plan

  assert {
    condition     = azurerm_postgresql_flexible_server.this.backup_retention_days == 35 && azurerm_postgresql_flexible_server.this.geo_redundant_backup_enabled
    error_message = "Retention and the copy in the paired region must be those of database_server."
  }
}

run "backups_for_longer_than_azure_keeps_them_are_refused" {
  command = plan

  variables {
    database_server = { sku = "B_Standard_B1ms", storage_mb = 32768, standby = false, backup_retention_days = 90, backup_geo_redundant = false }
  }

  expect_failures = [var.database_server]
}

run "storage_grows_before_it_is_full" {
  command = plan

  assert {
    condition     = azurerm_postgresql_flexible_server.this.auto_grow_enabled
    error_message = "A full disk makes the server read-only."
  }
}

run "the_server_is_patched_in_its_window" {
  command = plan

  variables {
    database_maintenance = { day_of_week = 3, start_hour = 23 }
  }

  assert {
    condition     = azurerm_postgresql_flexible_server.this.maintenance_window[0].day_of_week == 3 && azurerm_postgresql_flexible_server.this.maintenance_window[0].start_hour == 23
    error_message = "Maintenance must keep to database_maintenance."
  }
}

run "the_servers_log_is_kept" {
  command = plan

  assert {
    condition     = contains([for log in azurerm_monitor_diagnostic_setting.database.enabled_log : log.category], "PostgreSQLLogs")
    error_message = "Who was refused must be seen in the workspace."
  }
}

run "a_server_name_that_azure_refuses_is_refused_here" {
  command = plan

  variables {
    database_server_name = "psql_shop"
  }

  expect_failures = [var.database_server_name]
}

run "the_administrators_password_is_for_the_job_that_makes_roles" {
  command = plan

  assert {
    condition     = [for key in keys(azurerm_role_assignment.secret_reader) : key if endswith(key, "/database-administrator-password")] == ["database-roles/database-administrator-password"]
    error_message = "No environment may read the administrator's password."
  }

  assert {
    condition     = local.secret_readers["database-roles"] == toset(["database-administrator-password", "dev-database-password", "prod-database-password"])
    error_message = "The job must read what it sets, and nothing else."
  }
}

run "an_environment_that_is_given_the_administrators_password_is_refused" {
  command = plan

  variables {
    environment_secrets = { dev = ["Database-Administrator-Password"], prod = [] }
  }

  expect_failures = [azurerm_key_vault_secret.database_administrator]
}
