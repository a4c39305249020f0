"""Every kustomization names files that exist, and every file is named."""

import posixpath
from collections.abc import Iterator

from .documents import Map, Problem, Repository

_DEPRECATED = {
    "bases": "resources",
    "commonLabels": "labels",
    "imageTags": "images",
    "patchesJson6902": "patches",
    "patchesStrategicMerge": "patches",
    "vars": "replacements",
}


def _references(kustomization: Map) -> Iterator[tuple[str, str, int]]:
    """Yield key, path and line of everything that a kustomization takes in."""
    for key in ("resources", "components", "crds", "configurations"):
        for entry in kustomization.texts(key):
            yield key, entry, kustomization.line_of(key)
    for key in ("patches", "replacements"):
        for item in kustomization.maps(key):
            if isinstance(item.get("path"), str):
                yield key, item["path"], item.line_of("path")


def check(repository: Repository) -> Iterator[Problem]:
    """Check the kustomizations of apps/ and clusters/."""
    for path, kustomization in [*repository.below("apps/"), *repository.below("clusters/")]:
        if posixpath.basename(path) == "kustomization.yaml":
            yield from _check_one(repository, path, kustomization)


def _check_one(repository: Repository, path: str, kustomization: Map) -> Iterator[Problem]:
    folder = posixpath.dirname(path)
    for old, new in _DEPRECATED.items():
        if old in kustomization:
            yield Problem(path, kustomization.line_of(old), f"{old} is deprecated: write it as {new}")
    seen: set[str] = set()
    named: set[str] = set()
    for key, entry, line in _references(kustomization):
        if entry.startswith(("http:", "https:", "git@")) or "?ref=" in entry:
            yield Problem(path, line, f"{key} takes {entry!r} from the network: copy it into this repository")
            continue
        target = posixpath.normpath(posixpath.join(folder, entry))
        if entry in seen and key in ("resources", "components"):
            yield Problem(path, line, f"{key} names {entry!r} twice: remove one")
        seen.add(entry)
        named.add(target)
        if not repository.exists(target):
            yield Problem(path, line, f"{key} names {entry!r}, which does not exist: add it or remove the line")
        elif "." not in posixpath.basename(target) and not repository.exists(f"{target}/kustomization.yaml"):
            yield Problem(path, line, f"{key} names the folder {entry!r}, which has no kustomization.yaml: add one")
    for other in repository.files:
        beside = posixpath.dirname(other) == folder and other != path and other.endswith((".yaml", ".yml"))
        if beside and other not in named:
            yield Problem(other, 0, f"is not named in {path}, so it has no effect: add it to resources, or remove it")
    if kustomization.get("kind") == "Kustomization":
        for other in _folders_with_kustomization(repository):
            if posixpath.dirname(other) == folder and other not in named and not _is_application(repository, other):
                yield Problem(path, 0, f"does not name the folder {posixpath.basename(other)}: add it to resources")


def _folders_with_kustomization(repository: Repository) -> list[str]:
    return [posixpath.dirname(path) for path in repository.files if path.endswith("/kustomization.yaml")]


def _is_application(repository: Repository, folder: str) -> bool:
    """Tell whether an Argo CD Application takes the folder as its source."""
    return any(document.at("spec", "source", "path") == folder for _, document in repository.below("clusters/"))
