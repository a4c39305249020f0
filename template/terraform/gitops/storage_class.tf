# AKS gives the disks of its own storage classes no tags. This one is as those are, and hands the tags on.
variable "disk_sku" {
  description = "Kind of disk that volumes get: its speed, and whether Azure copies it to all zones."
  type        = string

  validation {
    condition     = contains(["StandardSSD_LRS", "StandardSSD_ZRS", "Premium_LRS", "Premium_ZRS"], var.disk_sku)
    error_message = "Give StandardSSD_LRS, StandardSSD_ZRS, Premium_LRS or Premium_ZRS."
  }
}

locals {
  storage_classes = [
    {
      apiVersion = "storage.k8s.io/v1"
      kind       = "StorageClass"
      metadata = {
        name = "managed-csi-tagged"
        # Kubernetes changes no parameters of a class: Helm makes it anew, for which volumes that are there don't care.
        annotations = {
          "helm.sh/hook"               = "pre-install,pre-upgrade"
          "helm.sh/hook-delete-policy" = "before-hook-creation"
        }
      }
      provisioner = "disk.csi.azure.com"
      # https://github.com/kubernetes-sigs/azuredisk-csi-driver/blob/master/docs/driver-parameters.md
      parameters = {
        skuName = var.disk_sku
        tags    = join("\n", [for name, value in local.platform.tags : "${name}=${value}"])
        # Values are on one line, and may have a comma.
        tagValueDelimiter = "\n"
      }
      reclaimPolicy        = "Delete"
      volumeBindingMode    = "WaitForFirstConsumer"
      allowVolumeExpansion = true
    },
  ]
}
