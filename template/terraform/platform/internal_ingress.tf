# The way in: addresses of the virtual network, in a subnet of their own, so that nodes take none of them.
variable "load_balancers_subnet" {
  description = "Range of the subnet that addresses of the application are taken from."
  type        = string

  validation {
    condition     = can(cidrnetmask(var.load_balancers_subnet))
    error_message = "Give an IPv4 range such as 10.100.4.128/26."
  }
}

# The Services and the Gateway in Git name it.
resource "azurerm_subnet" "load_balancers" {
  #checkov:skip=CKV2_AZURE_31: AKS opens the nodes' own security group for each load balancer; nothing else is in here
  name                 = "load-balancers"
  resource_group_name  = local.resource_group.name
  virtual_network_name = azurerm_virtual_network.this.name
  address_prefixes     = [var.load_balancers_subnet]
}

resource "azurerm_role_assignment" "cluster_load_balancers" {
  scope                            = azurerm_subnet.load_balancers.id
  role_definition_name             = "Network Contributor"
  principal_id                     = azurerm_user_assigned_identity.cluster.principal_id
  skip_service_principal_aad_check = true
}
