  public_network_access_enabled = length(var.open_to) > 0

  network_rules {
    default_action = "Deny"
    ip_rules       = var.open_to
  }
