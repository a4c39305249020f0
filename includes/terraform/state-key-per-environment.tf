    # Each cluster has a state of its own: ENVIRONMENT.azurerm.tfbackend has the key.
