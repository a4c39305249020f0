"""Pipelines of Jenkins name what there is: pods, containers and environments."""

import re
from collections.abc import Iterator

from .documents import Problem, Repository

# Not those of one's own, which may be for anything.
_PIPELINE = r"(?:jenkins/(?:apply|deploy|rollback)\.)?Jenkinsfile"
# A block of braces that holds no other.
_AGENT = re.compile(r"kubernetes \{(?P<settings>[^{}]*)\}")
_ENVIRONMENTS = re.compile(r"name: 'ENVIRONMENT',\s*(?://.*\s*)?choices: \[(?P<names>[^\]]*)\]")
_RELEASE = re.compile(r"scripts/deploy \"([\w-]+)\"")


def check(repository: Repository) -> Iterator[Problem]:
    """Check every pipeline."""
    for path in repository.matching(_PIPELINE):
        text = repository.text(path)
        for position, what in [*_agents(repository, text), *_environments(repository, text)]:
            yield Problem(path, text.count("\n", 0, position) + 1, what)


def _agents(repository: Repository, text: str) -> Iterator[tuple[int, str]]:
    agents = [(one, dict(re.findall(r"(\w+) '([^']*)'", one["settings"]))) for one in _AGENT.finditer(text)]
    pods = [repository.first(named.get("yamlFile", "")) for _, named in agents]
    # Stages without an agent of their own run in the pod of the pipeline.
    containers = {one.get("name") for pod in pods for one in pod.maps("spec", "containers")} | {"jnlp"}
    used = re.finditer(r"(?:container\(|defaultContainer )'([^']*)'", text)
    # Without that, a pod is written out in place; with the other, it is a template of the controller.
    whole = all("yamlFile" in named and "inheritFrom" not in named for _, named in agents)
    for one in used if all(pods) and whole else ():
        if one[1] not in containers:
            yield one.start(), f"no pod of this pipeline has a container {one[1]}: fix the name"
    for (agent, named), pod in zip(agents, pods, strict=True):
        path, own = named.get("yamlFile", ""), pod.at("spec", "serviceAccountName")
        if "inheritFrom" in named:
            continue
        if path and not pod:
            yield agent.start(), f"yamlFile names {path}, which does not exist: fix the path"
        if "serviceAccount" in named and own:
            yield agent.start(), f"{path} names a service account too: remove one of them"
        account = named.get("serviceAccount") or own
        if path and account and "cloud" not in named:
            what = f"names no cloud, so it starts where branches run and {account} is not"
            yield agent.start(), f"{what}: name its cloud"


def _environments(repository: Repository, text: str) -> Iterator[tuple[int, str]]:
    known = repository.environments()
    named = [(release.start(), release[1]) for release in _RELEASE.finditer(text)]
    for choice in _ENVIRONMENTS.finditer(text):
        named += [(choice.start(), name) for name in re.findall(r"'([^']*)'", choice["names"])]
    for position, name in named:
        if name not in known:
            yield position, f"there is no environment {name}: choose one of {', '.join(known)}"
