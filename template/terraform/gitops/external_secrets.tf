# The operator itself comes from Git. What Git can't know are the identities that may read Key Vault, which exist only after
# ../platform was applied: hence a service account for each, to which the ClusterSecretStore of that name in Git refers.
locals {
  external_secrets_access = concat(
    [
      {
        apiVersion = "v1"
        kind       = "Namespace"
        metadata = {
          name   = "external-secrets"
          labels = { "pod-security.kubernetes.io/enforce" = "restricted" }
        }
      },
      # The operator signs in as these accounts and as no other of the cluster, as the chart's own ClusterRole would let it.
      {
        apiVersion = "rbac.authorization.k8s.io/v1"
        kind       = "Role"
        metadata   = { name = "secret-readers", namespace = "external-secrets" }
        rules = [
          {
            apiGroups     = [""]
            resources     = ["serviceaccounts/token"]
            resourceNames = keys(local.platform.secret_readers)
            verbs         = ["create"]
          },
        ]
      },
      {
        apiVersion = "rbac.authorization.k8s.io/v1"
        kind       = "RoleBinding"
        metadata   = { name = "secret-readers", namespace = "external-secrets" }
        roleRef    = { apiGroup = "rbac.authorization.k8s.io", kind = "Role", name = "secret-readers" }
        subjects   = [{ kind = "ServiceAccount", name = "external-secrets", namespace = "external-secrets" }]
      },
    ],
    [
      for name, client_id in local.platform.secret_readers : {
        apiVersion                   = "v1"
        kind                         = "ServiceAccount"
        automountServiceAccountToken = false
        metadata = {
          name      = name
          namespace = "external-secrets"
          annotations = {
            "azure.workload.identity/client-id" = client_id
            "azure.workload.identity/tenant-id" = local.platform.tenant_id
          }
        }
      }
    ],
  )
}
