  timeout          = 900
  atomic           = true

  values = concat(
    [file("${path.module}/values/argocd.yaml")],
    var.high_availability ? [file("${path.module}/values/argocd-production.yaml")] : [],
    [for sso in var.argocd_sso[*] : templatefile("${path.module}/values/argocd-sso.yaml.tftpl", merge(sso, {
      tenant_id = local.platform.tenant_id
    }))],
    [for name in var.argocd_webhook_secret_name[*] : templatefile("${path.module}/values/argocd-webhook.yaml.tftpl", {
      reference = format("$%s:github", name)
    })],
#% if automatic %#
    [file("${path.module}/values/argocd-automatic.yaml")],
#% endif %#
    [yamlencode({ extraObjects = local.cluster_objects })],
  )
}

variable "high_availability" {
  description = "Runs Argo CD with replicas and a replicated cache, which takes three nodes for applications."
  type        = bool
}

variable "argocd_sso" {
  description = "Signs people in to Argo CD with Entra ID, and turns the built-in admin off. The README says how to register it."
  type = object({
    client_id               = string
    host                    = optional(string, "localhost:8080")
    admin_group_object_ids  = set(string)
    reader_group_object_ids = optional(set(string), [])
  })
  default = null

  validation {
    condition     = var.argocd_sso == null || can(regex("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", var.argocd_sso.client_id))
    error_message = "client_id is not the id of an app registration: `az ad app list --display-name NAME --query [].appId` shows it."
  }

  validation {
    condition = var.argocd_sso == null || alltrue([
      for id in try(setunion(var.argocd_sso.admin_group_object_ids, var.argocd_sso.reader_group_object_ids), []) :
      can(regex("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", id))
    ])
    error_message = "Give object ids of groups, not names: `az ad group show --group NAME --query id`."
  }

  validation {
    condition     = var.argocd_sso == null || length(try(var.argocd_sso.admin_group_object_ids, [])) > 0
    error_message = "Name at least one group in admin_group_object_ids: the built-in admin is off then."
  }

  validation {
    condition     = var.argocd_sso == null || can(regex("^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]+)?$", var.argocd_sso.host))
    error_message = "Give the host as browsers name it, without https://, such as localhost:8080."
  }
}

variable "argocd_webhook_secret_name" {
  description = "Kubernetes Secret in the namespace argocd whose key `github` holds what GitHub signs its webhook calls with; null for no webhook."
  type        = string
  default     = null

  validation {
    condition     = var.argocd_webhook_secret_name == null || can(regex("^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$", var.argocd_webhook_secret_name))
    error_message = "Give the name of a Secret, not what is in it."
  }
}
