"""Applications of Argo CD deploy folders that there are, from this repository, to where their projects let them."""

import posixpath
import re
from collections.abc import Iterator
from typing import Any

from . import kustomize, projects
from .documents import Map, Problem, Repository
from .objects import objects

_OPTIONS = "argocd.argoproj.io/sync-options"
_WATCHED = "argocd.argoproj.io/manifest-generate-paths"
_WAVE = "argocd.argoproj.io/sync-wave"
_KEPT = ("Prune=false", "Delete=false")
_VALUES = {"Prune": ("false", "confirm"), "Delete": ("false", "confirm"), "PruneLast": ("true",)}


def check(repository: Repository) -> Iterator[Problem]:
    """Check every Application."""
    found = projects.kind(repository, "Application")
    every = [*found, *projects.templates(repository)]
    deployed = {path for _, document in every for source in projects.sources(document) if (path := source.text("path"))}
    for path, document in [*projects.bootstrap(repository), *every]:
        yield from _check_application(repository, path, document)
    for overlay in repository.overlays():
        if overlay not in deployed:
            where = f"{overlay}/kustomization.yaml"
            yield Problem(where, 0, "no Application in clusters/ deploys it: add one, or remove it")
        yield from _check_namespace(repository, overlay)
    seen: dict[tuple[str, str], str] = {}
    for path, document in [*found, *projects.kind(repository, "AppProject")]:
        name = document.text("metadata", "name")
        key = "/".join([*path.split("/")[:2], document.text("kind")]), name
        if key in seen:
            yield Problem(path, document.line, f"{key[0].split('/')[2]} {name} is in {seen[key]} too: rename one")
        seen[key] = path
        if document.at("metadata", "namespace") != _own_namespace(repository):
            line = document.line_at("metadata", "namespace")
            cure = f"make the namespace {_own_namespace(repository)}"
            yield Problem(path, line, f"Argo CD does not look for it there: {cure}")


def _own_namespace(repository: Repository) -> Any:
    return next((document.at("metadata", "namespace") for _, document in projects.bootstrap(repository)), "argocd")


def _check_application(repository: Repository, path: str, document: Map) -> Iterator[Problem]:
    project, destination = document.at("spec", "project"), document.at("spec", "destination")
    namespace = document.at("spec", "destination", "namespace")
    beside = projects.of_cluster(repository, path)
    own = [item for item in beside if item[1].at("metadata", "name") == project]
    if not own and not projects.is_filled_in(project):
        has = ", ".join(sorted(item.text("metadata", "name") for _, item in beside))
        cure = f"use one of {has}, or add it"
        yield Problem(path, document.line_at("spec", "project"), f"there is no AppProject {project}: {cure}")
    for where, found in own:
        yield from projects.judge_destination(where, found, destination)
    if isinstance(destination, Map) and not {"server", "name"} & set(destination):
        cure = "add server: https://kubernetes.default.svc, its own"
        yield Problem(path, document.line_at("spec", "destination"), f"names no cluster to deploy to: {cure}")
    for source in projects.sources(document):
        folder = source.text("path")
        line = source.line_of("targetRevision")
        if not {"chart", "path", "ref"} & set(source):
            yield Problem(path, source.line, "names neither a path nor a chart: add the one that it deploys")
        elif "chart" in source and source.get("targetRevision") in (None, "", "*"):
            yield Problem(
                path, line, f"takes whatever version of {source['chart']} there is: set targetRevision to one"
            )
        ours = "chart" not in source and source.get("repoURL") == projects.address(repository)
        if ours and folder and not projects.is_filled_in(folder) and not _has_manifests(repository, folder):
            line = source.line_of("path")
            yield Problem(path, line, f"the folder {folder} does not exist: add it, or remove the Application")
        for where, found in own:
            yield from projects.judge_source(where, found, source)
        if re.fullmatch(r"apps/[^/]+/overlays/[^/]+", folder):
            kustomization = repository.first(f"{folder}/kustomization.yaml")
            line = document.line_at("spec", "destination", "namespace")
            if kustomization is not None and kustomization.get("namespace") != namespace:
                what = f"deploys to {namespace}, but {folder} is of {kustomization.get('namespace')}"
                yield Problem(path, line, f"{what}: make them the same")
        if ours and folder:
            yield from _check_watched(repository, path, document, folder.strip("/"))
        for where, found in own if ours and folder else ():
            yield from projects.judge_kinds(repository, where, found, folder)


def _check_watched(repository: Repository, path: str, document: Map, folder: str) -> Iterator[Problem]:
    """Check that a change of anything that the folder takes in is noticed; without the annotation, every change is."""
    listed = document.text("metadata", "annotations", _WATCHED)
    entries = [entry.strip() for entry in listed.split(";")]
    watched = [posixpath.normpath(posixpath.join("/", folder, entry)) for entry in entries]
    if not listed or "*" in listed:
        return
    missing = [
        posixpath.relpath(posixpath.dirname(item) if posixpath.splitext(item)[1] else item, folder)
        for item in kustomize.taken_in(repository, folder)
        if not any(f"/{item}/".startswith(f"{entry.rstrip('/')}/") for entry in watched)
    ]
    if missing:
        line, names = document.line_at("metadata", "annotations", _WATCHED), ", ".join(dict.fromkeys(missing))
        yield Problem(
            path,
            line,
            f"a change in {names} would not be deployed: write {';'.join([listed, *dict.fromkeys(missing)])}",
        )


