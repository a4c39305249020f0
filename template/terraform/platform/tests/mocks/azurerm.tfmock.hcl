mock_data "azurerm_client_config" {
  defaults = {
    tenant_id       = "11111111-1111-1111-1111-111111111111"
    subscription_id = "22222222-2222-2222-2222-222222222222"
    client_id       = "33333333-3333-3333-3333-333333333333"
    object_id       = "44444444-4444-4444-4444-444444444444"
  }
}

mock_data "azurerm_kubernetes_service_versions" {
  defaults = {
    versions = ["1.35.6", "1.36.1", "1.36.3"]
  }
}
