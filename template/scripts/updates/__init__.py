"""Updates of this repository from the template that it was made from."""

import gitops  # noqa: F401
