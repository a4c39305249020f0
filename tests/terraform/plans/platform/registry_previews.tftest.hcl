variables {
  github_repository     = "octo-org/shop"
  github_subject_prefix = null
}

run "previews_have_a_registry_of_their_own" {
  command = plan

  assert {
    condition     = azurerm_container_registry.previews.name != azurerm_container_registry.this.name
    error_message = "What is built before its review must not meet the images of environments."
  }

  assert {
    condition     = !azurerm_container_registry.previews.admin_enabled && !azurerm_container_registry.previews.anonymous_pull_enabled
    error_message = "Neither the admin account nor anonymous pulls may be on."
  }
}

run "only_the_environment_previews_signs_in_to_push" {
  command = plan

  assert {
    condition     = azurerm_federated_identity_credential.ci_previews.subject == "repo:octo-org/shop:environment:previews"
    error_message = "Entra ID compares the subject letter by letter."
  }

  assert {
    condition     = azurerm_role_assignment.ci_previews.role_definition_name == "AcrPush" && azurerm_role_assignment.kubelet_pull_previews.role_definition_name == "AcrPull"
    error_message = "The pipeline pushes, the nodes pull, and neither may do more."
  }
}

run "old_images_are_removed" {
  command = plan

  assert {
    condition     = strcontains(base64decode(azurerm_container_registry_task.previews_purge.encoded_step[0].task_content), "acr purge --filter '.*:.*' --ago 30d --untagged")
    error_message = "A Basic registry holds 10 GB before it costs more; nothing else removes what closed pull requests leave."
  }
}

run "the_registry_of_the_environments_is_refused" {
  command = plan

  variables {
    registry_name          = "octoshop"
    previews_registry_name = "octoshop"
  }

  expect_failures = [var.previews_registry_name]
}

run "the_workflow_gets_the_variable_it_reads" {
  command = plan

  assert {
    condition     = contains(keys(output.github_variables), "AZURE_PREVIEWS_CLIENT_ID")
    error_message = "Without the variable no preview is built."
  }
}
