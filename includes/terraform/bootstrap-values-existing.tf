  values = [yamlencode({
    checksum = sha256(join("", [
      for file in sort(fileset(local.bootstrap, "**")) : filesha256("${local.bootstrap}/${file}")
    ]))
    # When all is taken down, the Application's finalizer waits until what it brought is gone.
    objects = local.cluster_objects
  })]
