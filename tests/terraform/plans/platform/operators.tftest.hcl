run "who_applies_first_may_write_secrets" {
  command = plan

  assert {
    condition     = azurerm_role_assignment.first_operator_secrets.role_definition_name == "Key Vault Secrets Officer"
    error_message = "Owning the vault gives no right to its secrets; the role must be given."
  }

  assert {
    condition     = azurerm_role_assignment.first_operator_secrets.principal_id == "44444444-4444-4444-4444-444444444444"
    error_message = "The role must go to whoever applies first."
  }
}

run "a_new_role_gets_time_to_be_honoured" {
  command = plan

  assert {
    condition     = can(regex("^[1-9][0-9]*s$", time_sleep.roles_honoured.create_duration))
    error_message = "Writing a secret right after giving the role fails."
  }
}

run "more_operators_get_the_same_rights" {
  command = plan

  variables {
    operator_object_ids = ["55555555-5555-5555-5555-555555555555"]
  }

  assert {
    condition = alltrue([
      azurerm_role_assignment.operator_secrets["55555555-5555-5555-5555-555555555555"].role_definition_name == "Key Vault Secrets Officer",
      azurerm_role_assignment.operator_cluster["55555555-5555-5555-5555-555555555555"].role_definition_name == "Azure Kubernetes Service RBAC Cluster Admin",
      azurerm_role_assignment.operator_state["55555555-5555-5555-5555-555555555555"].role_definition_name == "Storage Blob Data Contributor",
    ])
    error_message = "An operator needs the vault, the cluster and the state."
  }
}

run "an_operator_by_name_is_refused" {
  command = plan

  variables {
    operator_object_ids = ["someone@example.com"]
  }

  expect_failures = [var.operator_object_ids]
}
