run "the_cluster_sends_its_metrics" {
  command = plan

  assert {
    condition     = azurerm_monitor_data_collection_rule_association.metrics.name == azurerm_monitor_data_collection_rule.metrics.name
    error_message = "The cluster must be told where to send its metrics."
  }
}

run "metrics_and_nothing_else_reach_the_workspace" {
  command = plan

  assert {
    condition = alltrue([
      for flow in azurerm_monitor_data_collection_rule.metrics.data_flow :
      flow.streams == tolist(["Microsoft-PrometheusMetrics"]) && flow.destinations == tolist(["workspace"])
    ])
    error_message = "The one stream is that of Prometheus' metrics."
  }

  assert {
    condition     = azurerm_monitor_data_collection_rule.metrics.destinations[0].monitor_account[0].name == "workspace"
    error_message = "The flow names its destination."
  }
}

run "names_keep_to_the_limits_of_azure" {
  command = plan

  assert {
    condition = alltrue([
      length(azurerm_monitor_data_collection_endpoint.metrics.name) <= 44,
      !endswith(azurerm_monitor_data_collection_endpoint.metrics.name, "-"),
      length(azurerm_monitor_data_collection_rule.metrics.name) <= 64,
      can(regex("^[A-Za-z0-9][A-Za-z0-9-]{2,61}[A-Za-z0-9]$", azurerm_monitor_workspace.this.name)),
    ])
    error_message = "44 characters for an endpoint, 64 for a rule, 63 for a workspace."
  }
}

run "operators_may_read_the_metrics" {
  command = plan

  variables {
    operator_object_ids = ["55555555-5555-5555-5555-555555555555"]
  }

  assert {
    condition     = azurerm_role_assignment.first_operator_metrics.role_definition_name == "Monitoring Data Reader"
    error_message = "The dashboard asks as whoever looks at it, and owning the subscription does not let anyone read data."
  }

  assert {
    condition     = [for one in azurerm_role_assignment.operator_metrics : one.principal_id] == ["55555555-5555-5555-5555-555555555555"]
    error_message = "Operators named in the values must see what the first one sees."
  }
}
