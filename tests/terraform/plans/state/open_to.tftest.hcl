run "only_private_endpoints_lead_to_the_state" {
  command = plan

  assert {
    condition     = !azurerm_storage_account.state.public_network_access_enabled && azurerm_storage_account.state.network_rules[0].default_action == "Deny"
    error_message = "It must have no public address."
  }
}

run "a_machine_outside_is_let_in_by_its_address_alone" {
  command = plan

  variables {
    open_to = ["203.0.113.7"]
  }

  assert {
    condition     = azurerm_storage_account.state.public_network_access_enabled && azurerm_storage_account.state.network_rules[0].ip_rules == toset(["203.0.113.7"])
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
