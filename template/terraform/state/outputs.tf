output "storage_account_name" {
  description = "Storage account that the other roots name in backend.tf."
  value       = azurerm_storage_account.state.name
}

output "container_name" {
  description = "Container that the other roots name in backend.tf."
  value       = azurerm_storage_container.tfstate.name
}
