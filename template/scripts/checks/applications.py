"""Applications of Argo CD deploy folders that there are, from this repository, to where their projects let them."""

import fnmatch
import functools
import posixpath
import re
from collections.abc import Iterator
from typing import Any

from . import kustomize
from .documents import Map, Problem, Repository

_WATCHED = "argocd.argoproj.io/manifest-generate-paths"
_OPTIONS = "argocd.argoproj.io/sync-options"
_REPLICAS = {"/spec/replicas", ".spec.replicas"}
_KEPT = ("Prune=false", "Delete=false")


def of_kind(repository: Repository, kind: str, folder: str = "clusters") -> list[Map]:
    """Return the objects of a kind in the files of a folder."""

    def find() -> dict[str, list[Map]]:
        found: dict[str, list[Map]] = {}
        for path in repository.documents:
            for item in kustomize.objects(repository, path) if path.startswith(f"{folder}/") else ():
                found.setdefault(item.kind, []).append(item)
        return found

    return repository.known(("by kind", folder), find).get(kind, [])


def target_of(repository: Repository, folder: str) -> str:
    """Return the namespace that a folder is deployed to: its kustomization names it, or else its Application."""

    def find() -> dict[str, str]:
        found = every(repository)
        return {path: one.text("spec", "destination", "namespace") for one in found for path in folders(one)}

    named = kustomize.kustomization(repository, folder).text("namespace")
    return named or repository.known("targets", find).get(folder, "")


def namespace_of(repository: Repository, item: Map) -> str:
    """Return the namespace of an object in clusters/."""
    return item.text("metadata", "namespace") or target_of(repository, posixpath.dirname(item.place[0]))


def every(repository: Repository) -> list[Map]:
    """Return every Application, those that ApplicationSets make with what differs as it is written there."""
    made = [item.map("spec", "template") for item in of_kind(repository, "ApplicationSet")]
    bootstrap = of_kind(repository, "Application", "bootstrap")
    return [*bootstrap, *of_kind(repository, "Application"), *(item for item in made if item)]


def bootstrap(repository: Repository) -> Map:
    """Return the source of the Application that brings all others: the address and branch of this repository."""
    found = of_kind(repository, "Application", "bootstrap")
    return found[0].map("spec", "source") if found else Map.of(("bootstrap", 0), {})


def sources(application: Map) -> list[Map]:
    """Return what an Application deploys."""
    source = application.map("spec", "source")
    return [source] if source else application.maps("spec", "sources")


def folders(application: Map) -> list[str]:
    """Return the folders that an Application deploys."""
    return [path for source in sources(application) if (path := kustomize.folder_of(source))]


def folders_of_bootstrap(repository: Repository) -> list[str]:
    """Return the folders of the clusters, which bootstrap hands over."""
    return [folder for one in of_kind(repository, "Application", "bootstrap") for folder in folders(one)]


def projects(repository: Repository, application: Map) -> list[Map]:
    """Return the projects beside an Application: those of its cluster, or of its bootstrap, and what clusters share."""
    top, *parts = application.place[0].split("/")
    folder = posixpath.dirname(application.place[0]) if top == "bootstrap" else "/".join([top, *parts[:1]])
    handed = tuple(f"{one}/" for one in folders_of_bootstrap(repository))
    shared = not handed or (top == "clusters" and not application.place[0].startswith(handed))
    return [
        item
        for item in of_kind(repository, "AppProject", top)
        if item.place[0].startswith(f"{folder}/")
        or shared
        or (top == "clusters" and not item.place[0].startswith(handed))
    ]


def _is_filled_in(value: Any) -> bool:
    """Tell whether an ApplicationSet makes a value of what it finds, which nothing here knows."""
    return "{{" in str(value)


def at_rest(name: str) -> str:
    """Return a name without what an ApplicationSet puts behind it, as a folder and its project have it in Git."""
    return re.sub(r"-?\{\{.*?\}\}", "", name)


def may_be(text: str, value: str) -> bool:
    """Tell whether a text is a value, once an ApplicationSet has filled it in."""
    pattern = ".*".join(map(re.escape, re.split(r"\{\{.*?\}\}", text)))
    return bool(re.fullmatch(pattern, value))


