variable "registry_sku" {
  description = "Standard, or Premium for zone redundancy and removal of untagged images."
  type        = string

  validation {
    condition     = contains(["Standard", "Premium"], var.registry_sku)
    error_message = "Give Standard or Premium."
  }
}
