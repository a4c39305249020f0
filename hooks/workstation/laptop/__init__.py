"""Makes, uses and takes away what `make local` runs on this machine."""

import gitops  # noqa: F401
