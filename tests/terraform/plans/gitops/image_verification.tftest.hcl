run "the_verifier_is_told_its_identity" {
  command = plan

  assert {
    condition     = one([for object in local.image_verification : object.data if object.kind == "ConfigMap"]).client-id == "88888888-8888-8888-8888-888888888888"
    error_message = "clusters/*/kyverno.yaml takes AZURE_CLIENT_ID from there."
  }
}

run "the_verifier_has_a_namespace_with_the_strictest_level" {
  command = plan

  assert {
    condition     = one([for object in local.image_verification : object.metadata if object.kind == "Namespace"]) == { name = "kyverno", labels = { "pod-security.kubernetes.io/enforce" = "restricted" } }
    error_message = "Kyverno runs as the level restricted wants it."
  }
}
