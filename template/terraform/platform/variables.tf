variable "project_name" {
  description = "Name of the application; namespaces and Argo CD Applications are <project_name>-<environment>."
  type        = string

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,28}[a-z0-9])?$", var.project_name))
    error_message = "Give 1 to 30 lower-case letters, digits and '-', starting with a letter, not ending in '-'."
  }
}

variable "cluster_name" {
  description = "Name of the AKS cluster."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?$", var.cluster_name))
    error_message = "Give 1 to 63 letters, digits, '_' and '-', starting and ending with a letter or digit."
  }
}

variable "location" {
  description = "Azure region."
  type        = string
}

variable "tags" {
  description = "Tags of everything in Azure, beside those that name project and cluster."
  type        = map(string)
  default     = {}
}

variable "environments" {
  description = "Environments that share the cluster; each has a namespace and its own secrets."
  type        = list(string)

  validation {
    condition     = length(var.environments) > 0 && length(distinct(var.environments)) == length(var.environments)
    error_message = "Name at least one environment, each once."
  }

  validation {
    condition     = alltrue([for name in var.environments : can(regex("^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", name))])
    error_message = "An environment is part of a namespace: give lower-case letters, digits and '-'."
  }
}

variable "state" {
  description = "Where this root keeps its state; the CI identities get their rights on it."
  type = object({
    resource_group_name  = string
    storage_account_name = string
    container_name       = optional(string, "tfstate")
  })
}

variable "operator_object_ids" {
  description = "Entra object ids of the people or groups who may apply from their own machine, beside the one who did so first."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for id in var.operator_object_ids : can(regex("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", id))])
    error_message = "Give object ids, not names: `az ad user show --id NAME --query id` or `az ad group show --group NAME --query id`."
  }
}

variable "key_vault_name" {
  description = "Key Vault, unique in all of Azure; the secret stores in Git name it too."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z][A-Za-z0-9-]{1,22}[A-Za-z0-9]$", var.key_vault_name)) && !strcontains(var.key_vault_name, "--")
    error_message = "Give 3 to 24 letters, digits and single '-', starting with a letter, not ending in '-'."
  }
}
