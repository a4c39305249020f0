  # Deploy works inside the cluster with its own service account. All that it needs of Azure is to see who has signed an
  # image.
  ci_deploy_roles = {
    deploy_registry = { identity = "deploy", role = "AcrPull", scope = local.registry_id }
  }
