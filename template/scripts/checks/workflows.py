"""Workflows and actions are pinned, ask for no more than they need, and offer the environments that there are."""

import posixpath
import re
import tomllib
from collections.abc import Iterator

from gitops.signatures import SIGNERS

from .documents import Map, Problem, Repository
from .objects import is_own_image, objects, workload

_USES = re.compile(
    r"^\s*(?:- )?[\"']?uses[\"']?: *[\"']?(?P<action>[^@\s\"']+)(?:@(?P<ref>[^\s\"']+))?[\"']?(?P<comment>\s+#.*)?$"
)
_ANYBODY = re.compile(
    r"\$\{\{[^}]*\b(?P<what>github\.event\.[\w.]*|github\.head_ref|github\.ref_name|inputs\.[\w-]+)[^}]*\}\}"
)
_ENVIRONMENT = re.compile(r"\$\{\{ *[\w.]+[.](environment|from|to) *\}\}")
_SIGNS_IN = re.compile(r"azure/login@|[.]/[.]github/actions/connect$")


def inspect(repository: Repository) -> Iterator[Problem]:
    """Look at every workflow and action by itself."""
    for path, workflow in repository.below(".github/"):
        if path.startswith(".github/workflows/"):
            yield from _inspect_permissions(path, workflow)
            yield from _inspect_jobs(path, workflow)
        for number, words in enumerate(repository.text(path).splitlines(), 1):
            if match := _USES.match(words):
                yield from _inspect_action(repository, path, number, match)
        for step in _steps(workflow):
            if found := _ANYBODY.search(step.text("run")):
                line, cure = step.line_of("run"), "hand it over in env, and use the variable"
                yield Problem(path, line, f"{found['what']} becomes part of the script, whatever is in it: {cure}")


def _inspect_action(repository: Repository, path: str, number: int, match: re.Match[str]) -> Iterator[Problem]:
    action, ref = match["action"], match["ref"] or ""
    if action.startswith("./"):
        if not repository.exists(action[2:].rstrip("/")):
            yield Problem(path, number, f"uses {action}, which does not exist: add it or mend the path")
    elif action.startswith("docker://"):
        if not re.fullmatch(r"sha256:[0-9a-f]{64}", ref):
            yield Problem(path, number, f"{action} is not pinned: add @sha256:… behind it")
    elif not re.fullmatch(r"[0-9a-f]{40}", ref):
        yield Problem(path, number, f"{action} is not pinned: name the full commit, the version behind #")
    elif not re.search(r"# v?\d", match["comment"] or ""):
        yield Problem(path, number, f"{action} does not say its version: add it as a comment, as # v1.2.3")


def _jobs(workflow: Map) -> dict[str, Map]:
    jobs = workflow.at("jobs")
    return {name: job for name, job in jobs.items() if isinstance(job, Map)} if isinstance(jobs, Map) else {}


def _steps(workflow: Map) -> list[Map]:
    steps = [step for job in _jobs(workflow).values() for step in job.maps("steps")]
    return [*steps, *workflow.maps("runs", "steps")]


def _inspect_permissions(path: str, workflow: Map) -> Iterator[Problem]:
    if "permissions" not in workflow:
        yield Problem(path, 1, "has no top-level permissions: add `permissions: {}`, and to each job what it needs")
    for where in [workflow, *_jobs(workflow).values()]:
        if where.get("permissions") == "write-all":
            cure = "name each permission that it needs"
            yield Problem(path, where.line_of("permissions"), f"write-all lets it change everything: {cure}")


def _inspect_jobs(path: str, workflow: Map) -> Iterator[Problem]:
    if "on" not in workflow or not _jobs(workflow):
        missing = "jobs" if "on" in workflow else "on"
        yield Problem(path, 1, f"has no {missing}, so that nothing runs: add it, or remove the file")
    jobs = _jobs(workflow)
    for job in jobs.values():
        needs = job.get("needs")
        for name in [needs] if isinstance(needs, str) else job.texts("needs"):
            if name not in jobs:
                cure = f"use one of {', '.join(jobs)}"
                yield Problem(path, job.line_of("needs"), f"there is no job {name} to wait for: {cure}")
        if "runs-on" not in job and "uses" not in job:
            yield Problem(path, job.line, "a job has no runs-on: add it")


