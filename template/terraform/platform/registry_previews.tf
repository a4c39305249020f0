# Images of pull requests. In a registry of their own: what is built before its review can't take the place of an image
# that an environment runs.
variable "previews_registry_name" {
  description = "Azure Container Registry of the previews, unique in all of Azure."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9]{5,50}$", var.previews_registry_name)) && lower(var.previews_registry_name) != lower(var.registry_name)
    error_message = "Give 5 to 50 letters and digits, and another name than registry_name."
  }
}

resource "azurerm_container_registry" "previews" {
  #checkov:skip=CKV_AZURE_139: hosted CI runners push from outside the network; Entra ID decides who may
  #checkov:skip=CKV_AZURE_163: scanning is a plan of the subscription, for every tier; no environment runs these images
  #checkov:skip=CKV_AZURE_164: content trust was removed from the service and from azurerm 5
  #checkov:skip=CKV_AZURE_165: one region; the cluster is in one region as well
  #checkov:skip=CKV_AZURE_166: quarantine needs a scanner that releases the images
  #checkov:skip=CKV_AZURE_167: untagged images are removed by the task below
  #checkov:skip=CKV_AZURE_233: zones are for what an environment runs
  #checkov:skip=CKV_AZURE_237: dedicated data endpoints serve clients behind a firewall
  name                   = var.previews_registry_name
  resource_group_name    = local.resource_group.name
  location               = var.location
  sku                    = "Basic"
  admin_enabled          = false
  anonymous_pull_enabled = false
  tags                   = local.tags
}

# A preview that is as old as that is built anew when its pull request gets the label again.
resource "azurerm_container_registry_task" "previews_purge" {
  name                  = "purge"
  container_registry_id = azurerm_container_registry.previews.id
  tags                  = local.tags

  platform {
    os = "Linux"
  }

  encoded_step {
    task_content = base64encode(yamlencode({
      steps = [{ cmd = "acr purge --filter '.*:.*' --ago 30d --untagged", timeout = 3600 }]
    }))
  }

  timer_trigger {
    name     = "nightly"
    schedule = "0 3 * * *"
  }
}

resource "azurerm_role_assignment" "kubelet_pull_previews" {
  scope                            = azurerm_container_registry.previews.id
  role_definition_name             = "AcrPull"
  principal_id                     = azurerm_user_assigned_identity.kubelet.principal_id
  skip_service_principal_aad_check = true
}

# The pipeline that builds pull requests. Whoever may open one from a branch here can be it; it can push here, and
# nothing else.
resource "azurerm_user_assigned_identity" "ci_previews" {
  name                = "${var.names.identities}-ci-previews"
  resource_group_name = local.resource_group.name
  location            = var.location
  tags                = local.tags
}

resource "azurerm_federated_identity_credential" "ci_previews" {
  name                      = "${local.ci_system}-previews"
  user_assigned_identity_id = azurerm_user_assigned_identity.ci_previews.id
  issuer                    = local.ci_issuer
  subject                   = "${local.github_subject_prefix}:environment:previews"
  audience                  = ["api://AzureADTokenExchange"]
}

resource "azurerm_role_assignment" "ci_previews" {
  scope                            = azurerm_container_registry.previews.id
  role_definition_name             = "AcrPush"
  principal_id                     = azurerm_user_assigned_identity.ci_previews.principal_id
  skip_service_principal_aad_check = true
}
