mock_provider "azurerm" {}

mock_provider "helm" {}

override_data {
  target = data.terraform_remote_state.platform
  values = {
    outputs = {
      platform = {
        cluster_name        = "aks-shop"
        resource_group_name = "rg-aks-shop"
        identities          = "id-aks-shop"
        tenant_id           = "11111111-1111-1111-1111-111111111111"
        applications        = ["shop-dev", "shop-prod"]
        tags                = { owner = "Web, 2nd floor", project = "shop" }
        secret_readers      = { key-vault-dev = "66666666-6666-6666-6666-666666666666" }
        deploy_user         = "77777777-7777-7777-7777-777777777777"
      }
    }
  }
}

override_data {
  target = data.azurerm_kubernetes_cluster.this
  values = {
    kube_config = [
      {
        host                   = "https://aks-shop.example.invalid:443"
        cluster_ca_certificate = "bm90IGEgY2VydGlmaWNhdGU="
        client_certificate     = ""
        client_key             = ""
        username               = ""
        password               = ""
      },
    ]
  }
}

run "disks_get_the_tags" {
  command = plan

  assert {
    condition     = local.storage_classes[0].parameters.tags == "owner=Web, 2nd floor\nproject=shop"
    error_message = "Each tag must stand on a line, whatever is in its value."
  }
}

run "a_class_is_replaced_since_its_parameters_can_not_change" {
  command = plan

  assert {
    condition     = local.storage_classes[0].metadata.annotations["helm.sh/hook-delete-policy"] == "before-hook-creation"
    error_message = "Helm must delete the class before it makes it."
  }
}

run "a_kind_of_disk_that_is_none_is_refused" {
  command = plan

  variables {
    disk_sku = "UltraSSD_LRS"
  }

  expect_failures = [var.disk_sku]
}
