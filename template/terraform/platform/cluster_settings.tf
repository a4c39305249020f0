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
