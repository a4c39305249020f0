  # A namespace has the name of its Application. Those of previews are written without a review.
  is_guarded = "(%[1]s in ${jsonencode(local.platform.applications)} || %[1]s.startsWith('#{ project_name }#-pr-'))"
