"""Every kustomization names files that exist, every file is named, and what is changed is there."""

import posixpath
import re
from collections.abc import Iterator
from typing import Any

from .documents import Map, Problem, Repository
from .objects import KUSTOMIZATIONS

_DEPRECATED = {
    "bases": "resources",
    "commonLabels": "labels",
    "imageTags": "images",
    "patchesJson6902": "patches",
    "patchesStrategicMerge": "patches",
    "vars": "replacements",
}


def check(repository: Repository) -> Iterator[Problem]:
    """Check the kustomizations of apps/, bootstrap/ and clusters/."""
    found = {
        path: document
        for folder in ("apps/", "bootstrap/", "clusters/")
        for path, document in repository.below(folder)
        if posixpath.basename(path) in KUSTOMIZATIONS
    }
    folders = {posixpath.dirname(path): path for path in found}
    sources = deployed(repository)
    named: dict[str, set[str]] = {}
    for path, kustomization in found.items():
        for old, new in _DEPRECATED.items():
            if old in kustomization:
                yield Problem(path, kustomization.line_of(old), f"{old} is deprecated: write it as {new}")
        named[path] = set()
        yield from _check_references(repository, path, kustomization, folders, named[path])
        yield from _check_targets(repository, path, kustomization, folders)
        yield from _check_components(repository, path, kustomization, folders)
        yield from _check_operations(repository, path, kustomization)
    yield from _check_files(repository, found, folders, named, sources)


def deployed(repository: Repository) -> set[Any]:
    """Return the folders and files that Applications take as their sources, those of ApplicationSets too."""
    found: set[Any] = set()
    for _, document in repository.below("clusters/"):
        for at in (("spec",), ("spec", "template", "spec")):
            for source in [document.at(*at, "source"), *document.maps(*at, "sources")]:
                if isinstance(source, Map):
                    found.add(source.text("path").strip("/"))
    return found


def _references(kustomization: Map) -> Iterator[tuple[str, str, int]]:
    """Yield key, path and line of everything that a kustomization takes in."""
    for key in (
        "resources",
        "components",
        "crds",
        "configurations",
        "generators",
        "transformers",
        "validators",
        "bases",
        "patchesStrategicMerge",
    ):
        for entry in kustomization.texts(key):
            if "\n" not in entry:  # Written out in place.
                yield key, entry, kustomization.line_of(key)
    for key in ("patches", "patchesJson6902", "replacements"):
        for item in kustomization.maps(key):
            if item.text("path"):
                yield key, item["path"], item.line_of("path")
    for key in ("configMapGenerator", "secretGenerator"):
        for item in kustomization.maps(key):
            for entry in [*item.texts("files"), *item.texts("envs"), *([item.text("env")] if item.text("env") else [])]:
                yield key, entry.rpartition("=")[2], item.line_of("files")
    for chart in kustomization.maps("helmCharts"):
        for entry in [chart.text("valuesFile"), *chart.texts("additionalValuesFiles")]:
            if entry:
                yield "helmCharts", entry, chart.line_of("valuesFile")


def _is_remote(entry: str) -> bool:
    return entry.startswith(("http:", "https:", "git@", "ssh:", "github.com/")) or "?ref=" in entry


def taken_in(repository: Repository, folder: str, seen: frozenset[str] = frozenset()) -> Iterator[str]:
    """Yield the folders that a kustomization is built from, its own among them, and the files outside of these."""
    yield folder
    for name in KUSTOMIZATIONS:
        kustomization = repository.first(f"{folder}/{name}")
        for _, entry, _ in _references(kustomization) if kustomization and folder not in seen else ():
            target = posixpath.normpath(posixpath.join(folder, entry))
            if any(repository.first(f"{target}/{other}") for other in KUSTOMIZATIONS):
                yield from taken_in(repository, target, seen | {folder})
            elif not _is_remote(entry):
                yield target


def _check_references(
    repository: Repository, path: str, kustomization: Map, folders: dict[str, str], named: set[str]
) -> Iterator[Problem]:
    folder = posixpath.dirname(path)
    for key, entry, line in _references(kustomization):
        if _is_remote(entry):
            yield Problem(path, line, f"{key} takes {entry!r} from the network: copy it into this repository")
            continue
        target = posixpath.normpath(posixpath.join(folder, entry))
        if target in named and key in ("resources", "components"):
            yield Problem(path, line, f"{key} names {entry!r} twice: remove one")
        named.add(target)
        if target == folder:
            yield Problem(path, line, f"{key} names the folder that it is in: remove it")
        elif not repository.exists(target):
            yield Problem(path, line, f"{key} names {entry!r}, which does not exist: add it or remove the line")
        elif (
            key in ("resources", "components", "bases")
            and target not in folders
            and not re.search(r"[.](ya?ml|json)$", target)
        ):
            yield Problem(path, line, f"{key} names the folder {entry!r}, which has no kustomization.yaml: add one")


