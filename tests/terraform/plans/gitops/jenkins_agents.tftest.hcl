override_data {
  target = data.azurerm_user_assigned_identity.jenkins
  values = {
    client_id = "88888888-8888-8888-8888-888888888888"
  }
}

run "a_namespace_of_the_level_privileged_has_the_policy" {
  command = plan

  assert {
    condition     = toset([for object in local.jenkins_access : object.metadata.name if object.kind == "Namespace" && try(object.metadata.labels["pod-security.kubernetes.io/enforce"], "") == "privileged"]) == toset(local.buildkit_namespaces)
    error_message = "Pod security refuses nothing there."
  }

  assert {
    condition     = one([for object in local.agent_policy : object if object.kind == "ValidatingAdmissionPolicyBinding"]).spec.matchResources.namespaceSelector.matchExpressions[0].values == local.buildkit_namespaces
    error_message = "The binding must name the same namespaces."
  }

  assert {
    condition     = one([for object in local.agent_policy : object if object.kind == "ValidatingAdmissionPolicyBinding"]).spec.validationActions == ["Deny"] && one([for object in local.agent_policy : object if object.kind == "ValidatingAdmissionPolicy"]).spec.failurePolicy == "Fail"
    error_message = "What can't be judged must be refused."
  }
}

run "only_images_of_buildkit_by_digest_are_let_off" {
  command = plan

  assert {
    condition     = can(regex(local.buildkit_image, "moby/buildkit:v0.33.0-rootless@sha256:80b15f0735e87bab7bf59ec4d695dfb4a7cfb25521cf56dc75d6f256285b63ef"))
    error_message = "The image of the agents must be among them."
  }

  assert {
    condition     = !can(regex(local.buildkit_image, "moby/buildkit:v0.33.0-rootless")) && !can(regex(local.buildkit_image, "example.com/moby/buildkit@sha256:80b15f0735e87bab7bf59ec4d695dfb4a7cfb25521cf56dc75d6f256285b63ef"))
    error_message = "A tag may move, and another registry may hold anything."
  }
}
