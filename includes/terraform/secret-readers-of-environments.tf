  secret_readers = {
    for environment in var.environments : "key-vault-${environment}" => lookup(#{ terraform_spec.environment_secrets }#, environment, [])
  }
