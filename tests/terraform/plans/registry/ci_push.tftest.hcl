variables {
  github_repository     = "Octo-Org/shop.gitops"
  github_subject_prefix = null
  resource_group_name   = "rg-shop-registry"
}

run "the_environment_push_signs_in_to_push" {
  command = plan

  assert {
    condition     = azurerm_federated_identity_credential.ci_push.subject == "repo:Octo-Org/shop.gitops:environment:push"
    error_message = "Only a job of the environment, which the main branch alone may use, may push images."
  }
}

run "subjects_with_ids_are_taken_as_github_gives_them" {
  command = plan

  variables {
    github_subject_prefix = "repo:Octo-Org@1234/shop.gitops@98765"
  }

  assert {
    condition     = azurerm_federated_identity_credential.ci_push.subject == "repo:Octo-Org@1234/shop.gitops@98765:environment:push"
    error_message = "Repositories made since July 2026 present owner and repository ids."
  }
}

run "the_credential_trusts_github_and_no_one_else" {
  command = plan

  assert {
    condition     = azurerm_federated_identity_credential.ci_push.issuer == "https://token.actions.githubusercontent.com" && tolist(azurerm_federated_identity_credential.ci_push.audience) == tolist(["api://AzureADTokenExchange"])
    error_message = "The issuer must be GitHub's, the audience the one that Entra ID exchanges tokens for."
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
    github_subject_prefix = "repo:octo-org/shop:environment:push"
  }

  expect_failures = [var.github_subject_prefix]
}

run "a_registry_size_that_lacks_what_is_needed_is_refused" {
  command = plan

  variables {
    registry_sku = "Basic"
  }

  expect_failures = [var.registry_sku]
}

run "the_registry_is_in_a_group_of_its_own" {
  command = plan

  assert {
    condition     = azurerm_resource_group.this.name == "rg-shop-registry" && azurerm_container_registry.this.resource_group_name == "rg-shop-registry"
    error_message = "Removing a cluster's group must leave the registry."
  }
}

run "a_group_name_that_azure_refuses_is_refused_here" {
  command = plan

  variables {
    resource_group_name = "rg-shop-registry."
  }

  expect_failures = [var.resource_group_name]
}

run "the_workflows_get_every_variable_they_read_to_push" {
  command = plan

  assert {
    condition     = length(setsubtract(["AZURE_PUSH_CLIENT_ID", "AZURE_SUBSCRIPTION_ID", "AZURE_TENANT_ID"], keys(output.github_variables))) == 0
    error_message = "A variable is missing in github_variables."
  }
}
