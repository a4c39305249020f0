# Scripts read it; here it is compared alone.
# tflint-ignore: terraform_unused_declarations
variable "registry_name" {
  description = "Name of the registry, which the pipeline and images in Git name too."
  type        = string

  validation {
    condition     = lower(basename(var.existing.registry)) == lower(var.registry_name)
    error_message = "The name of the registry that exists is another one."
  }
}

locals {
  registry_id = var.existing.registry
}

# The pipeline that builds images. It can push, and nothing else.
resource "azurerm_role_assignment" "ci_push" {
  scope                            = local.registry_id
  role_definition_name             = "AcrPush"
  principal_id                     = azurerm_user_assigned_identity.ci_push.principal_id
  skip_service_principal_aad_check = true
}
