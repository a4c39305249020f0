variables {
  registry_name                = "shopimages"
  registry_resource_group_name = "rg-registry"
}

run "the_kubelet_may_pull_from_the_registry_of_all_clusters" {
  command = plan

  assert {
    condition     = azurerm_role_assignment.kubelet_pull.role_definition_name == "AcrPull" && azurerm_role_assignment.kubelet_pull.skip_service_principal_aad_check
    error_message = "Nodes pull with the kubelet's identity; it needs AcrPull, given before Entra ID has spread the new identity."
  }

  assert {
    condition     = azurerm_role_assignment.kubelet_pull.scope == "/subscriptions/22222222-2222-2222-2222-222222222222/resourceGroups/rg-registry/providers/Microsoft.ContainerRegistry/registries/shopimages"
    error_message = "The scope must be the registry that ../registry makes."
  }
}

run "apply_may_hand_out_nothing_but_the_right_to_pull" {
  command = plan

  assert {
    condition     = length(split("GuidEquals {7f951dda-4ed3-4680-a7ca-43fe172d538d}", azurerm_role_assignment.ci_apply_grants_pull.condition)) == 3
    error_message = "Both writing and deleting an assignment must be limited to AcrPull."
  }

  assert {
    condition     = !strcontains(azurerm_role_assignment.ci_apply_grants_pull.condition, "NotEquals")
    error_message = "The condition must name what is allowed, not what is refused."
  }
}
