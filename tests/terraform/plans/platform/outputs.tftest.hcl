run "applications_are_named_after_project_and_environment" {
  command = plan

  variables {
    environments = ["dev", "prod"]
    project_name = "shop"
  }

  assert {
    condition     = output.platform.applications == ["shop-dev", "shop-prod"]
    error_message = "An Application has the name of its namespace."
  }
}
