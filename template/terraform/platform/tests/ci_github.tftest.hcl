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

variables {
  github_repository     = "Octo-Org/shop.gitops"
  github_subject_prefix = null
}

run "a_pull_request_signs_in_to_plan" {
  command = plan

  assert {
    condition     = azurerm_federated_identity_credential.ci["plan"].subject == "repo:Octo-Org/shop.gitops:pull_request"
    error_message = "Entra ID compares the subject letter by letter."
  }
}

run "the_environment_infrastructure_signs_in_to_apply" {
  command = plan

  assert {
    condition     = azurerm_federated_identity_credential.ci["apply"].subject == "repo:Octo-Org/shop.gitops:environment:infrastructure"
    error_message = "Only a job of the environment, with its reviewers, may apply."
  }
}

run "main_signs_in_to_deploy" {
  command = plan

  assert {
    condition     = azurerm_federated_identity_credential.ci["deploy"].subject == "repo:Octo-Org/shop.gitops:ref:refs/heads/main"
    error_message = "Only main may deploy."
  }
}

run "subjects_with_ids_are_taken_as_github_gives_them" {
  command = plan

  variables {
    github_subject_prefix = "repo:Octo-Org@1234/shop.gitops@98765"
  }

  assert {
    condition     = azurerm_federated_identity_credential.ci["plan"].subject == "repo:Octo-Org@1234/shop.gitops@98765:pull_request"
    error_message = "Repositories made since July 2026 present owner and repository ids."
  }
}

run "every_credential_trusts_github_and_no_one_else" {
  command = plan

  assert {
    condition     = alltrue([for credential in azurerm_federated_identity_credential.ci : credential.issuer == "https://token.actions.githubusercontent.com"])
    error_message = "The issuer must be GitHub's."
  }

  assert {
    condition     = alltrue([for credential in azurerm_federated_identity_credential.ci : tolist(credential.audience) == tolist(["api://AzureADTokenExchange"])])
    error_message = "Entra ID exchanges tokens for this audience only."
  }
}

run "deploy_gets_no_more_than_the_address_of_the_cluster" {
  command = plan

  assert {
    condition     = [for grant in merge(local.ci_roles, local.ci_deploy_roles) : grant.role if grant.identity == "deploy"] == ["Azure Kubernetes Service Cluster User Role"]
    error_message = "What deploy may do in the cluster is for Kubernetes RBAC to say."
  }
}

run "a_repository_given_as_an_address_is_refused" {
  command = plan

  variables {
    github_repository = "https://github.com/octo-org/shop"
  }

  expect_failures = [var.github_repository]
}

run "a_subject_prefix_with_a_suffix_is_refused" {
  command = plan

  variables {
    github_subject_prefix = "repo:octo-org/shop:ref:refs/heads/main"
  }

  expect_failures = [var.github_subject_prefix]
}

run "the_workflows_get_every_variable_they_read" {
  command = plan

  assert {
    condition = length(setsubtract([
      "AKS_CLUSTER",
      "AKS_RESOURCE_GROUP",
      "AZURE_APPLY_CLIENT_ID",
      "AZURE_DEPLOY_CLIENT_ID",
      "AZURE_PLAN_CLIENT_ID",
      "AZURE_SUBSCRIPTION_ID",
      "AZURE_TENANT_ID",
    ], keys(output.github_variables))) == 0
    error_message = "A variable is missing in github_variables."
  }
}
