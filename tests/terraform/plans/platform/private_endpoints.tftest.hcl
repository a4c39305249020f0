run "only_private_endpoints_lead_to_the_vault" {
  command = plan

  assert {
    condition     = !azurerm_key_vault.this.public_network_access_enabled
    error_message = "It must have no public address."
  }

  assert {
    condition     = azurerm_key_vault.this.network_acls[0].default_action == "Deny" && azurerm_key_vault.this.network_acls[0].bypass == "None" && length(azurerm_key_vault.this.network_acls[0].ip_rules) == 0
    error_message = "Nobody may be let in past the endpoint."
  }
}

run "each_endpoint_leads_to_one_part_of_its_resource" {
  command = plan

  assert {
    condition     = alltrue([for name, endpoint in azurerm_private_endpoint.this : endpoint.private_service_connection[0].subresource_names == tolist([local.private_endpoints[name].part])])
    error_message = "A vault has one part, a registry too; backups and the state are blobs."
  }
}

run "the_state_has_an_endpoint_in_this_network" {
  command = plan

  variables {
    state = { resource_group_name = "rg-state", storage_account_name = "stshop" }
  }

  assert {
    condition     = azurerm_private_endpoint.this["state"].private_service_connection[0].private_connection_resource_id == "/subscriptions/22222222-2222-2222-2222-222222222222/resourceGroups/rg-state/providers/Microsoft.Storage/storageAccounts/stshop"
    error_message = "Runners in the network read and write the state."
  }
}

run "public_names_lead_to_the_endpoints" {
  command = plan

  assert {
    condition     = contains(keys(azurerm_private_dns_zone.private), "privatelink.vaultcore.azure.net") && contains(keys(azurerm_private_dns_zone.private), "privatelink.blob.core.windows.net")
    error_message = "Azure's names are aliases in these zones."
  }

  assert {
    condition     = keys(azurerm_private_dns_zone_virtual_network_link.private) == keys(azurerm_private_dns_zone.private)
    error_message = "The network must ask each of them."
  }
}

run "zones_that_are_there_are_not_made_again" {
  command = plan

  variables {
    private_dns_zone_ids = {
      "privatelink.vaultcore.azure.net" = "/subscriptions/22222222-2222-2222-2222-222222222222/resourceGroups/rg-dns/providers/Microsoft.Network/privateDnsZones/privatelink.vaultcore.azure.net"
    }
  }

  assert {
    condition     = !contains(keys(azurerm_private_dns_zone.private), "privatelink.vaultcore.azure.net")
    error_message = "A second zone of the name would hide what the first knows."
  }

  assert {
    condition     = endswith(azurerm_private_endpoint.this["vault"].private_dns_zone_group[0].private_dns_zone_ids[0], "/rg-dns/providers/Microsoft.Network/privateDnsZones/privatelink.vaultcore.azure.net")
    error_message = "The endpoint's address must be noted in the zone that is there."
  }
}

run "secrets_are_written_through_the_endpoint" {
  command = plan

  assert {
    condition     = strcontains(file("${path.module}/operators.tf"), "azurerm_private_endpoint.this,")
    error_message = "Before it is there, the vault can't be reached."
  }
}

run "a_machine_outside_is_let_in_by_its_address_alone" {
  command = plan

  variables {
    open_to = ["203.0.113.7"]
  }

  assert {
    condition     = azurerm_key_vault.this.public_network_access_enabled && azurerm_key_vault.this.network_acls[0].ip_rules == toset(["203.0.113.7"])
    error_message = "Only the address named may be let in."
  }
}

run "a_range_of_addresses_is_refused" {
  command = plan

  variables {
    open_to = ["203.0.113.0/24"]
  }

  expect_failures = [var.open_to]
}

run "a_subnet_that_is_none_is_refused" {
  command = plan

  variables {
    private_endpoints_subnet = "private"
  }

  expect_failures = [var.private_endpoints_subnet]
}
