# The pipeline that builds images on main.
resource "azurerm_user_assigned_identity" "ci_push" {
  name                = "id-${var.cluster_name}-ci-push"
  resource_group_name = azurerm_resource_group.this.name
  location            = azurerm_resource_group.this.location
  tags                = local.tags
}

resource "azurerm_federated_identity_credential" "ci_push" {
  name                      = "${local.ci_system}-push"
  user_assigned_identity_id = azurerm_user_assigned_identity.ci_push.id
  issuer                    = local.ci_issuer
  subject                   = local.ci_push_subject
  audience                  = ["api://AzureADTokenExchange"]
}
