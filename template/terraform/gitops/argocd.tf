# This root owns Argo CD; nothing that Argo CD syncs does. Two owners would undo each other's changes.
#
# A private repository: Argo CD needs a Secret in the namespace argocd with the label
# argocd.argoproj.io/secret-type: repository and the keys type, url, username and password (a token that may read the
# repository). Make it once with kubectl: given to Helm here, the token would end up in the state.
resource "helm_release" "argocd" {
  name             = "argocd"
  namespace        = "argocd"
  create_namespace = true
  repository       = "https://argoproj.github.io/argo-helm"
  chart            = "argo-cd"
  version          = "10.10.2" # https://github.com/argoproj/argo-helm/releases
  timeout          = 900
  atomic           = true

  values = concat(
    [file("${path.module}/values/argocd.yaml")],
    var.high_availability ? [file("${path.module}/values/argocd-production.yaml")] : [],
    [for sso in var.argocd_sso[*] : templatefile("${path.module}/values/argocd-sso.yaml.tftpl", merge(sso, {
      tenant_id = local.platform.tenant_id
    }))],
    [for name in var.argocd_webhook_secret[*] : templatefile("${path.module}/values/argocd-webhook.yaml.tftpl", {
      reference = format("$%s:github", name)
    })],
    [yamlencode({ extraObjects = concat(local.deploy_access, local.external_secrets_access) })],
  )
}
