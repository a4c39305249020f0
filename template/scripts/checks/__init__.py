"""Checks of scripts/validate: each module looks at one concern across files and returns problems with their cure."""

import gitops  # noqa: F401
