variable "zones" {
  description = "Availability zones; empty where the region has none or one data centre is enough."
  type        = list(string)

  validation {
    condition     = alltrue([for zone in var.zones : contains(["1", "2", "3"], zone)])
    error_message = "Zones are \"1\", \"2\" and \"3\"."
  }
}
