output "github_variables" {
  description = "Variables of the GitHub repository that the workflows read to push images. None of them is secret."
  value = {
    AZURE_TENANT_ID       = data.azurerm_client_config.current.tenant_id
    AZURE_SUBSCRIPTION_ID = data.azurerm_client_config.current.subscription_id
    AZURE_PUSH_CLIENT_ID  = azurerm_user_assigned_identity.ci_push.client_id
  }
}
