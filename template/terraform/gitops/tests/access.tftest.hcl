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

run "deploy_reaches_the_applications_of_this_project_only" {
  command = plan

  assert {
    condition     = one([for object in local.deploy_access : object if object.kind == "Role"]).rules[0].resourceNames == ["shop-dev", "shop-prod"]
    error_message = "The bootstrap Application and those of add-ons are none of its business."
  }

  assert {
    condition     = one([for object in local.deploy_access : object if object.kind == "Role"]).metadata.namespace == "argocd"
    error_message = "Applications are in argocd."
  }
}

run "deploy_neither_makes_nor_deletes" {
  command = plan

  assert {
    condition     = length(setintersection(flatten([for object in local.deploy_access : [for rule in try(object.rules, []) : rule.verbs]]), ["*", "bind", "create", "delete", "deletecollection", "escalate", "update"])) == 0
    error_message = "Its only change is a patch."
  }
}

run "deploy_sees_no_secret" {
  command = plan

  assert {
    condition     = !contains(flatten([for object in local.deploy_access : [for rule in try(object.rules, []) : rule.resources]]), "secrets")
    error_message = "Telling why a rollout fails needs no secret."
  }
}

run "every_right_is_the_deploy_identitys" {
  command = plan

  assert {
    condition     = alltrue([for object in local.deploy_access : object.subjects[0].name == "77777777-7777-7777-7777-777777777777" if can(object.subjects)])
    error_message = "Bindings must name the identity's object id: to Kubernetes that is its user name."
  }
}

run "the_policy_is_for_the_deploy_identity_alone" {
  command = plan

  assert {
    condition     = one([for object in local.deploy_access : object if object.kind == "ValidatingAdmissionPolicy"]).spec.matchConditions[0].expression == "request.userInfo.username == '77777777-7777-7777-7777-777777777777'"
    error_message = "Argo CD and people change Applications as they need to."
  }
}

run "a_patch_can_only_ask_for_a_refresh" {
  command = plan

  assert {
    condition     = alltrue([for part in ["spec", "operation", "status", "labels", "finalizers", "ownerReferences"] : anytrue([for rule in one([for object in local.deploy_access : object if object.kind == "ValidatingAdmissionPolicy"]).spec.validations : strcontains(rule.expression, part)])])
    error_message = "Everything but the refresh annotation must be guarded."
  }

  assert {
    condition     = one([for object in local.deploy_access : object if object.kind == "ValidatingAdmissionPolicy"]).spec.failurePolicy == "Fail"
    error_message = "A policy that can't be evaluated must refuse."
  }

  assert {
    condition     = one([for object in local.deploy_access : object if object.kind == "ValidatingAdmissionPolicyBinding"]).spec.validationActions == ["Deny"]
    error_message = "Without a binding the policy does nothing."
  }
}

run "external_secrets_finds_its_service_account" {
  command = plan

  assert {
    condition     = one([for object in local.external_secrets_access : object if object.kind == "ServiceAccount"]).metadata.namespace == "external-secrets" && one([for object in local.external_secrets_access : object if object.kind == "ServiceAccount"]).metadata.name == "key-vault"
    error_message = "The secret store in Git, and the federated credential, name this account."
  }

  assert {
    condition     = one([for object in local.external_secrets_access : object if object.kind == "ServiceAccount"]).metadata.annotations["azure.workload.identity/client-id"] == "66666666-6666-6666-6666-666666666666"
    error_message = "The account must stand for the identity that may read the vault."
  }

  assert {
    condition     = one([for object in local.external_secrets_access : object if object.kind == "ServiceAccount"]).metadata.annotations["azure.workload.identity/tenant-id"] == "11111111-1111-1111-1111-111111111111"
    error_message = "The account must name the tenant."
  }
}

run "the_objects_travel_with_argo_cd" {
  command = plan

  assert {
    condition = length(setsubtract(
      [for object in concat(local.deploy_access, local.external_secrets_access) : "${object.kind} ${object.metadata.name}"],
      [for object in yamldecode(helm_release.argocd.values[length(helm_release.argocd.values) - 1]).extraObjects : "${object.kind} ${object.metadata.name}"],
    )) == 0
    error_message = "Every object must be among the values."
  }
}
