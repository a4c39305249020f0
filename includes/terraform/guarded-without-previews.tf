  # A namespace has the name of its Application.
  is_guarded = "%[1]s in ${jsonencode(local.platform.applications)}"
