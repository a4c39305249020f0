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
    agents = list(_AGENT.finditer(text))
    for index, agent in enumerate(agents):
        named = dict(re.findall(r"(\w+) '([^']*)'", agent["settings"]))
        path, default = named.get("yamlFile", ""), named.get("defaultContainer", "jnlp")
        pod = repository.first(path)
        if not path or "inheritFrom" in named:
            continue  # Written out in place, or a template of the controller.
        if not pod:
            yield agent.start(), f"yamlFile names {path}, which does not exist: fix the path"
            continue
        containers = {container.get("name") for container in pod.maps("spec", "containers")} | {"jnlp"}
        if default not in containers:
            yield agent.start(), f"{path} has no container {default}: fix the name"
        own = pod.at("spec", "serviceAccountName")
        if "serviceAccount" in named and own:
            yield agent.start(), f"{path} names a service account too: remove one of them"
        account = named.get("serviceAccount") or own
        if account and "cloud" not in named:
            what = f"names no cloud, so it starts where branches run and {account} is not"
            yield agent.start(), f"{what}: name its cloud"
        end = agents[index + 1].start() if index + 1 < len(agents) else len(text)
        for used in re.finditer(r"container\('([^']*)'\)", text[agent.end() : end]):
            if used[1] not in containers:
                yield agent.end() + used.start(), f"{path} has no container {used[1]}: fix the name"


def _environments(repository: Repository, text: str) -> Iterator[tuple[int, str]]:
    known = repository.environments()
    named = [(release.start(), release[1]) for release in _RELEASE.finditer(text)]
    for choice in _ENVIRONMENTS.finditer(text):
        named += [(choice.start(), name) for name in re.findall(r"'([^']*)'", choice["names"])]
    for position, name in named:
        if name not in known:
            yield position, f"there is no environment {name}: choose one of {', '.join(known)}"
