  secret_readers = merge(
    { for environment in var.environments : "key-vault-${environment}" => lookup(#{ terraform_spec.environment_secrets }#, environment, []) },
    {
      # The job that makes the roles of the environments on the database server.
      database-roles = toset(concat(
        [azurerm_key_vault_secret.database_administrator.name],
        [for secret in azurerm_key_vault_secret.database_password : secret.name],
      ))
    },
  )
