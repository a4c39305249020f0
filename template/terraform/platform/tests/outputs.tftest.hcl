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

variables {
  project_name = "shop"
  environments = ["dev", "prod"]
}

run "applications_are_named_after_project_and_environment" {
  command = plan

  assert {
    condition     = output.platform.applications == ["shop-dev", "shop-prod"]
    error_message = "An Application has the name of its namespace."
  }
}

run "an_environment_named_twice_is_refused" {
  command = plan

  variables {
    environments = ["dev", "dev"]
  }

  expect_failures = [var.environments]
}

run "no_environment_is_refused" {
  command = plan

  variables {
    environments = []
  }

  expect_failures = [var.environments]
}

run "an_environment_that_is_no_dns_label_is_refused" {
  command = plan

  variables {
    environments = ["Production"]
  }

  expect_failures = [var.environments]
}
