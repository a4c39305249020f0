  secret_readers = {
    for environment in var.environments : "key-vault-${environment}" => lookup(#{ ENVIRONMENT_SECRETS }#, environment, [])
  }