@functools.cache
def _expression(pattern: str) -> re.Pattern[str]:
    """Return a pattern of Argo CD, which may hold alternatives in braces, as an expression."""
    text = fnmatch.translate(pattern.lstrip("!").removesuffix(".git"))
    expression = re.sub(r"\\\{(.*?)\\\}", lambda choice: f"(?:{choice[1].replace(',', '|')})", text)
    return re.compile(expression, re.IGNORECASE)  # As it compares addresses.


def _allows(patterns: list[Any], value: Any) -> bool:
    """Tell whether a value is among patterns, and not excluded by one that begins with `!`."""
    fits = [str(one) for one in patterns if _expression(str(one)).match(str(value).removesuffix(".git"))]
    return bool(fits) and not any(one.startswith("!") for one in fits)


def lacking(project: Map, item: Map) -> str:
    """Return the list of a project that lacks an object; "" if none does."""

    def fits(key: str) -> list[Map]:
        entries = project.maps("spec", key)
        return [
            one for one in entries if _allows([one.get("group")], item.group) and _allows([one.get("kind")], item.kind)
        ]

    across = fits("clusterResourceWhitelist")
    if item.kind in kustomize.CLUSTER_KINDS or (
        "." in item.group and across
    ):  # Where a custom kind belongs is unknown.
        allowed = any(_allows([one.get("name") or "*"], item.name) for one in across)
        return "" if allowed else "clusterResourceWhitelist"
    within = project.at("spec", "namespaceResourceWhitelist") is None or fits("namespaceResourceWhitelist")
    return "" if within and not fits("namespaceResourceBlacklist") else "namespaceResourceWhitelist"


def check(repository: Repository) -> Iterator[Problem]:
    """Check every Application, and that each overlay has one."""
    for application in every(repository):
        yield from _check_application(repository, application, bootstrap(repository))
    overlays, paths = repository.overlays(), kustomize.deployed(repository)
    deployed = [overlay for overlay in overlays if any(may_be(path, overlay) for path in paths)]
    for overlay in overlays if deployed else ():  # Or none of them is deployed from here.
        if overlay not in deployed:
            path = kustomize.kustomization(repository, overlay).place[0]
            yield Problem(path, 0, "no Application in clusters/ deploys it: add one, or remove it")


def _check_application(repository: Repository, application: Map, ours: Map) -> Iterator[Problem]:
    spec, name = application.map("spec"), application.map("spec").get("project")
    destination, beside = spec.map("destination"), projects(repository, application)
    own = [project for project in beside if project.name in (name, at_rest(str(name)))]
    # Those of others may come from elsewhere.
    written = bool(set(folders(application)) & set(repository.overlays())) or application.place[0].startswith(
        "bootstrap/"
    )
    if not own and not _is_filled_in(name) and written:
        cure = f"use one of {', '.join(sorted(project.name for project in beside))}, or add it"
        yield Problem(*spec.where("project"), f"there is no AppProject {name}: {cure}")
    for project in own if not _is_filled_in(name) else ():
        yield from _check_destination(project, destination)
    for source in sources(application):
        folder, branch = kustomize.folder_of(source), source.get("targetRevision")
        for project in own:
            address, allowed = source.text("repoURL"), project.texts("spec", "sourceRepos")
            if address and not _is_filled_in(address) and not _allows(allowed, address):
                yield Problem(*project.where("spec", "sourceRepos"), f"sourceRepos does not allow {address}: add it")
        if not folder or _is_filled_in(folder) or not ours or _address(source) != _address(ours):
            continue
        is_here = branch in (ours.get("targetRevision"), "HEAD", None) or _is_filled_in(branch)
        if not repository.exists(folder):
            if is_here and not folder.startswith(kustomize.submodules(repository)):
                what = f"the folder {folder} does not exist"
                yield Problem(*source.where("path"), f"{what}: add it, or remove the Application")
            continue
        if not is_here and written:  # No pipeline writes to other folders.
            what = f"follows {branch}, but pipelines write to bootstrap's {ours.get('targetRevision')}"
            yield Problem(*source.where("targetRevision"), f"{what}: make them the same")
        namespace = source.at("kustomize", "namespace") or target_of(repository, folder)
        yield from _check_name(repository, application, folder)
        if folder in repository.overlays() and namespace != destination.get("namespace"):
            what = f"deploys to {destination.get('namespace')}, but {folder} is of {namespace}"
            yield Problem(*destination.where("namespace"), f"{what}: make them the same")
        yield from _check_watched(repository, application, folder)
        for item in kustomize.build(repository, folder).objects:
            for project in own:
                if key := lacking(project, item):
                    what = f"{project.place[0]} does not allow the kind {item.kind}"
                    if any(_allows([one.get("kind")], item.kind) for one in project.maps("spec", key)):
                        what += f" by the name {item.name}"
                    yield Problem(*item.where("kind"), f"{what}: add it to {key}, with the group {item.group!r}")


