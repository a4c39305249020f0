"""Previews show what this repository's own pipeline has built, in namespaces of their own, and take nothing along."""

import posixpath
import re
from collections.abc import Iterator
from typing import Any

from . import projects
from .documents import Map, Problem, Repository, parse
from .objects import is_own_image, kustomizations, objects, workload

_REVISION = "refs/previews/{{ .number }}"
_SAME_REPOSITORY = "github.event.pull_request.head.repo.full_name == github.repository"
_FINALIZER = "resources-finalizer.argocd.argoproj.io"
_WORKFLOW = ".github/workflows/preview.yml"


def check(repository: Repository) -> Iterator[Problem]:
    """Check every ApplicationSet that follows pull requests."""
    for path, document in objects(repository, "clusters"):
        if document.get("kind") != "ApplicationSet":
            continue
        for generator in document.maps("spec", "generators"):
            follows = generator.at("pullRequest")
            template = document.at("spec", "template")
            if isinstance(follows, Map) and isinstance(template, Map):
                yield from _check_followed(path, follows, template)
                folder = template.text("spec", "source", "path").strip("/")
                if folder.startswith("clusters/"):
                    yield from _check_projects(repository, path, template, folder)
                    continue
                yield from _check_template(repository, path, template)
                if repository.exists(f"{folder}/kustomization.yaml"):
                    yield from _check_overlay(repository, folder)


def _check_followed(path: str, follows: Map, template: Map) -> Iterator[Problem]:
    github = follows.at("github")
    if not isinstance(github, Map):
        return
    if not github.texts("labels"):
        line, cure = github.line_of("labels"), "add labels, with preview"
        yield Problem(path, line, f"every pull request would be shown, whoever it is from: {cure}")
    address = template.text("spec", "source", "repoURL").removesuffix(".git")
    own = f"{github.text('owner')}/{github.text('repo')}"
    if not address.casefold().endswith(f"/{own}".casefold()):
        yield Problem(path, github.line, f"follows the pull requests of {own}, not of {address}: make them the same")


def _check_template(repository: Repository, path: str, template: Map) -> Iterator[Problem]:
    source = template.at("spec", "source")
    if not isinstance(source, Map):
        return
    if source.get("targetRevision") != _REVISION:
        what = f"{source.get('targetRevision')} may be what a fork has written"
        yield Problem(path, source.line_of("targetRevision"), f"{what}: write targetRevision: {_REVISION}")
    namespace = template.at("spec", "destination", "namespace")
    for found, line in (
        (source.at("kustomize", "namespace"), source.line_at("kustomize", "namespace")),
        (template.at("metadata", "name"), template.line_at("metadata", "name")),
        (template.at("spec", "project"), template.line_at("spec", "project")),
    ):
        if found != namespace:
            yield Problem(path, line, f"{found} is not the destination {namespace}: make them the same")
    if not any(name.startswith(_FINALIZER) for name in template.texts("metadata", "finalizers")):
        line, cure = template.line_at("metadata", "finalizers"), f"add the finalizer {_FINALIZER}/background"
        yield Problem(path, line, f"what a preview has made would outlive its pull request: {cure}")
    rest = re.sub(r"-?\{\{.*?\}\}", "", template.text("spec", "project"))
    beside = projects.of_cluster(repository, path)
    own = [item for item in beside if item[1].at("metadata", "name") == rest]
    if not own:
        line = template.line_at("spec", "project")
        yield Problem(path, line, f"nothing makes the project {rest} of each preview: add an ApplicationSet that does")
    folder = source.text("path").strip("/")
    for where, project in own:
        yield from _check_kinds(repository, where, project, folder)


