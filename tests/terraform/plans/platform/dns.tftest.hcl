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
