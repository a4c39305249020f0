"""What runs the pipeline of this repository: its own part of `make up`, `make down` and `make doctor`."""

from .github import NEXT, REMOVED, TOOLS, checks, prepare

__all__ = ["NEXT", "REMOVED", "TOOLS", "checks", "prepare"]