def _check_projects(repository: Repository, path: str, template: Map, folder: str) -> Iterator[Problem]:
    """Check what makes a project for each preview: from main, and each for its one namespace."""
    source = template.at("spec", "source")
    if not isinstance(source, Map):
        return
    branch = next((item.at("spec", "source", "targetRevision") for _, item in projects.bootstrap(repository)), "main")
    if source.get("targetRevision") != branch:
        what = f"previews would write their own rights at {source.get('targetRevision')}"
        yield Problem(path, source.line_of("targetRevision"), f"{what}: write targetRevision: {branch}")
    for where, project in projects.kind(repository, "AppProject", folder):
        namespace = project.text("metadata", "name") + source.text("kustomize", "nameSuffix")
        operations = [entry for patch in source.maps("kustomize", "patches") for entry in _operations(patch)]
        for at in ("destinations/0/namespace", "clusterResourceWhitelist/0/name"):
            values = [one.get("value") for one in operations if one.get("path") == f"/spec/{at}"]
            if values != [namespace]:
                line = source.line_at("kustomize", "patches")
                yield Problem(path, line, f"does not keep each preview in its namespace: set /spec/{at} to {namespace}")
        for item in project.maps("spec", "destinations")[1:]:
            what = f"lets previews into {item.get('namespace')}, which is not theirs"
            yield Problem(where, item.line_of("namespace"), f"{what}: remove it")
        for number, item in enumerate(project.maps("spec", "clusterResourceWhitelist")):
            if item.get("kind") != "Namespace" or number:
                what = f"lets previews change every {item.get('kind')} of the cluster"
                yield Problem(where, item.line, f"{what}: keep Namespace alone, with their name")
        ours, line = projects.address(repository), project.line_at("spec", "sourceRepos")
        for found in project.texts("spec", "sourceRepos"):
            if found != ours:
                yield Problem(where, line, f"lets previews come from {found}: keep {ours} alone")


def _operations(patch: Map) -> list[Map]:
    documents = parse(patch.text("patch"))
    return [entry for entries in documents if isinstance(entries, list) for entry in entries if isinstance(entry, Map)]


def _taken(repository: Repository, folder: str) -> list[str]:
    """Return the folders that a preview is made of: its own, that of the environment below it, and the base."""
    kustomization = repository.first(f"{folder}/kustomization.yaml") or Map()
    below = [posixpath.normpath(posixpath.join(folder, name)) for name in kustomization.texts("resources")]
    return [folder, *(name for name in below if "/overlays/" in name), f"{posixpath.dirname(folder)}/base"]


def _patches(repository: Repository, folder: str) -> list[tuple[Map, list[Map]]]:
    """Return the target of each patch of a preview with its documents, which may be operations."""
    kustomization = repository.first(f"{folder}/kustomization.yaml") or Map()
    found = []
    for patch in kustomization.maps("patches"):
        where = posixpath.normpath(posixpath.join(folder, patch.text("path")))
        lists = [entry for entries in repository.lists.get(where, []) for entry in entries if isinstance(entry, Map)]
        target = patch.at("target")
        documents = [*repository.documents.get(where, []), *lists]
        if not isinstance(target, Map) and documents:
            target = Map({"kind": documents[0].text("kind"), "name": documents[0].text("metadata", "name")})
        if isinstance(target, Map):
            found.append((target, documents))
    return found


def _is_target(target: Map, document: Map) -> bool:
    values = {"kind": document.text("kind"), "name": document.text("metadata", "name")}
    try:
        return all(re.fullmatch(target.text(key) or ".*", value) for key, value in values.items())
    except re.error:
        return False


def _made(repository: Repository, folder: str) -> Iterator[tuple[str, Map]]:
    """Yield the objects of a preview, without those that it leaves out."""
    left_out = [target for target, found in _patches(repository, folder) if any("$patch" in one for one in found)]
    for part in _taken(repository, folder):
        for where, document in objects(repository, part):
            if not any(_is_target(target, document) for target in left_out):
                yield where, document


def _check_kinds(repository: Repository, path: str, project: Map, folder: str) -> Iterator[Problem]:
    for where, document in _made(repository, folder):
        if key := projects.lacking(project, document):
            kind, group = document.text("kind"), document.text("apiVersion").rpartition("/")[0]
            cure = f"add it to {key}, with the group {group!r}"
            yield Problem(where, document.line_of("kind"), f"{path} does not allow the kind {kind}: {cure}")


