# The pipeline that builds images. It can push, and nothing else.
resource "azurerm_role_assignment" "ci_push" {
  scope                            = local.registry_id
  role_definition_name             = "AcrPush"
  principal_id                     = azurerm_user_assigned_identity.ci_push.principal_id
  skip_service_principal_aad_check = true
}
