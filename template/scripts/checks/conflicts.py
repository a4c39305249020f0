"""No file holds what a merge has left for a person to decide."""

import re
from collections.abc import Iterator
from pathlib import Path

from .documents import Problem, Repository

# Git's own, with what Copier writes behind them; a line of = alone may be a heading.
_MARKER = re.compile(rb"(<{7}|>{7}) ")


def check(repository: Repository) -> Iterator[Problem]:
    """Check every file, images too."""
    for path in repository.files:
        for number, line in enumerate(Path(repository.root, path).read_bytes().splitlines(), 1):
            if _MARKER.match(line):
                yield Problem(path, number, "a conflict that nobody has resolved: choose one side, remove the markers")
