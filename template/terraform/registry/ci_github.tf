variable "github_repository" {
  description = "OWNER/NAME of this repository on GitHub, in exactly the case GitHub shows."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9_-]*/[A-Za-z0-9._-]+$", var.github_repository))
    error_message = "Give OWNER/NAME, without https:// and .git."
  }
}

variable "github_subject_prefix" {
  description = <<-EOT
    What GitHub puts before ':environment:…' in the subject of its tokens. Repositories made since July 2026 present
    repo:OWNER@OWNER_ID/NAME@REPOSITORY_ID. Ask GitHub for the exact value:
    gh api repos/OWNER/NAME/actions/oidc/customization/sub --jq .sub_claim_prefix
    Null stands for the older repo:OWNER/NAME.
  EOT
  type        = string
  default     = null

  validation {
    condition = var.github_subject_prefix == null || can(
      regex("^repo:[A-Za-z0-9_-]+(@[0-9]+)?/[A-Za-z0-9._-]+(@[0-9]+)?$", var.github_subject_prefix)
    )
    error_message = "Give repo:OWNER/NAME or repo:OWNER@OWNER_ID/NAME@REPOSITORY_ID, as GitHub's API returns it."
  }
}

locals {
  ci_system             = "github"
  ci_issuer             = "https://token.actions.githubusercontent.com"
  github_subject_prefix = coalesce(var.github_subject_prefix, "repo:${var.github_repository}")
}
