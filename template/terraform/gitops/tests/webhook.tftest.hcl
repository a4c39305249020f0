mock_provider "azurerm" {}

mock_provider "helm" {}

override_data {
  target = data.terraform_remote_state.platform
  values = {
    outputs = {
      platform = {
        cluster_name               = "aks-shop"
        resource_group_name        = "rg-aks-shop"
        tenant_id                  = "11111111-1111-1111-1111-111111111111"
        applications               = ["shop-dev", "shop-prod"]
        external_secrets_client_id = "66666666-6666-6666-6666-666666666666"
        deploy_user                = "77777777-7777-7777-7777-777777777777"
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

variables {
  high_availability = false
}

run "no_webhook_is_taken_without_a_secret" {
  command = plan

  assert {
    condition     = !strcontains(join("", helm_release.argocd.values), "webhook")
    error_message = "Nothing must be set unless asked for."
  }
}

run "the_secret_itself_is_nowhere_in_the_values" {
  command = plan

  variables {
    argocd_webhook_secret_name = "argocd-webhook"
  }

  assert {
    condition     = yamldecode(helm_release.argocd.values[1]).configs.secret.extra == { "webhook.github.secret" = "$argocd-webhook:github" }
    error_message = "Values end up in the state: they must refer to the Secret by name."
  }
}

run "what_is_no_name_is_refused" {
  command = plan

  variables {
    argocd_webhook_secret_name = "S3cret/value"
  }

  expect_failures = [var.argocd_webhook_secret_name]
}
