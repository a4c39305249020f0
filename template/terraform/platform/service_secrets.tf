variable "service_secrets" {
  description = "Variables that services get from Key Vault: STRIPE_KEY is ENVIRONMENT-stripe-key there."
  type        = set(string)

  validation {
    condition     = alltrue([for name in var.service_secrets : can(regex("^[A-Z]([A-Z0-9_]{0,98}[A-Z0-9])?$", name))])
    error_message = "A variable has a name of upper-case letters, digits and '_', such as STRIPE_KEY."
  }
}

locals {
  # Entry => the environment that reads it.
  service_secrets = merge([
    for environment in var.environments : {
      for name in var.service_secrets : "${environment}-${lower(replace(name, "_", "-"))}" => environment
    }
  ]...)

  # With what environment_secrets lists.
  environment_secrets = {
    for environment in var.environments : environment => setunion(
      lookup(var.environment_secrets, environment, []),
      [for entry in keys(azurerm_key_vault_secret.service) : entry if local.service_secrets[entry] == environment],
    )
  }
}

# Azure gives a role on a secret that is there. So each begins without a value, and `make secret` gives it one, which is
# neither read into the state nor replaced. An entry that environment_secrets names too was made by hand, and stays so.
resource "azurerm_key_vault_secret" "service" {
  #checkov:skip=CKV_AZURE_41: whoever sets the value knows when it expires
  for_each = toset([
    for entry, environment in local.service_secrets : entry
    if !contains([for name in lookup(var.environment_secrets, environment, []) : lower(name)], entry)
  ])

  name             = each.key
  key_vault_id     = local.key_vault_id
  content_type     = "empty" # for `make doctor`
  tags             = local.tags
  value_wo         = "(not set)"
  value_wo_version = 1

  lifecycle {
    ignore_changes = [content_type, expiration_date, not_before_date, tags]
  }

  depends_on = [time_sleep.roles_honoured]
}
