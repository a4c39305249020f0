"""Workflows and actions are pinned, ask for no more than they need, and call scripts that exist."""

import os
import re
from collections.abc import Iterator

from .documents import Problem, Repository

_USES = re.compile(r"^\s*(?:- )?uses: *(?P<action>[^@\s]+)(?:@(?P<ref>\S+))?(?P<comment>\s+#.*)?$")
_SCRIPT = re.compile(r"(?<![\w./-])scripts/[\w./-]*\w")


def check(repository: Repository) -> Iterator[Problem]:
    """Check every workflow, action and the scripts that workflows and the Makefile call."""
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
    for path in repository.files:
        if path == "Makefile" or path.startswith(".github/"):
            for number, line in enumerate(repository.text(path).splitlines(), 1):
                for script in _SCRIPT.findall(line):
                    if not repository.exists(script):
                        yield Problem(path, number, f"calls {script}, which does not exist: add it or mend the name")
                    elif "." not in script and not os.access(os.path.join(repository.root, script), os.X_OK):
                        yield Problem(path, number, f"calls {script}, which is not executable: chmod +x {script}")
