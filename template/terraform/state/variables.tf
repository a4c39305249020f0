variable "resource_group_name" {
  description = "Resource group of the state storage, apart from the platform's so that deleting the platform keeps it."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9._()-]{0,89}[A-Za-z0-9_()-]$", var.resource_group_name))
    error_message = "Give 1 to 90 letters, digits, '.', '_', '-', '(' or ')', not ending in '.'."
  }
}

variable "location" {
  description = "Azure region."
  type        = string
}

variable "tags" {
  description = "Tags of everything in Azure."
  type        = map(string)
  default     = {}
}

variable "storage_account_name" {
  description = "Storage account, unique in all of Azure."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]{3,24}$", var.storage_account_name))
    error_message = "Give 3 to 24 lower-case letters and digits."
  }
}

variable "replication" {
  description = "Copies of the state: LRS within a data centre, ZRS across zones, GRS or GZRS also in the paired region."
  type        = string
  default     = "LRS"

  validation {
    condition     = contains(["LRS", "ZRS", "GRS", "GZRS"], var.replication)
    error_message = "Give LRS, ZRS, GRS or GZRS."
  }
}

variable "retention_days" {
  description = "Days for which a deleted or overwritten state can be brought back."
  type        = number
  default     = 90

  validation {
    condition     = var.retention_days >= 7 && var.retention_days <= 365
    error_message = "Give 7 to 365 days."
  }
}