def _address(source: Map) -> str:
    return source.text("repoURL").casefold().removesuffix(".git")


def _check_name(repository: Repository, application: Map, folder: str) -> Iterator[Problem]:
    """Check that the scripts find the Application of an environment; others may deploy the same elsewhere."""
    names = [one.name for one in every(repository) if folder in folders(one)]
    if folder in repository.overlays():
        _, app, _, environment = folder.split("/")
        if not any(may_be(name, f"{app}-{environment}") for name in names):
            what = f"scripts look for {app}-{environment}"
            yield Problem(*application.where("metadata", "name"), f"{what}: make that the name")


def _check_destination(project: Map, destination: Map) -> Iterator[Problem]:
    namespace, place = destination.get("namespace"), project.where("spec", "destinations")
    there = [one for one in project.maps("spec", "destinations") if _allows([one.get("namespace")], namespace)]
    if not there and namespace and not _is_filled_in(namespace):
        yield Problem(*place, f"does not allow the namespace {namespace}: add it to destinations")
    for key in ("server", "name"):
        wanted = destination.get(key)
        known = [one.get(key) for one in there]  # A cluster has a server and a name.
        if all(known) and known and wanted and not _is_filled_in(wanted) and not _allows(known, wanted):
            yield Problem(*place, f"does not allow the {key} {wanted} for {namespace}: add it to destinations")


def _check_watched(repository: Repository, application: Map, folder: str) -> Iterator[Problem]:
    """Check that a change of anything that the folder takes in is noticed; without the annotation, every change is."""
    listed = application.text("metadata", "annotations", _WATCHED)
    watched = [posixpath.normpath(posixpath.join("/", folder, entry.strip())) for entry in listed.split(";")]
    parts = kustomize.build(repository, folder).parts
    missing = dict.fromkeys(
        posixpath.relpath(posixpath.dirname(item) if posixpath.splitext(item)[1] else item, folder)
        for item in parts
        if not any(f"/{item}/".startswith(f"{entry.rstrip('/')}/") for entry in watched)
    )
    if listed and "*" not in listed and missing:
        place = application.where("metadata", "annotations", _WATCHED)
        what = f"a change in {', '.join(missing)} would not be deployed"
        yield Problem(*place, f"{what}: write {';'.join([listed, *missing])}")


def judge(repository: Repository, folder: str, text: str) -> Iterator[Problem]:
    """Check that all that kustomize built of a folder is its project's, whatever field of which file moved it."""
    known = {
        (item.kind, item.name, item.text("metadata", "namespace"))
        for item in kustomize.build(repository, folder).objects
    }
    cure = "remove what makes it so: transformers, generators, replacements, patches or configurations"
    for application in every(repository):
        wanted = at_rest(application.text("spec", "project"))
        own = [one for one in projects(repository, application) if one.name == wanted]
        elsewhere = [source.text("kustomize", "namespace") for source in sources(application)]
        moved = any(one and not _is_filled_in(one) for one in elsewhere)
        for item in _identities(text) if folder in folders(application) and not moved else ():
            for project in own:
                what = f"builds {item.kind} {item.name}"
                namespace = item.text("metadata", "namespace") or at_rest(
                    application.text("spec", "destination", "namespace")
                )
                allowed = [one.get("namespace") for one in project.maps("spec", "destinations")]
                if lacking(project, item) and (item.kind, item.name, item.text("metadata", "namespace")) not in known:
                    yield Problem(folder, 0, f"{what}, which the project {project.name} refuses: {cure}")
                elif namespace and item.kind not in kustomize.CLUSTER_KINDS and not _allows(allowed, namespace):
                    yield Problem(folder, 0, f"{what} in the namespace {namespace}, which is not its own: {cure}")


