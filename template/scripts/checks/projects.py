"""Projects of Argo CD allow what their Applications bring, and nothing that is somebody else's."""

import fnmatch
import re
from collections.abc import Iterator
from typing import Any

from .documents import Map, Problem, Repository, parse
from .objects import objects

# Kinds that are in no namespace; of custom kinds only the names tell.
_CLUSTER = {
    *("APIService", "CSIDriver", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "IngressClass"),
    *("MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding", "MutatingWebhookConfiguration", "Namespace", "Node"),
    *("PersistentVolume", "PriorityClass", "RuntimeClass", "StorageClass", "ValidatingAdmissionPolicy"),
    *("ValidatingAdmissionPolicyBinding", "ValidatingWebhookConfiguration", "GatewayClass"),
}
# Those by which somebody gets the whole cluster.
_RIGHTS = re.compile(r"[*]|APIService|ClusterRole(Binding)?|(Mutating|Validating)\w+")


def kind(repository: Repository, name: str, folder: str = "clusters") -> list[tuple[str, Map]]:
    """Return the objects of a kind in a folder, with their files."""
    return [(path, document) for path, document in objects(repository, folder) if document.get("kind") == name]


def templates(repository: Repository) -> list[tuple[str, Map]]:
    """Return the Applications that ApplicationSets make, with what differs as it is written there."""
    found = kind(repository, "ApplicationSet")
    return [(path, made) for path, document in found if isinstance(made := document.at("spec", "template"), Map)]


def bootstrap(repository: Repository) -> list[tuple[str, Map]]:
    """Return the Application of each cluster that brings all others."""
    found = repository.below("bootstrap/")
    return [(path, document) for path, document in found if document.get("kind") == "Application"]


def sources(application: Map) -> list[Map]:
    """Return what an Application deploys."""
    source = application.at("spec", "source")
    return [source] if isinstance(source, Map) else application.maps("spec", "sources")


def address(repository: Repository) -> Any:
    """Return the address of this repository, as the bootstrap Application has it."""
    return next((document.at("spec", "source", "repoURL") for _, document in bootstrap(repository)), None)


def of_cluster(repository: Repository, path: str) -> list[tuple[str, Map]]:
    """Return the projects beside an Application: those of its cluster, or of its bootstrap."""
    top, *parts = path.split("/")
    folder = path.rpartition("/")[0] if top == "bootstrap" else "/".join([top, *parts[:1]])
    return [item for item in kind(repository, "AppProject", top) if item[0].startswith(f"{folder}/")]


def is_filled_in(value: Any) -> bool:
    """Tell whether an ApplicationSet makes a value of what it finds, which nothing here knows."""
    return "{{" in str(value)


def _matches(pattern: Any, value: Any) -> bool:
    return pattern == value or fnmatch.fnmatchcase(str(value), str(pattern))


def _lists(items: list[Map], group: str, kind_of: str) -> list[Map]:
    return [item for item in items if _matches(item.get("group"), group) and _matches(item.get("kind"), kind_of)]


def lacking(project: Map, document: Map, name: str | None = None) -> str:
    """Return the list of a project that lacks an object's kind, or its name where that is given; "" if none does."""
    kind_of, group = document.text("kind"), document.text("apiVersion").rpartition("/")[0]
    across = _lists(project.maps("spec", "clusterResourceWhitelist"), group, kind_of)
    if kind_of in _CLUSTER or ("." in group and across):  # Nothing here tells where a custom kind belongs.
        fitting = [item for item in across if name is None or _matches(item.get("name") or "*", name)]
        return "" if fitting else "clusterResourceWhitelist"
    listed = project.at("spec", "namespaceResourceWhitelist")
    refused = _lists(project.maps("spec", "namespaceResourceBlacklist"), group, kind_of)
    within = listed is None or _lists(project.maps("spec", "namespaceResourceWhitelist"), group, kind_of)
    return "" if within and not refused else "namespaceResourceWhitelist"


def check(repository: Repository) -> Iterator[Problem]:
    """Check that no project allows what is for others to change."""
    ours = address(repository)
    for path, project in kind(repository, "AppProject"):
        for item in project.maps("spec", "clusterResourceWhitelist"):
            if item.get("kind") == "Namespace" and not item.text("name"):
                yield Problem(path, item.line, "allows every Namespace of the cluster: add name, with that of its own")
            if ours in project.texts("spec", "sourceRepos") and _RIGHTS.fullmatch(item.text("kind")):
                what = f"whoever writes here could bring any {item['kind']}, and so rule the cluster"
                yield Problem(path, item.line, f"{what}: remove it, or make a project that takes a chart alone")
    for path, application in kind(repository, "Application"):
        own = application.at("spec", "destination", "namespace")
        if any(source.text("path").strip("/") in repository.overlays() for source in sources(application)):
            for where, project in of_cluster(repository, path):
                if project.at("metadata", "name") == application.at("spec", "project"):
                    for target in project.maps("spec", "destinations"):
                        if target.get("namespace") != own and own:
                            what = f"lets {application.text('metadata', 'name')} into {target.get('namespace')}"
                            yield Problem(where, target.line_of("namespace"), f"{what}: keep {own} alone")


