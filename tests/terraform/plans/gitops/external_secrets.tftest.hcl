run "a_service_account_stands_for_each_identity" {
  command = plan

  assert {
    condition = {
      for object in local.external_secrets_access : object.metadata.name => object.metadata.annotations["azure.workload.identity/client-id"] if object.kind == "ServiceAccount"
      } == {
      key-vault-dev  = "66666666-6666-6666-6666-666666666666"
      key-vault-prod = "99999999-9999-9999-9999-999999999999"
    }
    error_message = "The stores in Git, and the federated credentials, name these accounts."
  }

  assert {
    condition     = alltrue([for object in local.external_secrets_access : object.metadata.namespace == "external-secrets" if object.kind != "Namespace"])
    error_message = "No environment may reach an account that reads the vault."
  }

  assert {
    condition     = alltrue([for object in local.external_secrets_access : object.metadata.annotations["azure.workload.identity/tenant-id"] == "11111111-1111-1111-1111-111111111111" if object.kind == "ServiceAccount"])
    error_message = "An account must name the tenant."
  }
}

run "the_operator_signs_in_as_these_accounts_alone" {
  command = plan

  assert {
    condition     = toset(one([for object in local.external_secrets_access : object if object.kind == "Role"]).rules[0].resourceNames) == toset(["key-vault-dev", "key-vault-prod"])
    error_message = "A right without names would be one for every account of the namespace."
  }
}

run "the_accounts_travel_with_argo_cd" {
  command = plan

  assert {
    condition = length(setsubtract(
      [for object in local.external_secrets_access : "${object.kind} ${object.metadata.name}"],
      [for object in local.cluster_objects : "${object.kind} ${object.metadata.name}"],
    )) == 0
    error_message = "Every object must be among the values."
  }
}
