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
