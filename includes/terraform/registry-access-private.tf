  public_network_access_enabled = length(var.open_to) > 0

  network_rule_set {
    default_action = "Deny"
    ip_rule        = [for address in var.open_to : { action = "Allow", ip_range = "${address}/32" }]
  }
