"""Workflows offer the environments that there are, and build what is in src/."""

import re
from collections.abc import Iterator
from typing import Any

from .documents import Map, Problem, Repository

_ENVIRONMENT = re.compile(r"\$\{\{ *[\w.]+[.](environment|from|to) *\}\}")
# Workflows of one's own may be for some of the environments.
_FOR_EACH = re.compile(r"[.]github/workflows/(deploy|promote|rollback)[.]yml")
_SIGNS_IN = re.compile(r"azure/login@|[.]/[.]github/actions/connect$")
# Of this repository's identities; others may have rules of their own.
_IDENTITY = re.compile(r"AZURE_(?:APPLY|DEPLOY|PLAN|PREVIEWS|PUSH)_CLIENT_ID")


def _jobs(workflow: Map) -> list[Map]:
    return [job for job in workflow.map("jobs").values() if isinstance(job, Map)]


def _workflows(repository: Repository) -> Iterator[tuple[Map, list[Map], list[str]]]:
    """Yield each workflow with its jobs and what starts it."""
    for _, workflow in repository.below(".github/workflows/"):
        triggers: Any = workflow.get("on")
        yield workflow, _jobs(workflow), [triggers] if isinstance(triggers, str) else list(triggers or ())


def _is_ours(step: Map) -> bool:
    return bool(_SIGNS_IN.match(step.text("uses")) and _IDENTITY.search(step.text("with", "client-id")))


def check(repository: Repository) -> Iterator[Problem]:
    """Check that the environments which workflows offer and name are there."""
    names = repository.environments()
    for workflow, jobs, _ in _workflows(repository):
        every = _FOR_EACH.fullmatch(workflow.place[0])
        inputs = workflow.map("on", "workflow_dispatch", "inputs") if every else Map()
        settings = [inputs.map(key) for key in ("environment", "from", "to")]
        offered = {one for setting in settings for one in setting.texts("options")}
        for setting in settings if offered & set(names) else ():  # Or they are about something else.
            if strangers := sorted({*setting.texts("options")} - {*names}):
                what = f"{', '.join(strangers)} is no environment"
                yield Problem(*setting.where("options"), f"{what}: use {', '.join(names)}")
        for job in jobs:
            named = job.text("with", "environment")
            called = re.fullmatch(r"[.]/[.]github/workflows/(deploy|roll-out|rollback)[.]yml", job.text("uses"))
            if called and named and "$" not in named and named not in names:
                what = f"there is no environment {named}"
                yield Problem(*job.where("with", "environment"), f"{what}: use one of {', '.join(names)}")


def check_sources(repository: Repository) -> Iterator[Problem]:
    """Check that a change of each source is built before it is merged."""
    texts = "".join(map(repository.text, repository.matching(r"[.]github/workflows/.*")))
    for job in _jobs(repository.first(".github/workflows/check.yml")):
        named = job.texts("strategy", "matrix", "service")
        for name in repository.matching(r"src/([^/]+)/Dockerfile") if named else ():
            is_service = repository.matching(rf"apps/[^/]+/base/{re.escape(name)}/.*")
            elsewhere = "include" in job.map("strategy", "matrix") or re.search(rf"\b{re.escape(name)}\b", texts)
            if is_service and name not in named and not elsewhere:
                place = job.where("strategy", "matrix", "service")
                yield Problem(*place, f"src/{name} is not among the services: add it, so that it is checked")


def check_github_environments(repository: Repository) -> Iterator[Problem]:
    """Check that each GitHub environment of a job is one that `make up` closes, and that no identity lacks one."""
    table = ".github/environments"
    rows = [row for row in repository.text(table).splitlines() if row.strip() and not row.startswith("#")]
    known = {row.split()[0] for row in rows}
    for _, jobs, triggers in _workflows(repository):
        for job in jobs if triggers != ["workflow_call"] else ():  # That runs in other repositories, with theirs.
            named = job.text("environment") or job.text("environment", "name")
            azure = [step for step in job.maps("steps") if _is_ours(step)]
            opened = {_ENVIRONMENT.sub(one, named) for one in repository.environments()} - known - {""}
            for name in sorted(opened) if azure else ():
                if "$" not in name:
                    cure = f"add it to {table}, with the branch that may use it, and run make up"
                    yield Problem(*job.where("environment"), f"GitHub opens {name} to every branch: {cure}")
            if azure and not named and triggers != ["pull_request"] and "pull_request" not in job.text("if"):
                cure = f"name one of {', '.join(sorted(known))} as its environment"
                yield Problem(*azure[0].where("uses"), f"Azure refuses a job without a GitHub environment: {cure}")
