  # In private_cluster.tf. Its name is public and leads to the private address, so no network needs a DNS zone of ours.
  private_cluster_enabled             = true
  private_cluster_public_fqdn_enabled = true
  private_dns_zone_id                 = "None"

  api_server_access_profile {
    virtual_network_integration_enabled = true
    subnet_id                           = azurerm_subnet.api_server.id
  }
