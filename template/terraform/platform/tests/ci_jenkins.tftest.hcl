mock_provider "azurerm" {
  mock_data "azurerm_client_config" {
    defaults = {
      tenant_id       = "11111111-1111-1111-1111-111111111111"
      subscription_id = "22222222-2222-2222-2222-222222222222"
      client_id       = "33333333-3333-3333-3333-333333333333"
      object_id       = "44444444-4444-4444-4444-444444444444"
    }
  }
}

run "each_service_account_signs_in_to_its_own_identity" {
  command = plan

  assert {
    condition     = { for name, credential in azurerm_federated_identity_credential.ci : name => credential.subject } == { apply = "system:serviceaccount:jenkins-infrastructure:apply", plan = "system:serviceaccount:jenkins-infrastructure:plan" }
    error_message = "The subject is the service account, letter by letter."
  }
}

run "the_cluster_is_the_only_issuer" {
  command = plan

  assert {
    condition     = strcontains(file("${path.module}/ci_jenkins.tf"), "ci_issuer = azurerm_kubernetes_cluster.this.oidc_issuer_url")
    error_message = "Agents are pods of this cluster."
  }

  assert {
    condition     = alltrue([for credential in azurerm_federated_identity_credential.ci : tolist(credential.audience) == tolist(["api://AzureADTokenExchange"])])
    error_message = "Entra ID exchanges tokens for this audience only."
  }
}

run "deploy_has_no_identity_in_azure" {
  command = plan

  assert {
    condition     = !contains(keys(azurerm_user_assigned_identity.ci), "deploy") && length(local.ci_deploy_roles) == 0
    error_message = "It works inside the cluster, as a service account."
  }

  assert {
    condition     = output.platform.deploy_user == "system:serviceaccount:jenkins-release:deploy"
    error_message = "To Kubernetes, that is the name of the service account."
  }
}
