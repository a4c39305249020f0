"""Pipelines of Jenkins name what there is: pods, containers, credentials, environments. Their pods are safe to run.

README.md has a job for each of them.
"""

import posixpath
import re
from collections.abc import Iterator

from .documents import Map, Problem, Repository

_PIPELINE = re.compile(r"(jenkins/\w+\.)?Jenkinsfile")
# A block of braces that holds no other.
_AGENT = re.compile(r"kubernetes \{(?P<settings>[^{}]*)\}")
_ENVIRONMENTS = re.compile(r"name: 'ENVIRONMENT',\s*choices: \[(?P<names>[^\]]*)\]")
_LOCK = re.compile(r"lock\('deploy-(?P<name>[^']*)'\)|scripts/deploy \"(?P<other>[\w-]+)\"")


def check(repository: Repository) -> Iterator[Problem]:
    """Check every pipeline and every pod that agents run in."""
    for path in repository.files:
        if _PIPELINE.fullmatch(path):
            yield from _check_agents(repository, path)
            yield from _check_environments(repository, path)
            yield from _check_credentials(repository, path)
            if f"`{path}`" not in _readme(repository):
                yield Problem(path, 1, "README.md does not say which job runs it: add it there")
    for path, pod in repository.below("jenkins/agents/"):
        yield from _check_pod(path, pod)


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def _readme(repository: Repository) -> str:
    return repository.text("README.md") if repository.exists("README.md") else ""


def _check_agents(repository: Repository, path: str) -> Iterator[Problem]:
    text = repository.text(path)
    agents = list(_AGENT.finditer(text))
    for index, agent in enumerate(agents):
        named = dict(re.findall(r"(\w+) '([^']*)'", agent["settings"]))
        pod = repository.first(named.get("yamlFile", ""))
        if pod is None:
            line = _line(text, agent.start())
            yield Problem(path, line, f"yamlFile names {named.get('yamlFile')}, which does not exist: mend the path")
            continue
        containers = {container.get("name") for container in pod.maps("spec", "containers")}
        if named.get("defaultContainer", "jnlp") not in containers:
            line = _line(text, agent.start())
            yield Problem(
                path,
                line,
                f"{named['yamlFile']} has no container {named.get('defaultContainer', 'jnlp')}: mend the name",
            )
        if "serviceAccount" in named and pod.at("spec", "serviceAccountName"):
            line = _line(text, agent.start())
            yield Problem(path, line, f"{named['yamlFile']} names a service account too: remove one of them")
        account = named.get("serviceAccount") or pod.at("spec", "serviceAccountName")
        if account and "cloud" not in named:
            line = _line(text, agent.start())
            words = f"names no cloud, so it starts where branches run and {account} is not: name its cloud"
            yield Problem(path, line, words)
        end = agents[index + 1].start() if index + 1 < len(agents) else len(text)
        for used in re.finditer(r"container\('([^']*)'\)", text[agent.end() : end]):
            if used[1] not in containers:
                line = _line(text, agent.end() + used.start())
                yield Problem(path, line, f"{named['yamlFile']} has no container {used[1]}: mend the name")


def _check_environments(repository: Repository, path: str) -> Iterator[Problem]:
    overlays = [
        name for name in repository.documents if re.fullmatch(r"apps/.+/overlays/[^/]+/kustomization.yaml", name)
    ]
    known = sorted(posixpath.basename(posixpath.dirname(name)) for name in overlays)
    text = repository.text(path)
    for choice in _ENVIRONMENTS.finditer(text):
        if sorted(re.findall(r"'([^']*)'", choice["names"])) != known:
            line = _line(text, choice.start())
            yield Problem(path, line, f"choices are not the environments {', '.join(known)}: make them the same")
    for lock in _LOCK.finditer(text):
        name = lock["name"] or lock["other"]
        if name not in known:
            line = _line(text, lock.start())
            yield Problem(path, line, f"there is no environment {name}: choose one of {', '.join(known)}")


def _check_credentials(repository: Repository, path: str) -> Iterator[Problem]:
    text = repository.text(path)
    for used in re.finditer(r"credentialsId: '([^']*)'", text):
        if f"`{used[1]}`" not in _readme(repository):
            line = _line(text, used.start())
            yield Problem(path, line, f"README.md does not say what the credential {used[1]} is: add it there")


def _check_pod(path: str, pod: Map) -> Iterator[Problem]:
    spec = pod.at("spec")
    if not isinstance(spec, Map):
        yield Problem(path, pod.line, "has no spec: add one")
        return
    if spec.at("securityContext", "runAsNonRoot") is not True:
        yield Problem(
            path, spec.line_of("securityContext"), "may run as root: set securityContext.runAsNonRoot to true"
        )
    volumes = {volume.get("name") for volume in spec.maps("volumes")}
    for container in spec.maps("initContainers") + spec.maps("containers"):
        name, image = container.get("name"), str(container.get("image", ""))
        if "@sha256:" not in image and not re.search(r":v?\d[\w.-]*$", image):
            yield Problem(
                path, container.line_of("image"), f"image {image} is not pinned: give its digest or exact tag"
            )
        if not container.at("resources", "requests") or not container.at("resources", "limits", "memory"):
            yield Problem(
                path, container.line_of("resources"), f"container {name} needs requests and a memory limit: add them"
            )
        for mount in container.maps("volumeMounts"):
            if mount.get("name") not in volumes:
                yield Problem(
                    path,
                    mount.line,
                    f"mounts the volume {mount.get('name')!r}, which the pod does not have: add it to volumes",
                )
