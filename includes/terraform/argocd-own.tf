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
