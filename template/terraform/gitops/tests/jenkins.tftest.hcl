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

override_data {
  target = data.azurerm_user_assigned_identity.jenkins
  values = {
    client_id = "88888888-8888-8888-8888-888888888888"
  }
}

run "every_service_account_is_in_a_namespace_of_agents" {
  command = plan

  assert {
    condition     = alltrue([for object in local.jenkins_access : contains([for other in local.jenkins_access : other.metadata.name if other.kind == "Namespace"], object.metadata.namespace) if object.kind == "ServiceAccount"])
    error_message = "Both are made here."
  }
}

run "branches_run_as_nobody" {
  command = plan

  assert {
    condition     = !anytrue([for object in local.jenkins_access : object.kind == "ServiceAccount" && try(object.metadata.namespace, "") == "jenkins-changes"])
    error_message = "Whoever may push a branch can run as any service account of that namespace."
  }

  assert {
    condition     = alltrue([for object in local.jenkins_access : try(object.metadata.namespace, "") != "jenkins" if can(object.metadata.annotations["azure.workload.identity/client-id"])])
    error_message = "An account that starts pods has no identity."
  }
}

run "the_account_of_a_cloud_starts_pods_in_one_namespace" {
  command = plan

  assert {
    condition     = alltrue([for object in local.jenkins_access : object.metadata.namespace == "jenkins-${one(object.subjects).name}" && one(object.subjects).namespace == "jenkins" if object.kind == "RoleBinding"])
    error_message = "A pipeline names the namespace of its pod: the cluster must refuse another."
  }

  assert {
    condition     = alltrue([for object in local.jenkins_access : alltrue([for rule in object.rules : length(setintersection(rule.resources, ["pods", "pods/exec", "pods/log", "events"])) == length(rule.resources)]) if object.kind == "Role"])
    error_message = "It needs neither secrets nor service accounts."
  }
}

run "infrastructure_has_the_strictest_pod_security_level" {
  command = plan

  assert {
    condition     = one([for object in local.jenkins_access : object.metadata.labels if object.kind == "Namespace" && object.metadata.name == "jenkins-infrastructure"])["pod-security.kubernetes.io/enforce"] == "restricted"
    error_message = "Terraform needs nothing more."
  }
}

run "service_accounts_stand_for_their_identities" {
  command = plan

  assert {
    condition     = alltrue([for object in local.jenkins_access : object.metadata.annotations["azure.workload.identity/client-id"] == "88888888-8888-8888-8888-888888888888" if object.kind == "ServiceAccount" && object.metadata.name != "deploy" && try(object.metadata.namespace, "") != "jenkins"])
    error_message = "Workload identity reads the client id there."
  }

  assert {
    condition     = alltrue([for name, identity in data.azurerm_user_assigned_identity.jenkins : identity.name == "id-aks-shop-ci-${name}"])
    error_message = "../platform names the identities so."
  }
}

run "deploy_has_no_identity_in_azure" {
  command = plan

  assert {
    condition     = !can(one([for object in local.jenkins_access : object if object.kind == "ServiceAccount" && object.metadata.name == "deploy"]).metadata.annotations)
    error_message = "It works with its own token, inside the cluster."
  }
}

run "only_deploy_gets_a_token_of_the_cluster" {
  command = plan

  assert {
    condition     = [for object in local.jenkins_access : object.metadata.name if try(object.automountServiceAccountToken, false)] == ["deploy"]
    error_message = "The others use Azure only."
  }
}

run "the_objects_of_jenkins_travel_with_argo_cd" {
  command = plan

  assert {
    condition = length(setsubtract(
      [for object in local.jenkins_access : "${object.kind} ${object.metadata.name}"],
      [for object in yamldecode(helm_release.argocd.values[length(helm_release.argocd.values) - 1]).extraObjects : "${object.kind} ${object.metadata.name}"],
    )) == 0
    error_message = "Every object must be among the values."
  }
}
