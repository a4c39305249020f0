provider "azurerm" {
  storage_use_azuread = true

  # For all roots, here once: azurerm 5 registers nothing by itself, a new subscription has almost nothing registered,
  # and the CI identities, whose rights end at the platform's resource group, could not register anything.
  resource_providers_to_register = [
    "Microsoft.Authorization",
    "Microsoft.Compute",
    "Microsoft.ContainerRegistry",
    "Microsoft.ContainerService",
    "Microsoft.Insights",
    "Microsoft.KeyVault",
    "Microsoft.ManagedIdentity",
    "Microsoft.Network",
    "Microsoft.OperationalInsights",
    "Microsoft.Storage",
  ]

  features {
    # Lets anyone repeat this root from a fresh clone: what exists already is taken over instead of refused. It is safe
    # here because every name belongs to this repository alone.
    skip_import_check_on_create_and_allow_overwriting_existing_resources = true
  }
}