def _check_overlay(repository: Repository, folder: str) -> Iterator[Problem]:
    path = f"{folder}/kustomization.yaml"
    patches = _patches(repository, folder)
    for where, document in _made(repository, folder):
        own = [one for target, found in patches if _is_target(target, document) for one in found]
        if document.get("kind") == "Namespace":
            freed = any(one.get("op") == "remove" and one.text("path").startswith("/metadata/annot") for one in own)
            if "annotations" in (document.at("metadata") or {}) and not freed:
                cure = "add a patch that removes its annotations"
                yield Problem(path, 0, f"{where} keeps the namespace when its pull request is closed: {cure}")
        elif document.get("kind") == "ExternalSecret":
            freed = any(
                "secretStoreRef" in (one.get("spec") or {}) and one.at("spec", "secretStoreRef") is None for one in own
            )
            if document.at("spec", "secretStoreRef") is not None and not freed:
                name = document.at("metadata", "name")
                cure = f"add a patch of {name} with a generator and secretStoreRef: null"
                yield Problem(path, 0, f"ExternalSecret {name} reads a vault that lets no preview in: {cure}")
    yield from _check_images(repository, folder)


def _registries(repository: Repository) -> dict[str, str]:
    found = {}
    for text in repository.platforms().values():
        found.update(dict(re.findall(r'^(registry_name|previews_registry_name)\s*=\s*"([^"]*)"', text, re.MULTILINE)))
    return found


def _check_images(repository: Repository, folder: str) -> Iterator[Problem]:
    path, registry = f"{folder}/kustomization.yaml", _registries(repository).get("previews_registry_name", "")
    kustomization = repository.first(path) or Map()
    moved = {image.text("name"): image for image in kustomization.maps("images")}
    base, *overlays = reversed(_taken(repository, folder)[1:])
    renamed = {
        image.text("name"): image.text("newName")
        for part in overlays
        for _, other in kustomizations(repository, part)
        for image in other.maps("images")
        if "newName" in image
    }
    for where, document in objects(repository, base):
        name, item = posixpath.basename(posixpath.dirname(where)), workload(where, document)
        if not item or not repository.exists(f"src/{name}/Dockerfile"):
            continue
        for image in [found for one in item.all_containers() if is_own_image(found := one.text("image"))][:1]:
            wanted, now = f"{registry}.azurecr.io/{name}", renamed.get(image, image)
            if now not in moved:
                cure, line = f"add name: {now} with newName: {wanted}", kustomization.line_of("images")
                yield Problem(path, line, f"images does not take {name} from the previews' registry: {cure}")
            elif moved[now].get("newName") != wanted:
                line = moved[now].line_of("newName")
                yield Problem(path, line, f"is not where previews are built: write {wanted}")


def check_workflow(repository: Repository) -> Iterator[Problem]:
    """Check that the workflow runs for no fork, and pushes where previews are pulled from."""
    workflow = repository.first(_WORKFLOW)
    if workflow is None:
        yield Problem(_WORKFLOW, 0, "is missing: restore it from history, nothing else builds previews")
        return
    jobs: Any = workflow.at("jobs")
    for name, job in jobs.items() if isinstance(jobs, Map) else ():
        if isinstance(job, Map) and "needs" not in job and _SAME_REPOSITORY not in " ".join(job.text("if").split()):
            line, cure = job.line_of("if"), f"add && {_SAME_REPOSITORY}"
            yield Problem(_WORKFLOW, line, f"the job {name} runs for forks as well: {cure}")
    if isinstance(workflow.at("on"), Map) and "pull_request_target" in workflow["on"]:
        line, cure = workflow.line_at("on", "pull_request_target"), "make it pull_request"
        yield Problem(_WORKFLOW, line, f"pull_request_target gives forks the rights of this repository: {cure}")
    registries = _registries(repository)
    wanted = registries.get("previews_registry_name")
    for job in jobs.values() if isinstance(jobs, Map) else ():
        for step in job.maps("steps") if isinstance(job, Map) else ():
            found = step.text("env", "LOCAL_REGISTRY").removesuffix(".azurecr.io")
            if found and found != wanted:
                line = step.line_at("env", "LOCAL_REGISTRY")
                yield Problem(_WORKFLOW, line, f"pushes previews to {found}: write {wanted}.azurecr.io")
