run "no_other_repository_may_push_unless_named" {
  command = plan

  assert {
    condition     = length(azurerm_federated_identity_credential.source_push) == 0
    error_message = "Other repositories must be named before they may push."
  }
}

run "a_named_repository_may_push_from_its_main_branch_only" {
  command = plan

  variables {
    source_repositories = { api = "repo:octo-org@1/api@2" }
  }

  assert {
    condition     = startswith(azurerm_federated_identity_credential.source_push["api"].subject, "repo:octo-org@1/api@2:ref:refs/heads/")
    error_message = "The subject must be what GitHub presents for a branch."
  }
}

run "a_subject_of_another_form_is_refused" {
  command = plan

  variables {
    source_repositories = { api = "octo-org/api" }
  }

  expect_failures = [var.source_repositories]
}
