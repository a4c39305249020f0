variable "zones" {
  description = "Availability zones, which a Premium registry spans; empty where the region has none."
  type        = list(string)
}
