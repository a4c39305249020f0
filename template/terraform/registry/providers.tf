provider "azurerm" {
  # ../state has registered the resource providers.
  resource_provider_registrations = "none"

  features {}
}
