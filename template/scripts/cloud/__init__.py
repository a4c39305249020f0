"""What the pipeline needs of the infrastructure: its roots, plans of them, and the environments that Azure trusts."""

import gitops  # noqa: F401
