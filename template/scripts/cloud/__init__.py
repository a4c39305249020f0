"""What `make up`, `make down` and `make doctor` share: the tools, the settings, Azure and the cluster."""

import gitops  # noqa: F401