def judge_destination(path: str, project: Map, destination: Any) -> Iterator[Problem]:
    """Check that a project allows where an Application deploys to."""
    if not isinstance(destination, Map):
        return
    namespace, line = destination.get("namespace"), project.line_at("spec", "destinations")
    if is_filled_in(namespace):
        return
    there = [target for target in project.maps("spec", "destinations") if _matches(target.get("namespace"), namespace)]
    if not there:
        yield Problem(path, line, f"does not allow the namespace {namespace}: add it to destinations")
    for key in ("server", "name"):
        wanted = destination.get(key)
        if there and wanted and not any(_matches(target.get(key), wanted) for target in there):
            yield Problem(path, line, f"does not allow the {key} {wanted} for {namespace}: add it to destinations")


def judge_source(path: str, project: Map, source: Map) -> Iterator[Problem]:
    """Check that a project allows where an Application comes from."""
    wanted, allowed = source.text("repoURL"), project.texts("spec", "sourceRepos")
    if wanted and not is_filled_in(wanted) and not any(_matches(pattern, wanted) for pattern in allowed):
        yield Problem(path, project.line_at("spec", "sourceRepos"), f"sourceRepos does not allow {wanted}: add it")


def judge_kinds(repository: Repository, path: str, project: Map, folder: str) -> Iterator[Problem]:
    """Check that a project allows every kind in the files of a folder, and in those of the base of an overlay."""
    overlay = "/overlays/" in folder
    every = [*kind(repository, "Application"), *templates(repository)]
    others = [source.text("path").strip("/") for _, document in every for source in sources(document)]
    for where, document in objects(repository, "/".join(folder.split("/")[:2]) if overlay else folder):
        if overlay and "/overlays/" in where and not where.startswith(f"{folder}/"):
            continue
        if any(where.startswith(f"{other}/") for other in others if other and other != folder):
            continue
        if key := lacking(project, document):
            line, what = document.line_of("kind"), f"{path} does not allow the kind {document['kind']}"
            group = document.text("apiVersion").rpartition("/")[0]
            yield Problem(where, line, f"{what}: add it to {key}, with the group {group!r}")


def judge_built(repository: Repository, folder: str, text: str) -> Iterator[Problem]:
    """Check that all that kustomize built from a folder is its project's, whatever field of which file moved it."""
    applications = [*bootstrap(repository), *kind(repository, "Application"), *templates(repository)]
    for path, application in applications:
        if folder not in [source.text("path").strip("/") for source in sources(application)]:
            continue
        wanted = _at_rest(application.text("spec", "project"))
        for _, project in of_cluster(repository, path):
            if project.text("metadata", "name") != wanted:
                continue
            namespace = _at_rest(application.text("spec", "destination", "namespace"))
            for document in parse(text):
                yield from _check_object(folder, project, document, namespace)


def _at_rest(name: str) -> str:
    """Return a name without what an ApplicationSet puts behind it, as a folder and its project have it in Git."""
    return re.sub(r"-?\{\{.*?\}\}", "", name)


def _check_object(folder: str, project: Map, document: Any, namespace: str) -> Iterator[Problem]:
    if not isinstance(document, Map):
        return
    name, what = document.text("metadata", "name"), f"{document.text('kind')} {document.text('metadata', 'name')}"
    cure = "remove what makes it so: transformers, generators, replacements, patches or configurations"
    if lacking(project, document, name):
        yield Problem(folder, 0, f"builds {what}, which the project {project.text('metadata', 'name')} refuses: {cure}")
    elif document.text("kind") not in _CLUSTER:
        target = document.text("metadata", "namespace") or namespace
        if not any(_matches(one.get("namespace"), target) for one in project.maps("spec", "destinations")):
            yield Problem(folder, 0, f"builds {what} in the namespace {target}, which is not its own: {cure}")


def inspect(repository: Repository) -> Iterator[Problem]:
    """Look for files by which a folder tells Argo CD to render it in another way than its Application says."""
    for path in repository.files:
        if re.fullmatch(r"(.*/)?[.]argocd-source(-.*)?[.]yaml", path):
            yield Problem(
                path, 0, "overrides what the Application says of its source: remove it, and change that in clusters/"
            )
