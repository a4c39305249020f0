"""What Make and the pipelines call exists and can be run."""

import os
import re
from collections.abc import Iterator

from .documents import Problem, Repository

_SCRIPT = re.compile(r"(?<![\w./-])scripts/[\w./-]*\w")
# The Makefile and whatever a pipeline may be written in.
_CALLERS = re.compile(r"Makefile|([\w/]+[./])?Jenkinsfile|\.github/workflows/.*")


def check(repository: Repository) -> Iterator[Problem]:
    """Check every script that is named."""
    for path in repository.files:
        if _CALLERS.fullmatch(path):
            for number, line in enumerate(repository.text(path).splitlines(), 1):
                for script in _SCRIPT.findall(line):
                    if not repository.exists(script):
                        yield Problem(path, number, f"calls {script}, which does not exist: add it or mend the name")
                    elif "." not in script and not os.access(os.path.join(repository.root, script), os.X_OK):
                        yield Problem(path, number, f"calls {script}, which is not executable: chmod +x {script}")
