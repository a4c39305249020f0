variables {
  environments        = ["dev", "prod"]
  environment_secrets = { dev = [], prod = ["Prod-Mail-Password"] }
  service_secrets     = ["MAIL_PASSWORD", "STRIPE_KEY"]
}

run "each_environment_has_an_entry_for_each_variable" {
  command = plan

  assert {
    condition     = keys(azurerm_key_vault_secret.service) == ["dev-mail-password", "dev-stripe-key", "prod-stripe-key"]
    error_message = "Every environment must have its entries, but for those that were made by hand."
  }

  assert {
    condition = toset([for key in keys(azurerm_role_assignment.secret_reader) : key if startswith(key, "key-vault-prod/")]) == toset(
      ["key-vault-prod/Prod-Mail-Password", "key-vault-prod/prod-stripe-key"]
    )
    error_message = "An environment must read its entries, each by one role."
  }
}

run "a_value_is_in_neither_plan_nor_state_and_stays" {
  command = plan

  assert {
    condition     = alltrue([for secret in azurerm_key_vault_secret.service : secret.value == null && secret.value_wo == null])
    error_message = "A value must only ever be in an argument that is written and never kept."
  }

  assert {
    condition     = alltrue([for secret in azurerm_key_vault_secret.service : secret.value_wo_version == 1])
    error_message = "Another version would replace what people have set."
  }
}

run "a_name_that_is_no_variable_is_refused" {
  command = plan

  variables {
    service_secrets = ["stripe-key"]
  }

  expect_failures = [var.service_secrets]
}
