run "standard_asks_for_nothing_that_only_premium_has" {
  command = plan

  variables {
    registry_sku = "Standard"
    zones        = ["1", "2", "3"]
  }

  assert {
    condition     = !azurerm_container_registry.this.zone_redundancy_enabled && azurerm_container_registry.this.retention_policy_in_days == null
    error_message = "Azure refuses these for Standard."
  }
}
