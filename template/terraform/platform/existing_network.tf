variable "network" {
  description = "Address ranges that pods and services have inside the cluster (overlay)."
  type = object({
    pods     = optional(string, "10.244.0.0/16")
    services = optional(string, "10.200.0.0/16")
  })
  default = {}

  validation {
    condition     = alltrue([for range in values(var.network) : can(cidrnetmask(range))])
    error_message = "Give IPv4 ranges such as 10.244.0.0/16."
  }

  # Two ranges overlap exactly when they are the same once both are cut to the shorter prefix. The last four are AKS' own:
  # https://learn.microsoft.com/azure/aks/azure-cni-overlay
  validation {
    condition = try(alltrue([
      for pair in concat([[var.network.pods, var.network.services]], setproduct(
        [var.network.pods, var.network.services],
        ["169.254.0.0/16", "172.30.0.0/16", "172.31.0.0/16", "192.0.2.0/24"],
      )) :
      cidrsubnet("${split("/", pair[0])[0]}/${min(split("/", pair[0])[1], split("/", pair[1])[1])}", 0, 0) !=
      cidrsubnet("${split("/", pair[1])[0]}/${min(split("/", pair[0])[1], split("/", pair[1])[1])}", 0, 0)
    ]), true)
    error_message = "Pods and services must overlap neither each other nor 169.254.0.0/16, 172.30.0.0/16, 172.31.0.0/16 and 192.0.2.0/24."
  }
}

locals {
  nodes_subnet_id = var.existing.subnet
}
