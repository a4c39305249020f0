"""Previews show what this repository's own pipeline has built, in namespaces of their own, and take nothing along."""

import re
from collections.abc import Iterator

from .applications import at_rest, bootstrap, of_kind, projects
from .documents import Map, Problem, Repository, parse
from .environments import platforms
from .images import name_of
from .objects import Environment, environments, is_own_image

_REVISION = "refs/previews/{{ .number }}"
_SAME_REPOSITORY = "github.event.pull_request.head.repo.full_name == github.repository"
_OF_THIS_REPOSITORY = re.compile(
    r"[.]head[.]repo[.][\w.]+\s*==|==\s*github[\w.]*[.]head[.]repo[.]|!\s*github[\w.]*[.]head[.]repo[.]fork"
)
_FINALIZER = "resources-finalizer.argocd.argoproj.io"
_WORKFLOW = ".github/workflows/preview.yml"


def check(repository: Repository) -> Iterator[Problem]:
    """Check the ApplicationSets that follow pull requests of this repository, and what they deploy."""
    ours = bootstrap(repository)
    for document in of_kind(repository, "ApplicationSet"):
        template = document.map("spec", "template")
        source = template.map("spec", "source")
        for generator in document.maps("spec", "generators"):
            follows = generator.map("pullRequest", "github")
            if not follows or source.get("repoURL") != ours.get("repoURL"):
                continue
            if not follows.texts("labels"):
                what = "every pull request would be shown, whoever it is from"
                yield Problem(*follows.where("labels"), f"{what}: add labels, with preview")
            own = f"{follows.text('owner')}/{follows.text('repo')}"
            address = source.text("repoURL").removesuffix(".git")
            if not re.search(rf"[/:]{re.escape(own)}$", address, re.IGNORECASE):
                what = f"follows the pull requests of {own}, not of {address}"
                yield Problem(*follows.place, f"{what}: make them the same")
            if source.text("path").startswith("clusters/"):
                yield from _check_projects(repository, source, ours)
            else:
                yield from _check_template(repository, template, source)
    for environment in environments(repository):
        if environment.folder.endswith("/preview"):
            yield from _check_preview(repository, environment)


def _check_template(repository: Repository, template: Map, source: Map) -> Iterator[Problem]:
    if source.get("targetRevision") != _REVISION:
        what = f"{source.get('targetRevision')} may be what a fork has written"
        yield Problem(*source.where("targetRevision"), f"{what}: write targetRevision: {_REVISION}")
    namespace = template.at("spec", "destination", "namespace")
    for at in (("spec", "source", "kustomize", "namespace"), ("metadata", "name"), ("spec", "project")):
        if template.at(*at) != namespace:
            what = f"{template.at(*at)} is not the destination {namespace}"
            yield Problem(*template.where(*at), f"{what}: make them the same")
    if not any(name.startswith(_FINALIZER) for name in template.texts("metadata", "finalizers")):
        what = "what a preview has made would outlive its pull request"
        yield Problem(*template.where("metadata", "finalizers"), f"{what}: add the finalizer {_FINALIZER}/background")
    rest = at_rest(template.text("spec", "project"))
    if rest not in [project.name for project in projects(repository, template)]:
        what = f"nothing makes the project {rest} of each preview"
        yield Problem(*template.where("spec", "project"), f"{what}: add an ApplicationSet that does")


