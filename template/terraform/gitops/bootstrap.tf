# The handover: one Application, which tells Argo CD where in Git everything else is. A chart, because Helm looks at its
# kinds only when it applies them, when Argo CD has brought them along.
#
# It goes first when everything is taken down. The Application's finalizer then waits until what it brought is gone, and
# for that the controller must still be there.
resource "helm_release" "bootstrap" {
  name      = "bootstrap"
  namespace = "argocd"
  chart     = "${path.module}/../../bootstrap"
  timeout   = 900

  # Argo CD makes the project `default` when it starts; the chart locks it.
  take_ownership = true

  depends_on = [helm_release.argocd]
}
