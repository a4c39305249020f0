  #checkov:skip=CKV_AZURE_189: public access follows var.open_to, off but while a machine outside sets it up
  public_network_access_enabled = length(var.open_to) > 0

  network_acls {
    bypass         = "None"
    default_action = "Deny"
    ip_rules       = var.open_to
  }
