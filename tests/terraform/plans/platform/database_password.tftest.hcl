variables {
  environments = ["dev", "prod"]
}

run "no_password_is_in_the_plan" {
  command = plan

  assert {
    condition     = alltrue([for secret in azurerm_key_vault_secret.database_password : secret.value == null && secret.value_wo == null])
    error_message = "A password must only ever be in an argument that is written and never kept."
  }
}

run "every_environment_has_a_password_of_its_own" {
  command = plan

  assert {
    condition     = toset([for secret in azurerm_key_vault_secret.database_password : secret.name]) == toset(["dev-database-password", "prod-database-password"])
    error_message = "External Secrets reads <environment>-database-password."
  }
}

run "a_new_password_is_made_only_when_asked_for" {
  command = plan

  variables {
    database_password_version = 7
  }

  assert {
    condition     = alltrue([for secret in azurerm_key_vault_secret.database_password : secret.value_wo_version == 7])
    error_message = "The version must be the one given, or every run would change the password."
  }
}

run "an_environment_that_is_given_the_password_of_another_is_refused" {
  command = plan

  variables {
    environment_secrets = { dev = ["prod-database-password"], prod = [] }
  }

  expect_failures = [azurerm_key_vault_secret.database_password]
}
