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

variable "names" {
  description = "What things are called in Azure. Names of identities begin with `identities`."
  type = object({
    resource_group      = string
    node_resource_group = string
    identities          = string
  })

  validation {
    condition = alltrue([
      for name in [var.names.resource_group, var.names.node_resource_group] :
      can(regex("^[A-Za-z0-9._()-]{0,89}[A-Za-z0-9_()-]$", name))
    ])
    error_message = "Give a resource group 1 to 90 letters, digits, '.', '_', '-', '(' or ')', not ending in '.'."
  }

  validation {
    condition     = lower(var.names.resource_group) != lower(var.names.node_resource_group)
    error_message = "AKS makes node_resource_group itself: give it another name than resource_group."
  }
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

variable "kubernetes_version" {
  description = "Minor version such as 1.36; null takes the region's default and leaves upgrades to the channel."
  type        = string
  default     = null

  validation {
    condition     = var.kubernetes_version == null || can(regex("^1\\.[0-9]+$", var.kubernetes_version))
    error_message = "Give a minor version such as 1.36; patches arrive through the upgrade channel."
  }
}

variable "sku_tier" {
  description = "Free has no uptime guarantee; Standard has one and costs a fee per cluster and hour."
  type        = string

  validation {
    condition     = contains(["Free", "Standard", "Premium"], var.sku_tier)
    error_message = "Give Free, Standard or Premium."
  }
}

variable "zones" {
  description = "Availability zones for the nodes; empty where the region has none or one data centre is enough."
  type        = list(string)

  validation {
    condition     = alltrue([for zone in var.zones : contains(["1", "2", "3"], zone)])
    error_message = "Zones are \"1\", \"2\" and \"3\"."
  }
}

variable "system_nodes" {
  description = "Nodes for the cluster's own components. The disk must fit the size's temporary disk, where it is kept."
  type = object({
    vm_size         = string
    min_count       = number
    max_count       = number
    os_disk_size_gb = number
  })

  validation {
    condition     = var.system_nodes.min_count >= 2 && var.system_nodes.max_count >= var.system_nodes.min_count
    error_message = "Keep at least 2 system nodes, and max_count at or above min_count."
  }

  validation {
    condition     = !can(regex("^Standard_B", var.system_nodes.vm_size))
    error_message = "AKS does not support burstable (B) sizes for system nodes."
  }
}

variable "app_nodes" {
  description = "Nodes for the application and its add-ons. The disk must fit the size's temporary disk, where it is kept."
  type = object({
    vm_size         = string
    min_count       = number
    max_count       = number
    os_disk_size_gb = number
  })

  validation {
    condition     = var.app_nodes.min_count >= 1 && var.app_nodes.max_count >= var.app_nodes.min_count
    error_message = "Keep at least 1 node, and max_count at or above min_count."
  }
}

variable "maintenance" {
  description = "When AKS may upgrade: Kubernetes on one day of the week, node images on another."
  type = object({
    kubernetes_day = optional(string, "Sunday")
    node_image_day = optional(string, "Saturday")
    start_time     = optional(string, "02:00")
    utc_offset     = optional(string, "+00:00")
    hours          = optional(number, 4)
  })
  default = {}

  validation {
    condition     = var.maintenance.hours >= 4 && var.maintenance.hours <= 24
    error_message = "AKS wants a window of 4 to 24 hours."
  }
}

variable "api_server_authorized_ip_ranges" {
  description = "Ranges from which the Kubernetes API may be reached; empty for all. CI runners must be within them."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for range in var.api_server_authorized_ip_ranges : can(cidrnetmask(range))])
    error_message = "Give IPv4 ranges such as 203.0.113.0/24."
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