def _check_targets(repository: Repository, path: str, kustomization: Map, folders: dict[str, str]) -> Iterator[Problem]:
    """Check that what is patched and scaled is among the objects."""
    there = list(_objects(repository, path, folders))
    if not there or _is_component(kustomization):
        return
    names = {name for _, name in there}
    for entry in kustomization.maps("replicas"):
        if entry.text("name") and entry.text("name") not in names:
            yield Problem(path, entry.line, f"replicas sets {entry['name']}, which does not exist: mend or remove it")
    for patch in kustomization.maps("patches"):
        target = patch.at("target")
        if isinstance(target, Map):
            kind, name = target.text("kind") or ".*", target.text("name") or ".*"
            if not any(_fits(kind, item[0]) and _fits(name, item[1]) for item in there):
                what = f"the patch changes nothing: there is no {target.text('kind') or 'object'} {target.text('name')}"
                yield Problem(path, target.line, f"{what.rstrip()}: mend target")
            continue
        where = posixpath.normpath(posixpath.join(posixpath.dirname(path), patch.text("path")))
        for document in repository.documents.get(where, []) if patch.text("path") else []:
            kind, name = document.text("kind"), document.text("metadata", "name")
            if (kind, name) not in there:
                yield Problem(where, document.line, f"there is no {kind} {name} to patch: mend its kind or name")


def _check_components(
    repository: Repository, path: str, kustomization: Map, folders: dict[str, str]
) -> Iterator[Problem]:
    """Check that components are what they are taken for."""
    for key, wanted in (("components", "Component"), ("resources", "Kustomization")):
        for entry in kustomization.texts(key):
            where = folders.get(posixpath.normpath(posixpath.join(posixpath.dirname(path), entry)), "")
            named = repository.first(where)
            if named is not None and named.get("kind", "Kustomization") != wanted:
                line, what = named.line_of("kind"), f"{path} names it in {key}"
                yield Problem(where, line, f"{what}, but it is no {wanted}: write kind: {wanted}")


def _check_operations(repository: Repository, path: str, kustomization: Map) -> Iterator[Problem]:
    """Check that each operation of a patch says what it does, and where."""
    for patch in kustomization.maps("patches"):
        where = posixpath.normpath(posixpath.join(posixpath.dirname(path), patch.text("path")))
        if not patch.text("path") and not patch.text("patch"):
            yield Problem(path, patch.line, "the patch has neither path nor patch: add one of them")
            continue
        for document in repository.documents.get(where, []) if patch.text("path") else []:
            if "kind" not in document and "$patch" not in document:
                yield Problem(where, document.line, "is no patch: write a list of op, path and value, or kind and name")
        for operation in (entry for entries in repository.lists.get(where, []) for entry in entries):
            missing = [key for key in ("op", "path") if not isinstance(operation, Map) or not operation.text(key)]
            if not missing and operation.text("op") in ("add", "replace", "test") and "value" not in operation:
                missing = ["value"]
            if missing:
                line = operation.line if isinstance(operation, Map) else 0
                yield Problem(where, line, f"an operation of the patch has no {missing[0]}: add it")


def _is_component(kustomization: Map) -> bool:
    """Tell whether it changes objects that others bring."""
    return kustomization.get("kind") == "Component" or any(
        key in kustomization for key in ("helmCharts", "generators", "namePrefix", "nameSuffix", "configurations")
    )


def _fits(pattern: str, value: str) -> bool:
    try:
        return re.fullmatch(pattern, value) is not None
    except re.error:
        return pattern == value


def _objects(
    repository: Repository, path: str, folders: dict[str, str], seen: frozenset[str] = frozenset()
) -> Iterator[tuple[str, str]]:
    """Yield kind and name of everything that a kustomization brings."""
    kustomization = repository.first(path)
    if kustomization is None or path in seen:
        return
    for key, kind in (("configMapGenerator", "ConfigMap"), ("secretGenerator", "Secret")):
        for generator in kustomization.maps(key):
            yield kind, generator.text("name")
    for entry in [*kustomization.texts("resources"), *kustomization.texts("components"), *kustomization.texts("bases")]:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), entry))
        if target in folders:
            yield from _objects(repository, folders[target], folders, seen | {path})
        for document in repository.documents.get(target, []):
            for item in document.maps("items") if document.get("kind") == "List" else [document]:
                yield item.text("kind"), item.text("metadata", "name")


def _check_files(
    repository: Repository,
    found: dict[str, Map],
    folders: dict[str, str],
    named: dict[str, set[str]],
    sources: set[Any],
) -> Iterator[Problem]:
    """Check that every object, patch and folder is named by the kustomization above it."""
    for path in repository.files:
        if not path.startswith(("apps/", "bootstrap/", "clusters/")):
            continue
        is_kustomization = path in found
        start = posixpath.dirname(posixpath.dirname(path) if is_kustomization else path)
        if is_kustomization:
            if start not in folders or posixpath.dirname(path) in sources:
                continue
        elif not _has_effect(repository, path):
            continue
        above = start
        while above and above not in folders and above not in sources:
            above = posixpath.dirname(above)
        if above not in folders:
            continue
        owner = folders[above]
        if is_kustomization:
            folder = posixpath.dirname(path)
            if folder not in named[owner] and found[owner].get("kind", "Kustomization") == "Kustomization":
                name = posixpath.basename(folder)
                yield Problem(owner, 0, f"does not name the folder {name}: add it to resources, or remove it")
        elif path not in named[owner]:
            yield Problem(path, 0, f"is not named in {owner}, so it has no effect: add it to resources, or remove it")


def _has_effect(repository: Repository, path: str) -> bool:
    """Tell whether a file is meant for the cluster: it holds objects, or operations of a patch."""
    documents, lists = repository.documents.get(path, []), repository.lists.get(path, [])
    objects = any("kind" in document and "apiVersion" in document for document in documents)
    return objects or any(isinstance(entry, Map) and "op" in entry for entries in lists for entry in entries)
