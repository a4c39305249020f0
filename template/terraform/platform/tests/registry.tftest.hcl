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

run "the_kubelet_may_pull" {
  command = plan

  assert {
    condition     = azurerm_role_assignment.kubelet_pull.role_definition_name == "AcrPull" && azurerm_role_assignment.kubelet_pull.skip_service_principal_aad_check
    error_message = "Nodes pull with the kubelet's identity; it needs AcrPull, given before Entra ID has spread the new identity."
  }
}

run "the_pipeline_may_push" {
  command = plan

  assert {
    condition     = azurerm_federated_identity_credential.ci_push.subject == local.ci_push_subject
    error_message = "Entra ID compares the subject letter by letter."
  }

  assert {
    condition     = azurerm_role_assignment.ci_push.role_definition_name == "AcrPush"
    error_message = "The pipeline must be able to push, and nothing else."
  }
}

run "no_one_gets_in_without_entra_id" {
  command = plan

  assert {
    condition     = !azurerm_container_registry.this.admin_enabled && !azurerm_container_registry.this.anonymous_pull_enabled
    error_message = "Neither the admin account nor anonymous pulls may be on."
  }
}

run "standard_asks_for_nothing_that_only_premium_has" {
  command = plan

  variables {
    registry_sku = "Standard"
    zones        = ["1", "2", "3"]
  }

  assert {
    condition     = !azurerm_container_registry.this.zone_redundancy_enabled && azurerm_container_registry.this.retention_policy_in_days == null
    error_message = "Azure refuses these for Standard."
  }
}

run "premium_spans_the_zones" {
  command = plan

  variables {
    registry_sku = "Premium"
    zones        = ["1", "2", "3"]
  }

  assert {
    condition     = azurerm_container_registry.this.zone_redundancy_enabled && azurerm_container_registry.this.retention_policy_in_days == 30
    error_message = "Premium must be redundant across zones and remove untagged images."
  }
}

run "a_registry_name_that_azure_refuses_is_refused_here" {
  command = plan

  variables {
    registry_name = "my-registry"
  }

  expect_failures = [var.registry_name]
}
