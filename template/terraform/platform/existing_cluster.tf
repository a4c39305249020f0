variable "names" {
  description = "What things are called in Azure. Names of identities begin with `identities`."
  type = object({
    resource_group = string
    identities     = string
  })

  validation {
    condition     = can(regex("^[A-Za-z0-9._()-]{0,89}[A-Za-z0-9_()-]$", var.names.resource_group))
    error_message = "Give a resource group 1 to 90 letters, digits, '.', '_', '-', '(' or ')', not ending in '.'."
  }
}

# The cluster that was there before: looked at in every plan, and never changed. What it should be like is checked by
# `make doctor`; without what is checked here, nobody of this repository could sign in, or anybody with a certificate could.
data "azurerm_kubernetes_cluster" "this" {
  name                = basename(var.existing.cluster)
  resource_group_name = split("/", var.existing.cluster)[4]

  lifecycle {
    precondition {
      condition     = lower(split("/", var.existing.cluster)[2]) == lower(data.azurerm_client_config.current.subscription_id)
      error_message = "The cluster is in another subscription: choose that one, az account set --subscription ${split("/", var.existing.cluster)[2]}."
    }

    precondition {
      condition     = basename(var.existing.cluster) == var.cluster_name
      error_message = "The cluster that exists has another name than cluster_name."
    }

    postcondition {
      condition     = try(self.azure_active_directory_role_based_access_control[0].azure_rbac_enabled, false)
      error_message = "Roles of Azure mean nothing in the cluster: have its owner run az aks update --resource-group ${split("/", var.existing.cluster)[4]} --name ${var.cluster_name} --enable-aad --enable-azure-rbac."
    }

    # Its credentials would be in this state.
    postcondition {
      condition     = try(length(self.kube_admin_config_raw), 0) == 0
      error_message = "The cluster has local accounts: have its owner run az aks update --resource-group ${split("/", var.existing.cluster)[4]} --name ${var.cluster_name} --disable-local-accounts."
    }

    postcondition {
      condition     = self.oidc_issuer_enabled
      error_message = "The cluster signs no tokens for Azure: have its owner run az aks update --resource-group ${split("/", var.existing.cluster)[4]} --name ${var.cluster_name} --enable-oidc-issuer --enable-workload-identity."
    }
  }
}

locals {
  cluster = data.azurerm_kubernetes_cluster.this
}
