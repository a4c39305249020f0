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
    condition     = toset([for object in local.jenkins_access : object.metadata.name if can(object.metadata.annotations["azure.workload.identity/client-id"])]) == toset(keys(local.jenkins_identities))
    error_message = "An account has an identity in Azure only where it is listed."
  }

  assert {
    condition     = alltrue([for object in local.jenkins_access : object.metadata.annotations["azure.workload.identity/client-id"] == "88888888-8888-8888-8888-888888888888" if can(object.metadata.annotations["azure.workload.identity/client-id"])])
    error_message = "Workload identity reads the client id there."
  }

  assert {
    condition     = alltrue([for name, identity in data.azurerm_user_assigned_identity.jenkins : identity.name == "id-shop-ci-${name}"])
    error_message = "../platform names the identities so."
  }
}

run "deployments_find_the_public_key_of_the_pipeline" {
  command = plan

  assert {
    condition     = one([for object in local.jenkins_access : object.data if object.kind == "ConfigMap"]) == { "cosign.pub" = "-----BEGIN PUBLIC KEY-----" }
    error_message = "jenkins/agents/deploy.yaml mounts it."
  }

  assert {
    condition = (
      one([for object in local.jenkins_access : object.metadata.namespace if object.kind == "ConfigMap"]) ==
      one([for object in local.jenkins_access : object.metadata.namespace if object.kind == "ServiceAccount" && object.metadata.name == "deploy"])
    )
    error_message = "A pod mounts what is in its own namespace."
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
      [for object in local.cluster_objects : "${object.kind} ${object.metadata.name}"],
    )) == 0
    error_message = "Every object must be among the values."
  }
}
