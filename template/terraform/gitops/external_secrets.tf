# The operator itself comes from Git. What Git can't know is the identity it uses, which exists only after ../platform
# was applied: hence this service account, to which the ClusterSecretStore in Git refers by name.
locals {
  external_secrets_access = [
    {
      apiVersion = "v1"
      kind       = "Namespace"
      metadata = {
        name   = "external-secrets"
        labels = { "pod-security.kubernetes.io/enforce" = "restricted" }
      }
    },
    {
      apiVersion                   = "v1"
      kind                         = "ServiceAccount"
      automountServiceAccountToken = false
      metadata = {
        name      = "key-vault"
        namespace = "external-secrets"
        annotations = {
          "azure.workload.identity/client-id" = local.platform.external_secrets_client_id
          "azure.workload.identity/tenant-id" = local.platform.tenant_id
        }
      }
    },
  ]
}
