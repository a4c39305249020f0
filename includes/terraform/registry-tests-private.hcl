run "only_private_endpoints_lead_to_the_registry" {
  command = plan

  assert {
    condition     = !azurerm_container_registry.this.public_network_access_enabled
    error_message = "It must have no public address."
  }

  assert {
    condition     = azurerm_container_registry.this.network_rule_set[0].default_action == "Deny" && length(azurerm_container_registry.this.network_rule_set[0].ip_rule) == 0
    error_message = "Nobody may be let in past the endpoints."
  }
}

run "a_registry_without_private_endpoints_is_refused" {
  command = plan

  variables {
    registry_sku = "Standard"
  }

  expect_failures = [var.registry_sku]
}
