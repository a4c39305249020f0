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
    condition     = alltrue([for name in keys(local.namespace_policies) : contains([for object in local.cluster_objects : object.metadata.name], name)])
    error_message = "The policies must be there before the first environment."
  }
}
