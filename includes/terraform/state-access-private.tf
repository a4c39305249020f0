  #checkov:skip=CKV2_AZURE_33: its private endpoint is made with the network, in ../platform
  public_network_access_enabled = length(var.open_to) > 0

  network_rules {
    default_action = "Deny"
    ip_rules       = var.open_to
  }