def ignores_replicas(repository: Repository, overlay: str, kind: str, name: Any) -> bool:
    """Tell whether the Application of an overlay keeps what an autoscaler sets, in syncs too."""
    for _, document in projects.kind(repository, "Application"):
        if overlay in [source.text("path").strip("/") for source in projects.sources(document)]:
            kept = "RespectIgnoreDifferences=true" in document.texts("spec", "syncPolicy", "syncOptions")
            return kept and any(
                item.text("kind") in (kind, "*")
                and item.text("name") in ("", name)
                and {"/spec/replicas", ".spec.replicas"}
                & {*item.texts("jsonPointers"), *item.texts("jqPathExpressions")}
                for item in document.maps("spec", "ignoreDifferences")
            )
    return False


def _has_manifests(repository: Repository, folder: str) -> bool:
    """Tell whether there is something to deploy: a kustomization, a chart or plain objects."""
    return any(path.startswith(f"{folder.strip('/')}/") for path in repository.files)


def _check_namespace(repository: Repository, overlay: str) -> Iterator[Problem]:
    path = f"{overlay}/namespace.yaml"
    kustomization, made = repository.first(f"{overlay}/kustomization.yaml"), repository.first(path)
    if made is None or kustomization is None:
        return
    if made.at("metadata", "name") != kustomization.get("namespace"):
        wanted = kustomization.get("namespace")
        line = made.line_at("metadata", "name")
        yield Problem(path, line, f"is not {wanted}, as {overlay}/kustomization.yaml has it: make them the same")


def check_addresses(repository: Repository) -> Iterator[Problem]:
    """Check that every Application which reads this repository names it, and its branch, as bootstrap's does."""
    own: Any = None
    for _, document in projects.bootstrap(repository):
        own, branch = document.at("spec", "source", "repoURL"), document.at("spec", "source", "targetRevision")
    for path, document in projects.kind(repository, "Application"):
        for source in projects.sources(document):
            folder = source.text("path")
            if "chart" in source or not folder or "ref" in source:
                continue
            if source.get("repoURL") != own and repository.exists(folder):
                line, what = source.line_of("repoURL"), f"is another repository than bootstrap's {own}"
                yield Problem(path, line, f"{what}: make them the same")
            elif source.get("repoURL") == own and source.get("targetRevision") != branch:
                line = source.line_of("targetRevision")
                what = f"follows {source.get('targetRevision')}, but pipelines write to bootstrap's {branch}"
                yield Problem(path, line, f"{what}: make them the same")


def inspect_annotations(repository: Repository) -> Iterator[Problem]:
    """Look at what objects tell Argo CD about themselves."""
    for folder in ("apps", "bootstrap", "clusters"):
        for path, document in objects(repository, folder):
            wave = document.at("metadata", "annotations", _WAVE)
            if wave is not None and not re.fullmatch(r"-?\d+", str(wave)):
                line = document.line_at("metadata", "annotations", _WAVE)
                yield Problem(path, line, f'the sync wave {wave!r} is not a number: give one in quotes, as "-1"')
            options = document.text("metadata", "annotations", _OPTIONS)
            line = document.line_at("metadata", "annotations", _OPTIONS)
            for option in [item.strip() for item in options.split(",")] if options else []:
                name, _, value = option.partition("=")
                if value not in _VALUES.get(name, (value,)) or not value:
                    cure = f"write {name}={_VALUES.get(name, ('true',))[0]}"
                    yield Problem(path, line, f"the sync option {option!r} has no effect: {cure}")
            yield from _inspect_data(path, document)


def _inspect_data(path: str, document: Map) -> Iterator[Problem]:
    """Look whether what holds data is kept when it leaves Git, and when its Application is deleted."""
    kind, name = document.text("kind"), document.at("metadata", "name")
    holds = kind == "PersistentVolumeClaim" or (kind == "StatefulSet" and document.maps("spec", "volumeClaimTemplates"))
    holds = holds or (kind == "Namespace" and path.startswith("apps/"))
    if not holds:
        return
    options = [item.strip() for item in document.text("metadata", "annotations", _OPTIONS).split(",")]
    lost = [kept for kept in _KEPT if kept not in options and kept.replace("false", "confirm") not in options]
    if lost:
        line = document.line_at("metadata", "annotations", _OPTIONS)
        cure = f"add {','.join(lost)} to its annotation {_OPTIONS}"
        yield Problem(path, line, f"{kind} {name} holds data, which would go with it: {cure}")
    for key in ("whenDeleted", "whenScaled"):
        if document.at("spec", "persistentVolumeClaimRetentionPolicy", key) == "Delete":
            line = document.line_at("spec", "persistentVolumeClaimRetentionPolicy", key)
            yield Problem(path, line, f"{key}: Delete takes the data with the pods: write Retain")
