run "no_shared_key_opens_the_state" {
  command = plan

  assert {
    condition     = !azurerm_storage_account.state.shared_access_key_enabled
    error_message = "Shared keys must be off: whoever has one reads every state."
  }

  assert {
    condition     = azurerm_storage_account.state.default_to_oauth_authentication && !azurerm_storage_account.state.local_user_enabled
    error_message = "Entra ID must be the only way in."
  }
}

run "a_policy_that_demands_tags_lets_the_first_resources_pass" {
  command = plan

  variables {
    tags = { owner = "web" }
  }

  assert {
    condition     = alltrue([for tags in [azurerm_resource_group.state.tags, azurerm_storage_account.state.tags] : tags == tomap({ owner = "web" })])
    error_message = "Group and account must have the tags."
  }
}

run "nothing_in_the_account_is_public" {
  command = plan

  assert {
    condition     = !azurerm_storage_account.state.allow_nested_items_to_be_public
    error_message = "Containers of the account must not be made public."
  }

  assert {
    condition     = azurerm_storage_container.tfstate.container_access_type == "private"
    error_message = "The container must be private."
  }

  assert {
    condition     = !azurerm_storage_account.state.cross_tenant_replication_enabled
    error_message = "The state must not be replicated to another tenant."
  }
}

run "connections_are_encrypted" {
  command = plan

  assert {
    condition     = azurerm_storage_account.state.min_tls_version == "TLS1_2" && azurerm_storage_account.state.https_traffic_only_enabled
    error_message = "Only HTTPS with TLS 1.2 or newer may be taken."
  }
}

run "an_overwritten_state_can_be_brought_back" {
  command = plan

  assert {
    condition     = azurerm_storage_account.state.blob_properties[0].versioning_enabled
    error_message = "Blobs must be versioned."
  }
}

run "a_deleted_state_can_be_brought_back" {
  command = plan

  variables {
    retention_days = 30
  }

  assert {
    condition     = azurerm_storage_account.state.blob_properties[0].delete_retention_policy[0].days == 30
    error_message = "Deleted blobs must be kept for retention_days."
  }

  assert {
    condition     = azurerm_storage_account.state.blob_properties[0].container_delete_retention_policy[0].days == 30
    error_message = "Deleted containers must be kept for retention_days."
  }
}

run "who_runs_this_may_write_the_state" {
  command = plan

  assert {
    condition     = azurerm_role_assignment.state_writer.role_definition_name == "Storage Blob Data Contributor"
    error_message = "Owning the account gives no right to its blobs; the role must be given."
  }

  assert {
    condition     = azurerm_role_assignment.state_writer.principal_id == "44444444-4444-4444-4444-444444444444"
    error_message = "The role must go to whoever runs this."
  }
}

run "the_role_has_the_same_name_in_every_run" {
  command = plan

  variables {
    storage_account_name = "stexample"
  }

  assert {
    condition     = azurerm_role_assignment.state_writer.name == "b888ed00-98b1-563b-9403-4ff52cf6bff2"
    error_message = "A name by chance would make a second run fail on the assignment of the first."
  }
}

run "the_container_is_the_one_the_backends_name" {
  command = plan

  assert {
    condition     = azurerm_storage_container.tfstate.name == "tfstate"
    error_message = "backend.tf of the other roots names the container tfstate."
  }
}

run "the_state_survives_the_platform" {
  command = plan

  assert {
    condition     = azurerm_storage_account.state.resource_group_name == azurerm_resource_group.state.name
    error_message = "The state needs a resource group of its own, or deleting the platform's would take it along."
  }
}

run "a_storage_name_that_azure_refuses_is_refused_here" {
  command = plan

  variables {
    storage_account_name = "st-Example"
  }

  expect_failures = [var.storage_account_name]
}

run "an_unknown_replication_is_refused" {
  command = plan

  variables {
    replication = "RAGRS"
  }

  expect_failures = [var.replication]
}

run "too_short_a_retention_is_refused" {
  command = plan

  variables {
    retention_days = 1
  }

  expect_failures = [var.retention_days]
}