def check_environments(repository: Repository) -> Iterator[Problem]:
    """Check that a workflow which asks for an environment offers each of them, and that what is named is there."""
    names = sorted({posixpath.basename(overlay) for overlay in repository.overlays()})
    for path, workflow in repository.below(".github/workflows/"):
        inputs = workflow.at("on", "workflow_dispatch", "inputs")
        for key, setting in inputs.items() if isinstance(inputs, Map) else ():
            if not isinstance(setting, Map) or not setting.texts("options"):
                continue
            line, options = setting.line_of("options"), setting.texts("options")
            if key == "environment" and sorted(options) != names:
                yield Problem(path, line, f"options are not the environments {', '.join(names)}: make them the same")
            elif key in ("from", "to") and set(options) - set(names):
                strangers = ", ".join(sorted(set(options) - set(names)))
                yield Problem(path, line, f"{strangers} is no environment: use {', '.join(names)}")
        asked = inputs if isinstance(inputs, Map) else Map()
        offered = [
            set(setting.texts("options")) for key in ("from", "to") if isinstance(setting := asked.get(key), Map)
        ]
        if len(offered) == 2 and set(names) - offered[0] - offered[1]:
            left = ", ".join(sorted(set(names) - offered[0] - offered[1]))
            line = asked.line_of("to")
            yield Problem(path, line, f"{left} is offered neither in from nor in to: add it")
        for job in _jobs(workflow).values():
            named = job.text("with", "environment")
            if job.text("uses").startswith("./") and named and "$" not in named and named not in names:
                line = job.line_at("with", "environment")
                yield Problem(path, line, f"there is no environment {named}: use one of {', '.join(names)}")


def check_github_environments(repository: Repository) -> Iterator[Problem]:
    """Check that each GitHub environment of a job is one that `make up` closes, and that no identity lacks one."""
    table = ".github/environments"
    rows = repository.text(table).splitlines() if repository.exists(table) else []
    known = {row.split()[0] for row in rows if row.strip() and not row.startswith("#")}
    names = {posixpath.basename(overlay) for overlay in repository.overlays()}
    for path, workflow in repository.below(".github/workflows/"):
        triggers = workflow.get("on")
        triggers = [triggers] if isinstance(triggers, str) else list(triggers or [])
        if triggers == ["workflow_call"]:
            continue  # Runs in other repositories, with their environments.
        for job in _jobs(workflow).values():
            named = job.text("environment") or job.text("environment", "name")
            for name in sorted({_ENVIRONMENT.sub(one, named) for one in names} - known):
                if name and "$" not in name:
                    cure = f"add it to {table}, with the branch that may use it, and run make up"
                    line = job.line_of("environment")
                    yield Problem(path, line, f"GitHub opens {name} to every branch: {cure}")
            signs_in = [step for step in job.maps("steps") if _SIGNS_IN.match(step.text("uses"))]
            if signs_in and not named and triggers != ["pull_request"] and "pull_request" not in job.text("if"):
                line, cure = signs_in[0].line_of("uses"), f"name one of {', '.join(sorted(known))} as its environment"
                yield Problem(path, line, f"Azure refuses a job without a GitHub environment: {cure}")


def check_services(repository: Repository) -> Iterator[Problem]:
    """Check that what a workflow builds is there, and that a change of each source is built before it is merged."""
    sources = sorted(path.split("/")[1] for path in repository.files if re.fullmatch(r"src/[^/]+/Dockerfile", path))
    for path, workflow in repository.below(".github/workflows/"):
        for job in _jobs(workflow).values():
            named = job.at("strategy", "matrix", "service")
            if not isinstance(named, list):
                continue
            line = job.line_at("strategy", "matrix", "service")
            for name in named:
                if not repository.exists(f"src/{name}"):
                    yield Problem(path, line, f"there is no src/{name}: mend the name, or remove it")
            for name in sources:
                if name not in named and not isinstance(job.at("strategy", "matrix", "include"), list):
                    yield Problem(path, line, f"src/{name} is not among the services: add it, so that it is checked")


def check_pushed_images(repository: Repository) -> Iterator[Problem]:
    """Check that what other repositories push is what Deployments pull."""
    path = ".github/workflows/build-service.yml"
    workflow = repository.first(path) or Map()
    try:
        signers = tomllib.loads(repository.text(SIGNERS))
    except tomllib.TOMLDecodeError:  # Said by who reads it first.
        return
    for job in _jobs(workflow).values():
        text, line = job.text("env", "IMAGE"), job.line_at("env", "IMAGE")
        named, prefix = dict(re.findall(r"== '([a-z0-9-]+)' && '([^']+)'", text)), re.search(r"[^'\s]+/(?=\$?\{)", text)
        for where, document in objects(repository, "apps"):
            name, item = posixpath.basename(posixpath.dirname(where)), workload(where, document)
            if not item or not where.endswith(f"/base/{name}/deployment.yaml") or not prefix:
                continue
            if repository.exists(f"src/{name}/Dockerfile") or "unsigned" in signers.get(name, {}):
                continue
            pushed = named.get(name, prefix[0] + name)
            host = pushed.partition("/")[0] + "/"  # An image of another registry is built by others.
            images = [one.text("image") for one in item.all_containers()]
            pulled = [image for image in images if is_own_image(image) and image.startswith(host)]
            if pulled and pushed not in pulled:
                yield Problem(
                    path, line, f"pushes {name} to {pushed}, but {where} pulls {pulled[0]}: make them the same"
                )
