# The cluster brings the Gateway API, as its owner has set it. Its control plane uses the address of the gateway, as the
# identity that was given to it; else as the cluster's own.
data "azurerm_user_assigned_identity" "control_plane" {
  for_each = toset(data.azurerm_kubernetes_cluster.this.identity[0].identity_ids)

  name                = basename(each.value)
  resource_group_name = split("/", each.value)[4]
}

locals {
  control_plane_principal_id = try(
    values(data.azurerm_user_assigned_identity.control_plane)[0].principal_id,
    data.azurerm_kubernetes_cluster.this.identity[0].principal_id,
  )
}

# The pipeline looks it up in each plan.
resource "azurerm_role_assignment" "ci_control_plane" {
  for_each = {
    for pair in setproduct(["apply", "plan"], data.azurerm_kubernetes_cluster.this.identity[0].identity_ids) :
    "${pair[0]} ${basename(pair[1])}" => { identity = pair[0], scope = pair[1] }
  }

  scope                            = each.value.scope
  role_definition_name             = "Reader"
  principal_id                     = azurerm_user_assigned_identity.ci[each.value.identity].principal_id
  skip_service_principal_aad_check = true
}
