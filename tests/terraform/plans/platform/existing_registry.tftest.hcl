run "nodes_pull_and_the_pipeline_pushes_where_the_images_are" {
  command = plan

  assert {
    condition     = azurerm_role_assignment.kubelet_pull.scope == var.existing.registry && azurerm_role_assignment.kubelet_pull.role_definition_name == "AcrPull"
    error_message = "Nodes must be let in, to pull and no more."
  }

  assert {
    condition     = azurerm_role_assignment.ci_push.scope == var.existing.registry && azurerm_role_assignment.ci_push.role_definition_name == "AcrPush"
    error_message = "The pipeline must be let in, to push and no more."
  }
}

run "a_registry_of_another_name_is_refused" {
  command = plan

  variables {
    registry_name = "another"
  }

  expect_failures = [var.registry_name]
}
