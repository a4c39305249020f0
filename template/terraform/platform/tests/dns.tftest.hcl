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

run "each_host_has_a_record_in_the_zone" {
  command = plan

  variables {
    gateway_hosts = [
      basename(var.existing.dns_zone),
      "dev.shop.${basename(var.existing.dns_zone)}",
    ]
  }

  assert {
    condition     = toset([for record in azurerm_dns_a_record.host : record.name]) == toset(["@", "dev.shop"])
    error_message = "A record has the host's name within the zone."
  }

  assert {
    condition     = alltrue([for record in azurerm_dns_a_record.host : strcontains(var.existing.dns_zone, "/resourceGroups/${record.resource_group_name}/")])
    error_message = "Records must be in the zone that was there."
  }
}
