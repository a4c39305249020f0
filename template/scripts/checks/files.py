"""Files are what every machine that takes a clone can read: texts in UTF-8, whole, with names that tell them apart."""

import os
import re
from collections.abc import Iterator

from .documents import Problem, Repository

_CONFLICT = re.compile(r"^(<{7} |>{7} )", re.MULTILINE)
_TEXT = re.compile(
    r".*[.](css|hcl|html|js|json|md|py|sh|sql|tf|tfbackend|tfvars|toml|txt|ya?ml|Jenkinsfile)"
    r"|(.*/)?(Dockerfile|Jenkinsfile|Makefile)|scripts/[^.]+"
)
# What a carriage return at the end of a line breaks.
_UNIX = re.compile(r".*[.](py|sh|tf|tfvars|tfbackend|ya?ml)|(.*/)?(Dockerfile|Jenkinsfile|Makefile)|scripts/[^.]+")
# Folders whose YAML means something to the cluster.
_OBJECTS = ("apps/", "bootstrap/", "clusters/")


def inspect(repository: Repository) -> Iterator[Problem]:
    """Look at every file by itself."""
    for path in repository.files:
        if os.path.islink(os.path.join(repository.root, path)):
            yield from _inspect_link(repository, path)
        elif _TEXT.fullmatch(path):
            yield from _inspect_text(repository, path)


def _inspect_text(repository: Repository, path: str) -> Iterator[Problem]:
    if not repository.is_text(path):
        yield Problem(path, 0, "is not UTF-8: save it as UTF-8")
        return
    text = repository.text(path)
    # A line of equals signs alone may be a heading.
    if (marker := _CONFLICT.search(text)) and "\n=======\n" in text.replace("\r", ""):
        line = text.count("\n", 0, marker.start()) + 1
        yield Problem(path, line, "has a merge conflict: choose a side and remove the markers")
    if "\r\n" in text and _UNIX.fullmatch(path):
        line = text.count("\n", 0, text.index("\r\n")) + 1
        yield Problem(path, line, "ends lines with CR LF: save it with LF alone")
    if path.endswith((".yaml", ".yml")) and path.startswith(_OBJECTS):
        nothing = not repository.documents.get(path) and not repository.lists.get(path)
        if nothing and path in repository.documents:
            yield Problem(path, 0, "holds nothing: restore it from history, or remove it")


def _inspect_link(repository: Repository, path: str) -> Iterator[Problem]:
    root = os.path.realpath(repository.root)
    target = os.path.realpath(os.path.join(root, path))
    if os.path.commonpath([root, target]) != root:
        yield Problem(path, 0, "is a link that leaves the repository: Argo CD refuses it, put a copy in its place")
    elif not os.path.exists(target):
        yield Problem(path, 0, f"is a link to {os.path.relpath(target, root)}, which does not exist: mend or remove it")


def inspect_names(repository: Repository) -> Iterator[Problem]:
    """Look for names that are one and the same where upper and lower case are."""
    seen: dict[str, str] = {}
    for path in repository.files:
        other = seen.setdefault(path.casefold(), path)
        if other != path:
            yield Problem(path, 0, f"differs from {other} in case only, which macOS and Windows can't keep: rename one")
