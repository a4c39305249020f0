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

run "a_preview_can_not_lower_its_pod_security_level" {
  command = plan

  assert {
    condition     = one([for object in local.previews_access : object if object.kind == "ValidatingAdmissionPolicy"]).spec.failurePolicy == "Fail"
    error_message = "What can't be judged must be refused."
  }

  assert {
    condition     = strcontains(one([for object in local.previews_access : object if object.kind == "ValidatingAdmissionPolicy"]).spec.validations[0].expression, "== 'restricted'")
    error_message = "A pod with the node's network or files would be out of its namespace."
  }

  assert {
    condition     = one([for object in local.previews_access : object if object.kind == "ValidatingAdmissionPolicyBinding"]).spec.validationActions == ["Deny"]
    error_message = "A warning would let it through."
  }
}

run "argo_cd_comes_with_that" {
  command = plan

  assert {
    condition     = strcontains(join("", helm_release.argocd.values), "previews-are-restricted")
    error_message = "The policy must be there before the first preview."
  }
}
