mock_provider "azurerm" {
  mock_data "azurerm_client_config" {
    defaults = {
      tenant_id       = "11111111-1111-1111-1111-111111111111"
      subscription_id = "22222222-2222-2222-2222-222222222222"
      client_id       = "33333333-3333-3333-3333-333333333333"
      object_id       = "44444444-4444-4444-4444-444444444444"
    }
  }
}

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