def _identities(text: str) -> Iterator[Map]:
    """Yield what kustomize built, with nothing but what names each object: to read the rest takes seconds."""
    for document in re.split(r"^---\n", text, flags=re.MULTILINE):
        found = dict(re.findall(r"^(apiVersion|kind): (.+)$", document, re.MULTILINE))
        if not found:  # kustomize has failed.
            continue
        metadata = re.search(r"^metadata:\n((?:  .*\n?)+)", document, re.MULTILINE)
        names = dict(
            re.findall(r"^  (name|namespace): \"?([^\"\n]+)\"?$", metadata[1] if metadata else "", re.MULTILINE)
        )
        yield Map.of(("", 0), {**found, "metadata": Map.of(("", 0), names)})


def check_projects(repository: Repository) -> Iterator[Problem]:
    """Check that the project of an environment is for that environment alone."""
    overlays = repository.overlays()
    shown = [*overlays, *repository.matching(r"(apps/[^/]+/preview)/kustomization[.]yaml")]
    ours = {at_rest(one.text("spec", "project")) for one in every(repository) if set(folders(one)) & set(shown)}
    for project in of_kind(repository, "AppProject"):
        for item in project.maps("spec", "clusterResourceWhitelist"):
            if project.name in ours and item.get("kind") == "Namespace" and not item.text("name"):
                yield Problem(*item.place, "allows every Namespace of the cluster: add name, with that of its own")
    # Of other environments, of Argo CD and of Kubernetes itself: who may write there owns the cluster.
    namespaces = {target_of(repository, one) for one in overlays} | {"kube-system"}
    namespaces |= {one.text("metadata", "namespace") for one in of_kind(repository, "Application", "bootstrap")}
    for application in every(repository):
        name, own = application.at("spec", "project"), application.at("spec", "destination", "namespace")
        for project in projects(repository, application) if set(folders(application)) & set(overlays) else ():
            for target in project.maps("spec", "destinations") if project.name == name else ():
                others = [one for one in namespaces - {own} if _allows([target.get("namespace")], one)]
                if own and others and not target.text("namespace").startswith("!"):
                    what = f"lets {application.name} into {target.get('namespace')}"
                    yield Problem(*target.where("namespace"), f"{what}: keep {own} alone")


def ignores_replicas(repository: Repository, overlay: str, target: Map) -> bool:
    """Tell whether the Application of an overlay keeps what an autoscaler sets, in syncs too."""
    for application in every(repository):
        if overlay in folders(application):
            differences = application.maps("spec", "ignoreDifferences")
            own = [one for one in differences if one.text("kind") in (target.kind, "*")]
            own = [one for one in own if one.text("name") in ("", target.name)]
            kept = "RespectIgnoreDifferences=true" in application.texts("spec", "syncPolicy", "syncOptions")
            return kept and (
                not differences  # Argo CD has them for all Applications at once.
                or any(_REPLICAS & {*one.texts("jsonPointers"), *one.texts("jqPathExpressions")} for one in own)
                or any(one.texts("managedFieldsManagers") for one in own)
            )
    return True


def check_rendering(repository: Repository) -> Iterator[Problem]:
    """Check for what Argo CD would take away with its Application, and for what makes it render a folder otherwise."""
    folders_of_ours = r"(?:apps/[^/]+/(?:overlays/[^/]+|preview)|clusters/.*)"
    for path in repository.matching(rf"{folders_of_ours}/[.]argocd-source(?:-.*)?[.]yaml"):
        cure = "remove it, and change that in clusters/"
        yield Problem(path, 0, f"overrides what the Application says of its source: {cure}")
    for overlay in repository.overlays():
        for item in kustomize.build(repository, overlay).objects:
            # Claims of other StatefulSets outlive them.
            volumes = (item.kind, item.name) == ("StatefulSet", "database")
            if volumes or item.kind in ("PersistentVolumeClaim", "Namespace"):
                options = item.text("metadata", "annotations", _OPTIONS)
                lost = [
                    one for one in _KEPT if not {one, one.replace("false", "confirm")} & set(re.split(" *, *", options))
                ]
                if lost:
                    what = f"{item.kind} {item.name} holds data, which would go with it"
                    cure = f"add {','.join(lost)} to its annotation {_OPTIONS}"
                    yield Problem(*item.where("metadata", "annotations", _OPTIONS), f"{what}: {cure}")
