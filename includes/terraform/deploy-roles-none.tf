  # Deploy works inside the cluster with its own service account and needs nothing of Azure.
  ci_deploy_roles = {}
