variables {
  project_name    = "shop"
  environments    = ["dev", "prod"]
  network         = {}
  database_subnet = "10.100.4.0/27"
  database_server = {
    sku                   = "GP_Standard_D2ds_v5"
    storage_mb            = 131072
    standby               = true
    backup_retention_days = 35
    backup_geo_redundant  = true
  }
}

run "the_subnet_is_the_servers_alone" {
  command = plan

  assert {
    condition     = azurerm_subnet.database.delegation[0].service_delegation[0].name == "Microsoft.DBforPostgreSQL/flexibleServers"
    error_message = "The subnet must be delegated to flexible servers."
  }

  assert {
    condition     = tolist(azurerm_subnet.database.address_prefixes) == tolist(["10.100.4.0/27"])
    error_message = "The subnet must have the range that the network policies name."
  }
}

run "only_nodes_and_the_standby_reach_the_server" {
  command = plan

  assert {
    condition     = toset([for rule in azurerm_network_security_rule.database : rule.source_address_prefix if rule.access == "Allow"]) == toset([var.network.nodes, var.database_subnet])
    error_message = "Pods come with the address of their node; nothing else needs the server."
  }

  assert {
    condition     = azurerm_network_security_rule.database["all-else"].access == "Deny" && azurerm_network_security_rule.database["all-else"].priority > 110
    error_message = "Without a last rule that denies, Azure lets the whole virtual network in."
  }
}

run "a_subnet_that_overlaps_the_nodes_is_refused" {
  command = plan

  variables {
    database_subnet = "10.100.3.224/27"
  }

  expect_failures = [azurerm_subnet.database]
}

run "a_subnet_outside_the_virtual_network_is_refused" {
  command = plan

  variables {
    database_subnet = "10.101.4.0/27"
  }

  expect_failures = [azurerm_subnet.database]
}

run "a_subnet_too_small_for_a_server_is_refused" {
  command = plan

  variables {
    database_subnet = "10.100.4.0/29"
  }

  expect_failures = [azurerm_subnet.database]
}
