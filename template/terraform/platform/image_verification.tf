# Kyverno, which reads in the registry who has signed an image.
resource "azurerm_user_assigned_identity" "image_verification" {
  name                = "${var.names.identities}-image-verification"
  resource_group_name = local.resource_group.name
  location            = var.location
  tags                = local.tags
}

resource "azurerm_federated_identity_credential" "image_verification" {
  name                      = "kyverno"
  user_assigned_identity_id = azurerm_user_assigned_identity.image_verification.id
  issuer                    = local.cluster.oidc_issuer_url
  subject                   = "system:serviceaccount:kyverno:kyverno-admission-controller"
  audience                  = ["api://AzureADTokenExchange"]
}

resource "azurerm_role_assignment" "image_verification" {
  scope                            = local.registry_id
  role_definition_name             = "AcrPull"
  principal_id                     = azurerm_user_assigned_identity.image_verification.principal_id
  skip_service_principal_aad_check = true
}
