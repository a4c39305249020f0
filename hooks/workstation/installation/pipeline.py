"""What runs the pipeline of this repository: its own part of `make up`, `make down` and `make doctor`."""

from gitops.repository import ROOT
from gitops.template import answer

if (ROOT / "Jenkinsfile").exists():
    from .jenkins import NEXT, REMOVED, TOOLS, checks, prepare
elif answer("runner"):
    from .github import NEXT, REMOVED, TOOLS, prepare
    from .runners import checks
else:
    from .github import NEXT, REMOVED, TOOLS, checks, prepare

__all__ = ["NEXT", "REMOVED", "TOOLS", "checks", "prepare"]
