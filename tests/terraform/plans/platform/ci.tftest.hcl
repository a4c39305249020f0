run "plan_only_reads" {
  command = plan

  assert {
    condition = alltrue([
      for grant in local.ci_roles : endswith(grant.role, "Reader") || grant.role == "Azure Kubernetes Service Cluster User Role"
      if grant.identity == "plan"
    ])
    error_message = "A pull request can run any code: its identity must not write."
  }
}

run "apply_can_not_raise_itself" {
  command = plan

  assert {
    condition = alltrue([
      for role in ["8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9", "f58310d9-a9f6-439a-9e8d-f62e7b41a168"] :
      length(split(role, azurerm_role_assignment.ci_apply_grants.condition)) == 3
    ])
    error_message = "Neither writing nor deleting an assignment of a privileged role may be allowed."
  }
}

run "apply_writes_the_state_but_not_its_storage" {
  command = plan

  assert {
    condition     = toset([for key in ["apply_roles", "apply_state"] : local.ci_roles[key].role]) == toset(["Reader", "Storage Blob Data Contributor"])
    error_message = "On the state's container, apply needs its blobs and no more."
  }
}

run "rights_on_the_state_end_at_its_container" {
  command = plan

  variables {
    state = { resource_group_name = "rg-state", storage_account_name = "stexample" }
  }

  assert {
    condition     = local.state_container_id == "/subscriptions/22222222-2222-2222-2222-222222222222/resourceGroups/rg-state/providers/Microsoft.Storage/storageAccounts/stexample/blobServices/default/containers/tfstate"
    error_message = "The scope must be the container."
  }
}
