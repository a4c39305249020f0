  values = [yamlencode({ checksum = sha256(join("", [
    for file in sort(fileset(local.bootstrap, "**")) : filesha256("${local.bootstrap}/${file}")
  ])) })]

  # Argo CD makes the project `default` when it starts; the chart locks it.
  take_ownership = true

  # It goes first when everything is taken down. The Application's finalizer then waits until what it brought is gone, and
  # for that the controller must still be there.
  depends_on = [helm_release.argocd]
