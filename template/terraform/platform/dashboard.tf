# The dashboard in dashboard.json, which any Grafana can import, shown by Azure's portal under Azure Monitor, Dashboards with
# Grafana. That is free, whereas Azure Managed Grafana is billed by the hour. azurerm has no resource for it, hence a
# template of Azure Resource Manager.
resource "azurerm_resource_group_template_deployment" "dashboard" {
  name                = "dashboard"
  resource_group_name = local.resource_group.name
  deployment_mode     = "Incremental"
  tags                = local.tags

  template_content = jsonencode({
    "$schema"      = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
    contentVersion = "1.0.0.0"
    resources = [
      {
        type       = "Microsoft.Dashboard/dashboards"
        apiVersion = "2025-08-01"
        name       = local.dashboard_name
        location   = var.location
        tags       = merge(local.tags, { GrafanaDashboardTags = join(",", local.dashboard.tags) })
        properties = {}
      },
      {
        type       = "Microsoft.Dashboard/dashboards/dashboardDefinitions"
        apiVersion = "2025-09-01-preview" # the first, and so far the only one that takes what a dashboard shows
        name       = "${local.dashboard_name}/default"
        dependsOn  = ["[resourceId('Microsoft.Dashboard/dashboards', '${local.dashboard_name}')]"]
        properties = {
          serializedData = jsonencode(local.dashboard)
        }
      },
    ]
  })
}

locals {
  # Azure takes 30 letters, digits and hyphens.
  dashboard_name = trim(substr(replace(var.cluster_name, "_", "-"), 0, 30), "-")
  dashboard      = merge(jsondecode(file("${path.module}/dashboard.json")), { title = var.cluster_name })
}
