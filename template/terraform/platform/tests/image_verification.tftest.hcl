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

run "the_verifier_may_read_the_registry_and_nothing_else" {
  command = plan

  assert {
    condition     = azurerm_role_assignment.image_verification.role_definition_name == "AcrPull"
    error_message = "Signatures are in the registry."
  }
}

run "the_verifier_signs_in_as_its_service_account" {
  command = plan

  assert {
    condition     = azurerm_federated_identity_credential.image_verification.subject == "system:serviceaccount:kyverno:kyverno-admission-controller"
    error_message = "The chart names the account so."
  }
}
