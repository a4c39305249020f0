"""Pipelines of Jenkins run as the account that is meant, and for environments that there are."""

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
    for agent in _AGENT.finditer(text):
        named = dict(re.findall(r"(\w+) '([^']*)'", agent["settings"]))
        path = named.get("yamlFile", "")
        own = repository.first(path).at("spec", "serviceAccountName")
        if "inheritFrom" in named:
            continue  # A template of the controller.
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
