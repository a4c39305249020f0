# A record for each host, in the zone that was there before.
variable "gateway_hosts" {
  description = "Hosts of the gateway; the Gateway in Git names them too."
  type        = set(string)
}

locals {
  dns_zone = basename(var.existing.dns_zone)
}

resource "azurerm_dns_a_record" "host" {
  for_each = var.gateway_hosts

  name                = each.value == local.dns_zone ? "@" : trimsuffix(each.value, ".${local.dns_zone}")
  zone_name           = local.dns_zone
  resource_group_name = split("/", var.existing.dns_zone)[4]
  ttl                 = 300
  records             = [azurerm_public_ip.gateway.ip_address]
}
