variable "gateway_address" {
  description = "Address of the gateway; the Gateway in Git names it too."
  type        = string

  # Azure keeps the first four.
  validation {
    condition = try(
      cidrsubnet("${var.gateway_address}/${split("/", var.load_balancers_subnet)[1]}", 0, 0) == cidrsubnet(var.load_balancers_subnet, 0, 0) &&
      !contains([for number in range(4) : cidrhost(var.load_balancers_subnet, number)], var.gateway_address)
    , false)
    error_message = "Give an address of load_balancers_subnet, after its first four."
  }
}

output "gateway_address" {
  description = "Address of the gateway in the virtual network: what the DNS records of all hosts point to."
  value       = var.gateway_address
}
