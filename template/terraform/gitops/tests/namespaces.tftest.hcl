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

run "each_policy_refuses_what_it_finds_and_what_it_can_not_judge" {
  command = plan

  assert {
    condition     = alltrue([for object in local.namespaces_access : object.spec.failurePolicy == "Fail" if object.kind == "ValidatingAdmissionPolicy"])
    error_message = "What can't be judged must be refused."
  }

  assert {
    condition     = alltrue([for object in local.namespaces_access : object.spec.validationActions == ["Deny"] if object.kind == "ValidatingAdmissionPolicyBinding"])
    error_message = "A warning would let it through."
  }

  assert {
    condition     = [for object in local.namespaces_access : object.metadata.name if object.kind == "ValidatingAdmissionPolicy"] == [for object in local.namespaces_access : object.spec.policyName if object.kind == "ValidatingAdmissionPolicyBinding"]
    error_message = "Without a binding a policy does nothing."
  }
}

run "every_environment_is_guarded" {
  command = plan

  assert {
    condition     = alltrue([for object in local.namespaces_access : strcontains(object.spec.matchConditions[0].expression, "in [\"shop-dev\",\"shop-prod\"]") if object.kind == "ValidatingAdmissionPolicy"])
    error_message = "The namespaces of all environments must be among those that are looked at."
  }
}

run "argo_cd_comes_with_that" {
  command = plan

  assert {
    condition     = alltrue([for name in keys(local.namespace_policies) : strcontains(join("", helm_release.argocd.values), name)])
    error_message = "The policies must be there before the first environment."
  }
}
