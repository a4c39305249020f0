run "a_vault_name_that_azure_refuses_is_refused_here" {
  command = plan

  variables {
    key_vault_name = "kv--example"
  }

  expect_failures = [var.key_vault_name]
}

run "an_environment_named_twice_is_refused" {
  command = plan

  variables {
    project_name = "shop"
    environments = ["dev", "dev"]
  }

  expect_failures = [var.environments]
}

run "no_environment_is_refused" {
  command = plan

  variables {
    project_name = "shop"
    environments = []
  }

  expect_failures = [var.environments]
}

run "an_environment_that_is_no_dns_label_is_refused" {
  command = plan

  variables {
    project_name = "shop"
    environments = ["Production"]
  }

  expect_failures = [var.environments]
}
