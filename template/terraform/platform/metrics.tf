# Azure Monitor managed service for Prometheus: a collector on the cluster asks for metrics, a workspace keeps them for 18
# months. What is asked beside nodes, pods and volumes stands in clusters/, as PodMonitors. Logs are in monitoring.tf.
variable "monitoring_names" {
  description = "What the monitoring's things are called in Azure."
  type = object({
    workspace           = string
    collection_endpoint = string
    collection_rule     = string
    action_group        = string
  })
}

resource "azurerm_monitor_workspace" "this" {
  name                = var.monitoring_names.workspace
  resource_group_name = local.resource_group.name
  location            = var.location
  tags                = local.tags
}

resource "azurerm_monitor_data_collection_endpoint" "metrics" {
  name                = var.monitoring_names.collection_endpoint
  resource_group_name = local.resource_group.name
  location            = var.location
  kind                = "Linux"
  tags                = local.tags
}

resource "azurerm_monitor_data_collection_rule" "metrics" {
  name                        = var.monitoring_names.collection_rule
  resource_group_name         = local.resource_group.name
  location                    = var.location
  kind                        = "Linux"
  data_collection_endpoint_id = azurerm_monitor_data_collection_endpoint.metrics.id
  tags                        = local.tags

  data_sources {
    prometheus_forwarder {
      name    = "prometheus"
      streams = ["Microsoft-PrometheusMetrics"]
    }
  }

  data_flow {
    streams      = ["Microsoft-PrometheusMetrics"]
    destinations = ["workspace"]
  }

  destinations {
    monitor_account {
      name               = "workspace"
      monitor_account_id = azurerm_monitor_workspace.this.id
    }
  }
}

resource "azurerm_monitor_data_collection_rule_association" "metrics" {
  name                    = var.monitoring_names.collection_rule
  target_resource_id      = local.cluster.id
  data_collection_rule_id = azurerm_monitor_data_collection_rule.metrics.id
}

# Owning the subscription gives no right to what the workspace holds; the dashboard asks it as whoever looks at it.
resource "azurerm_role_assignment" "first_operator_metrics" {
  scope                = azurerm_monitor_workspace.this.id
  role_definition_name = "Monitoring Data Reader"
  principal_id         = data.azurerm_client_config.current.object_id

  lifecycle {
    ignore_changes = [principal_id, principal_type]
  }
}

resource "azurerm_role_assignment" "operator_metrics" {
  for_each = var.operator_object_ids

  scope                = azurerm_monitor_workspace.this.id
  role_definition_name = "Monitoring Data Reader"
  principal_id         = each.value
}
