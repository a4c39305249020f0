variables {
  environments = ["dev", "prod"]
  environment_secrets = {
    dev  = ["payments-of-dev"]
    prod = []
  }
}

run "readers_read_and_never_write" {
  command = plan

  assert {
    condition     = toset([for grant in azurerm_role_assignment.secret_reader : grant.role_definition_name]) == toset(["Key Vault Secrets User"])
    error_message = "External Secrets must read, not write."
  }
}

run "an_environment_reads_its_own_secrets_only" {
  command = plan

  assert {
    condition     = [for key in keys(azurerm_role_assignment.secret_reader) : key if endswith(key, "/payments-of-dev")] == ["key-vault-dev/payments-of-dev"]
    error_message = "An environment must read what environment_secrets lists for it, and no other may."
  }
}

run "a_reader_signs_in_as_its_own_service_account" {
  command = plan

  assert {
    condition     = alltrue([for name, credential in azurerm_federated_identity_credential.secret_reader : credential.subject == "system:serviceaccount:external-secrets:${name}"])
    error_message = "The subject must be the service account that ../gitops makes."
  }

  assert {
    condition     = alltrue([for credential in azurerm_federated_identity_credential.secret_reader : tolist(credential.audience) == tolist(["api://AzureADTokenExchange"])])
    error_message = "Entra ID exchanges tokens for this audience only."
  }
}

run "a_name_that_key_vault_refuses_is_refused_here" {
  command = plan

  variables {
    environment_secrets = { dev = ["payments/v1"], prod = [] }
  }

  expect_failures = [var.environment_secrets]
}
