variable "registry_server" {
  description = "Registry as container clients name it in their configuration."
  type        = string
}

variable "registry_pull_username" {
  description = "Account to which the pull token belongs."
  type        = string
}

variable "registry_pull_token" {
  description = "Token that may pull the images, given as TF_VAR_registry_pull_token; empty for public images."
  type        = string
  default     = ""
  ephemeral   = true
}

variable "registry_pull_token_version" {
  description = "Raise it to write a new token: a write-only value is written when its version changes."
  type        = number
  default     = 1
}

resource "azurerm_key_vault_secret" "registry_pull" {
  #checkov:skip=CKV_AZURE_41: the token's own expiry is set where it was made; it is renewed with var.registry_pull_token_version
  name             = "registry-pull"
  key_vault_id     = local.key_vault_id
  content_type     = "application/json"
  tags             = local.tags
  value_wo_version = var.registry_pull_token_version
  value_wo = jsonencode({
    auths = {
      for server in(var.registry_pull_token == "" ? [] : [var.registry_server]) : server => {
        username = var.registry_pull_username
        password = var.registry_pull_token
        auth     = base64encode("${var.registry_pull_username}:${var.registry_pull_token}")
      }
    }
  })

  depends_on = [time_sleep.roles_honoured]
}
