run "no_token_is_in_the_plan" {
  command = plan

  variables {
    registry_pull_token = "not-to-be-seen"
  }

  assert {
    condition     = azurerm_key_vault_secret.registry_pull.value == null && azurerm_key_vault_secret.registry_pull.value_wo == null
    error_message = "The token must only ever be in an argument that is written and never kept."
  }
}

run "public_images_need_no_token" {
  command = plan

  variables {
    registry_pull_token = ""
  }

  assert {
    condition     = azurerm_key_vault_secret.registry_pull.name == "registry-pull"
    error_message = "External Secrets reads registry-pull, also when no token is needed."
  }
}

run "a_new_token_is_written_when_its_version_is_raised" {
  command = plan

  variables {
    registry_pull_token_version = 3
  }

  assert {
    condition     = azurerm_key_vault_secret.registry_pull.value_wo_version == 3
    error_message = "A write-only value is written when its version changes."
  }
}
