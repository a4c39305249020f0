run "the_dashboard_is_the_one_in_git" {
  command = plan

  assert {
    condition = jsondecode(jsondecode(azurerm_resource_group_template_deployment.dashboard.template_content).resources[1].properties.serializedData).panels == jsondecode(
      file("${path.module}/dashboard.json")
    ).panels
    error_message = "What the portal shows must be what dashboard.json says."
  }
}

run "the_definition_belongs_to_the_dashboard" {
  command = plan

  assert {
    condition = (
      jsondecode(azurerm_resource_group_template_deployment.dashboard.template_content).resources[1].name ==
      "${jsondecode(azurerm_resource_group_template_deployment.dashboard.template_content).resources[0].name}/default"
    )
    error_message = "A child is named after its parent."
  }
}

run "the_dashboard_takes_nothing_away" {
  command = plan

  assert {
    condition     = azurerm_resource_group_template_deployment.dashboard.deployment_mode == "Incremental"
    error_message = "A complete deployment would delete whatever else is in the resource group."
  }
}

run "its_name_is_one_that_azure_takes" {
  command = plan

  assert {
    condition = can(regex(
      "^[a-zA-Z][a-z0-9A-Z-]{0,28}[a-z0-9A-Z]$",
      jsondecode(azurerm_resource_group_template_deployment.dashboard.template_content).resources[0].name,
    ))
    error_message = "Azure takes 2 to 30 letters, digits and hyphens."
  }

  assert {
    condition     = jsondecode(jsondecode(azurerm_resource_group_template_deployment.dashboard.template_content).resources[1].properties.serializedData).title == var.cluster_name
    error_message = "Dashboards of several clusters must be told apart."
  }
}
