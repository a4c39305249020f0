"""Workflows and actions are pinned, ask for no more than they need, and offer the environments that there are."""

import posixpath
import re
from collections.abc import Iterator

from .documents import Map, Problem, Repository

_USES = re.compile(r"^\s*(?:- )?uses: *(?P<action>[^@\s]+)(?:@(?P<ref>\S+))?(?P<comment>\s+#.*)?$")


def check(repository: Repository) -> Iterator[Problem]:
    """Check every workflow and action."""
    for path, workflow in repository.below(".github/"):
        if path.startswith(".github/workflows/") and "permissions" not in workflow:
            yield Problem(path, 1, "has no top-level permissions: add `permissions: {}`, and to each job what it needs")
        for number, line in enumerate(repository.text(path).splitlines(), 1):
            match = _USES.match(line)
            if match and match["action"].startswith("./"):
                if not repository.exists(match["action"][2:]):
                    yield Problem(
                        path, number, f"uses {match['action']}, which does not exist: add it or mend the path"
                    )
            elif match and not re.fullmatch(r"[0-9a-f]{40}", match["ref"] or ""):
                yield Problem(
                    path, number, f"{match['action']} is not pinned: name the full commit, the version behind #"
                )
            elif match and not re.search(r"# v\d", match["comment"] or ""):
                yield Problem(
                    path, number, f"{match['action']} does not say its version: add it as a comment, as # v1.2.3"
                )


def check_environments(repository: Repository) -> Iterator[Problem]:
    """Check that a workflow which asks for an environment offers each of them."""
    overlays = [
        path for path in repository.documents if re.fullmatch(r"apps/[^/]+/overlays/[^/]+/kustomization.yaml", path)
    ]
    names = sorted(posixpath.basename(posixpath.dirname(path)) for path in overlays)
    for path, workflow in repository.below(".github/workflows/"):
        inputs = workflow.at("on", "workflow_dispatch", "inputs")
        for key, setting in inputs.items() if isinstance(inputs, Map) else ():
            if key == "environment" and isinstance(setting, Map) and sorted(setting.texts("options")) != names:
                line = setting.line_of("options")
                yield Problem(path, line, f"options are not the environments {', '.join(names)}: make them the same")
