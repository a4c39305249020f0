mock_provider "azapi" {}

run "an_address_outside_of_the_subnet_is_refused" {
  command = plan

  variables {
    gateway_address = "10.100.0.10"
  }

  expect_failures = [var.gateway_address]
}

run "an_address_that_azure_keeps_is_refused" {
  command = plan

  variables {
    gateway_address = cidrhost(var.load_balancers_subnet, 1)
  }

  expect_failures = [var.gateway_address]
}
