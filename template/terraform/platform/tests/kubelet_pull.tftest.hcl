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

run "the_kubelet_may_pull" {
  command = plan

  assert {
    condition     = azurerm_role_assignment.kubelet_pull.role_definition_name == "AcrPull" && azurerm_role_assignment.kubelet_pull.skip_service_principal_aad_check
    error_message = "Nodes pull with the kubelet's identity; it needs AcrPull, given before Entra ID has spread the new identity."
  }
}
