run "the_pipeline_gives_the_roles_of_this_root_and_no_other" {
  command = plan

  assert {
    condition     = alltrue([for role in values(azurerm_role_assignment.ci_apply_grants_existing) : strcontains(role.condition, "ForAnyOfAnyValues:GuidEquals")])
    error_message = "It may give the roles of this root, and no other."
  }
}
