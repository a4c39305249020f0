variable "open_to" {
  description = "Public addresses from which the state is still reached; none but while a machine outside of the network sets it up."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for address in var.open_to : can(cidrnetmask("${address}/32"))])
    error_message = "Give IPv4 addresses such as 203.0.113.7."
  }
}
