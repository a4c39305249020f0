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

run "roles_decide_who_reads_the_vault" {
  command = plan

  assert {
    condition     = azurerm_key_vault.this.rbac_authorization_enabled
    error_message = "Access policies must not be used."
  }
}

run "a_protected_vault_can_not_be_purged" {
  command = plan

  variables {
    key_vault_purge_protection = true
  }

  assert {
    condition     = azurerm_key_vault.this.purge_protection_enabled && azurerm_key_vault.this.soft_delete_retention_days == 90
    error_message = "Protection must keep a deleted vault for 90 days."
  }
}

run "an_unprotected_vault_is_deleted_at_once" {
  command = plan

  variables {
    key_vault_purge_protection = false
  }

  assert {
    condition     = !azurerm_key_vault.this.purge_protection_enabled && azurerm_key_vault.this.soft_delete_retention_days == 7
    error_message = "Without protection the name must soon be free again."
  }
}

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

run "a_vault_name_that_azure_refuses_is_refused_here" {
  command = plan

  variables {
    key_vault_name = "kv--example"
  }

  expect_failures = [var.key_vault_name]
}
