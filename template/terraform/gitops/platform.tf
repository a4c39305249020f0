data "terraform_remote_state" "platform" {
  backend = "azurerm"

  config = {
    use_azuread_auth     = true
    storage_account_name = var.platform_state.storage_account_name
    container_name       = var.platform_state.container_name
    key                  = var.platform_state.key
  }
}

locals {
  platform = data.terraform_remote_state.platform.outputs.platform
}

data "azurerm_kubernetes_cluster" "this" {
  name                = local.platform.cluster_name
  resource_group_name = local.platform.resource_group_name
}
