# This root makes the place where the other roots keep their state, so its own state stays on the machine that ran it.
# Losing that file is harmless: see the note in providers.tf.
terraform {
  required_version = ">= 1.11"

  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "~> 5.2"
    }
  }
}
