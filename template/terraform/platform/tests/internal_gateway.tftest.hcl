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
