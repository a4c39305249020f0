run "no_role_of_the_pipeline_lets_it_raise_itself" {
  command = plan

  assert {
    condition = alltrue([
      for role in values(azurerm_role_assignment.ci) : !contains(["Owner", "User Access Administrator"], role.role_definition_name)
    ])
    error_message = "Whoever is the pipeline must not become the owner of what others use."
  }
}
