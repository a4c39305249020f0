variables {
  environments       = ["dev", "prod"]
  service_identities = ["web"]
}

run "each_environment_has_an_identity_of_its_own" {
  command = plan

  assert {
    condition     = keys(azurerm_user_assigned_identity.service) == ["dev-web", "prod-web"]
    error_message = "An identity that two environments share lets one act as the other."
  }
}

run "an_identity_is_for_one_account_of_one_namespace" {
  command = plan

  assert {
    condition     = [for credential in azurerm_federated_identity_credential.service : credential.subject] == ["system:serviceaccount:${var.project_name}-dev:web", "system:serviceaccount:${var.project_name}-prod:web"]
    error_message = "The subject must be the service account in apps/."
  }
}

run "services_may_do_nothing_at_first" {
  command = plan

  assert {
    condition     = length(azurerm_role_assignment.service) == 0
    error_message = "Roles are given by name, one after the other."
  }
}
