variable "registry_sku" {
  description = "Premium, the only one that has private endpoints."
  type        = string

  validation {
    condition     = var.registry_sku == "Premium"
    error_message = "Give Premium: no other has private endpoints."
  }
}
