run "the_key_is_what_cosign_can_use" {
  command = plan

  assert {
    condition     = azurerm_key_vault_key.image_signing.key_type == "EC" && azurerm_key_vault_key.image_signing.curve == "P-256"
    error_message = "cosign signs with ECDSA on P-256."
  }

  assert {
    condition     = azurerm_key_vault_key.image_signing.name == "image-signing"
    error_message = "The Jenkinsfile names this key."
  }

  assert {
    condition     = toset(azurerm_key_vault_key.image_signing.key_opts) == toset(["sign", "verify"])
    error_message = "The key is for signatures only."
  }
}

run "the_pipeline_that_pushes_may_use_the_key_and_not_change_it" {
  command = plan

  assert {
    condition     = azurerm_role_assignment.ci_push_signs.role_definition_name == "Key Vault Crypto User"
    error_message = "Signing takes no more."
  }
}

run "nobody_else_may_use_the_key" {
  command = plan

  assert {
    condition     = length([for grant in merge(local.ci_roles, local.ci_deploy_roles) : grant if startswith(grant.role, "Key Vault Crypto")]) == 0
    error_message = "Who verifies does so with the public key."
  }
}

run "only_the_push_account_signs" {
  command = plan

  assert {
    condition     = azurerm_federated_identity_credential.ci_push.subject == "system:serviceaccount:jenkins-release:push"
    error_message = "The agent that builds runs as this account."
  }
}
