"""Terraform that is really applied: the azurerm provider's own code against a stand-in for Azure."""
