# Repositories of services whose source code is elsewhere: their main branches may push images too, by the workflow
# build-service.yml here. Entra ID takes up to 20 credentials for an identity.
variable "source_repositories" {
  description = <<-EOT
    Subject prefixes of those repositories, by a name of your choice. Ask GitHub for each:
    gh api repos/OWNER/NAME/actions/oidc/customization/sub --jq .sub_claim_prefix
  EOT
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition = alltrue([
      for prefix in values(var.source_repositories) : can(regex("^repo:[A-Za-z0-9_-]+(@[0-9]+)?/[A-Za-z0-9._-]+(@[0-9]+)?$", prefix))
    ])
    error_message = "Give repo:OWNER/NAME or repo:OWNER@OWNER_ID/NAME@REPOSITORY_ID, as GitHub's API returns it."
  }
}

resource "azurerm_federated_identity_credential" "source_push" {
  for_each = var.source_repositories

  name                      = "github-push-${each.key}"
  user_assigned_identity_id = azurerm_user_assigned_identity.ci_push.id
  issuer                    = local.ci_issuer
  subject                   = "${each.value}:ref:refs/heads/main"
  audience                  = ["api://AzureADTokenExchange"]
}