def _check_projects(repository: Repository, source: Map, ours: Map) -> Iterator[Problem]:
    """Check what makes a project for each preview: from the main branch, and each for its one namespace."""
    if source.get("targetRevision") != ours.get("targetRevision"):
        what = f"previews would write their own rights at {source.get('targetRevision')}"
        yield Problem(*source.where("targetRevision"), f"{what}: write targetRevision: {ours.get('targetRevision')}")
    patches = [one for patch in source.maps("kustomize", "patches") for one in parse(patch.text("patch"))]
    operations = [one for patch in patches if isinstance(patch, list) for one in patch if isinstance(one, Map)]
    for project in of_kind(repository, "AppProject", source.text("path").strip("/")):
        namespace = project.name + source.text("kustomize", "nameSuffix")
        for at in ("destinations/0/namespace", "clusterResourceWhitelist/0/name"):
            if [one.get("value") for one in operations if one.get("path") == f"/spec/{at}"] != [namespace]:
                what = "does not keep each preview in its namespace"
                yield Problem(*source.where("kustomize", "patches"), f"{what}: set /spec/{at} to {namespace}")
        for item in project.maps("spec", "destinations")[1:]:
            what = f"lets previews into {item.get('namespace')}, which is not theirs"
            yield Problem(*item.where("namespace"), f"{what}: remove it")
        for number, item in enumerate(project.maps("spec", "clusterResourceWhitelist")):
            if item.get("kind") != "Namespace" or number:
                what = f"lets previews change every {item.get('kind')} of the cluster"
                yield Problem(*item.place, f"{what}: keep Namespace alone, with their name")
        for address in project.texts("spec", "sourceRepos"):
            if address != ours.get("repoURL"):
                what = f"lets previews come from {address}"
                yield Problem(*project.where("spec", "sourceRepos"), f"{what}: keep {ours.get('repoURL')} alone")


def _check_preview(repository: Repository, preview: Environment) -> Iterator[Problem]:
    """Check that nothing of a preview stays, that it reads no vault, and that it runs what previews are built as."""
    path = preview.kustomization.place[0]
    for item in preview.of_kind("Namespace"):
        if "=false" in item.text("metadata", "annotations", "argocd.argoproj.io/sync-options"):
            what = f"{item.place[0]} keeps the namespace when its pull request is closed"
            yield Problem(path, 0, f"{what}: add a patch that removes its annotations")
    for item in preview.of_kind("ExternalSecret"):
        if item.text("spec", "secretStoreRef", "name").removeprefix("key-vault-") in repository.environments():
            what = f"ExternalSecret {item.name} reads a vault that lets no preview in"
            yield Problem(path, 0, f"{what}: add a patch of {item.name} with a generator and secretStoreRef: null")
    registry = _registry(repository)
    moved = {image.text("name"): image for image in preview.kustomization.maps("images")}
    for workload in preview.workloads:
        item = workload.document
        own = [image for one in workload.containers if is_own_image(image := one.text("image"))]
        if not registry or not own or not repository.exists(f"src/{item.name}/Dockerfile"):
            continue
        now, wanted = name_of(own[-1]), f"{registry}.azurecr.io/{item.name}"
        if now not in moved:
            what = f"images does not take {item.name} from the previews' registry"
            yield Problem(*preview.kustomization.where("images"), f"{what}: add name: {now} with newName: {wanted}")
        elif moved[now].get("newName") != wanted:
            yield Problem(*moved[now].where("newName"), f"is not where previews are built: write {wanted}")


def _registry(repository: Repository) -> str:
    found = [platform.values.get("previews_registry_name") for platform in platforms(repository)]
    return next((str(name) for name in found if name), "")


def check_workflow(repository: Repository) -> Iterator[Problem]:
    """Check that the workflow runs for no fork, and pushes where previews are pulled from."""
    workflow, registry = repository.first(_WORKFLOW), _registry(repository)
    if "pull_request_target" in workflow.map("on"):
        what = "pull_request_target gives forks the rights of this repository"
        yield Problem(*workflow.where("on", "pull_request_target"), f"{what}: make it pull_request")
    for name, job in workflow.map("jobs").items():
        if not isinstance(job, Map):
            continue
        rights = job if "permissions" in job else workflow
        signs_in = "id-token" in rights.map("permissions") or rights.get("permissions") == "write-all"
        if signs_in and "needs" not in job and not _OF_THIS_REPOSITORY.search(job.text("if")):
            yield Problem(*job.where("if"), f"the job {name} runs for forks as well: add && {_SAME_REPOSITORY}")
        for step in job.maps("steps"):
            pushed = step.text("env", "LOCAL_REGISTRY").removesuffix(".azurecr.io")
            if pushed and registry and pushed != registry:
                what = f"pushes previews to {pushed}"
                yield Problem(*step.where("env", "LOCAL_REGISTRY"), f"{what}: write {registry}.azurecr.io")
