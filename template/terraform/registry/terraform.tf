# Apart from ../platform: every cluster pulls the same images, so the registry outlives each of them. A person applies it, by
# `make up`; no pipeline may change it.
terraform {
  required_version = ">= 1.11"

  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "~> 5.2"
    }
  }
}
