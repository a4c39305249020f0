"""The answers that the template keeps are those that this repository was made from: an update begins with them."""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from .documents import Map, Problem, Repository, parse

_FILE = ".copier-answers.yml"
_ORIGIN = "scripts/updates/origin.yaml"
# A release, commits after one, or a commit: what Copier writes, and never a branch, whose content changes.
_VERSION = re.compile(r"""^_commit: ["']?(v?\d[\w.+-]*|[0-9a-f]{7,40})["']?$""", re.MULTILINE)
_CURE = "write back what it was, and change answers with copier update"


def check(repository: Repository) -> Iterator[Problem]:
    """Check the answers against the tree."""
    answers = repository.first(_FILE)
    if answers is None:
        if _FILE in repository.files:
            yield Problem(_FILE, 0, "holds no answers: restore it from history, updates of the template need it")
        return
    yield from _check_template(repository, answers)
    project = answers.text("project_name")
    if not repository.exists(f"apps/{project}") and any(path.startswith("apps/") for path in repository.files):
        yield _problem(answers, "project_name", f"there is no folder apps/{project}")
        return
    services = _named(answers.get("services"))
    for name in services:
        if not repository.exists(f"apps/{project}/base/{name}"):
            yield _problem(answers, "services", f"there is no folder apps/{project}/base/{name}")
    for name in _named(answers.get("environments")):
        if not repository.exists(f"apps/{project}/overlays/{name}"):
            yield _problem(answers, "environments", f"there is no folder apps/{project}/overlays/{name}")
    for path, text in repository.platforms().items():
        region = re.search(r'^location\s*=\s*"([^"]*)"', text, re.MULTILINE)
        if region and answers.get("region") not in (None, region[1]):
            what = f"{answers['region']} is not {region[1]}, the location in {path}"
            yield _problem(answers, "region", what)
    yield from _check_address(repository, answers)


def _problem(answers: Map, key: str, what: str) -> Problem:
    return Problem(_FILE, answers.line_of(key), f"{key}: {what}: {_CURE}")


def _named(answer: Any) -> list[str]:
    """Return the names in a list, which may be written as a text, of names or of mappings with a name."""
    if isinstance(answer, str):
        try:
            [answer] = parse(answer)
        except (yaml.YAMLError, ValueError):
            return []
    found = answer if isinstance(answer, list) else []
    return [str(item.get("name")) if isinstance(item, dict) else str(item) for item in found]


def _check_template(repository: Repository, answers: Map) -> Iterator[Problem]:
    origin = repository.first(_ORIGIN) or Map()
    if origin.get("_src_path") != answers.get("_src_path"):
        yield _problem(answers, "_src_path", f"is not the template in {_ORIGIN}")
    if "_commit" in answers and not _VERSION.search(repository.text(_FILE)):
        yield _problem(answers, "_commit", f"{answers['_commit']} is no version of a template")


def _check_address(repository: Repository, answers: Map) -> Iterator[Problem]:
    for path, document in repository.below("bootstrap/"):
        address = document.at("spec", "source", "repoURL")
        if document.get("kind") == "Application" and address and answers.get("git_repository") not in (None, address):
            yield _problem(answers, "git_repository", f"is not {address}, which {path} has")
