"""The field's own tools, run where they are on PATH, side by side."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from . import immutable, kustomize, projects
from .documents import Problem, Repository

# Seconds for each run of a tool.
TIMEOUT = 120


@dataclass(frozen=True)
class Tool:
    """A command that checks some of the files: it prints what is wrong and ends with a status that is not 0."""

    name: str
    command: list[str]
    subject: str


def _shell_scripts(repository: Repository) -> list[str]:
    return [
        path
        for path in repository.files
        if (path.startswith("scripts/") and "." not in path and repository.text(path).startswith("#!/bin/sh"))
        or path.endswith(".sh")
    ]


def _builds(repository: Repository) -> list[str]:
    """Return the folders that Argo CD builds: those of the overlays and of the clusters, and what else it deploys."""
    pattern = re.compile(r"(.*)/kustomization[.]yaml")
    folders = [match[1] for path in repository.files if (match := pattern.fullmatch(path))]
    sources = kustomize.deployed(repository)
    return [path for path in folders if path in sources or re.fullmatch(r"apps/.+/overlays/[^/]+|clusters/[^/]+", path)]


def _planned(repository: Repository) -> Iterator[Tool]:
    """Yield every tool that has something to check here, whether it is on PATH or not."""
    build = ["kustomize", "build"] if shutil.which("kustomize") else ["kubectl", "kustomize"]
    for folder in _builds(repository):
        yield Tool("kustomize", [*build, folder], folder)
    if any(path.startswith("terraform/") for path in repository.files):
        command = "tofu" if repository.exists(".opentofu-version") else "terraform"
        yield Tool(command, [command, "fmt", "-check", "-recursive", "-diff", "terraform"], "terraform/")
    if workflows := [path for path in repository.files if path.startswith(".github/workflows/")]:
        # Files by name, since it looks for them in a Git repository, which a new product is not yet.
        actionlint = ["actionlint", "-no-color", "-config-file=.github/actionlint.yaml", "--", *workflows]
        yield Tool("actionlint", actionlint, ".github/workflows/")
        zizmor = ["zizmor", "--offline", "--quiet", "--no-progress", "--color=never", "--persona=auditor", ".github"]
        yield Tool("zizmor", zizmor, ".github/workflows/")
    if scripts := _shell_scripts(repository):
        yield Tool("shellcheck", ["shellcheck", "--", *scripts], "scripts/")
    if dockerfiles := [path for path in repository.files if path.endswith("/Dockerfile")]:
        yield Tool("hadolint", ["hadolint", "--no-color", "--", *dockerfiles], "src/")
    yield Tool("yamllint", ["yamllint", "--strict", "."], "YAML files")


def find(repository: Repository) -> tuple[list[Tool], list[str]]:
    """Return the tools that can run, and the names of those that are not on PATH."""
    planned = list(_planned(repository))
    found = [tool for tool in planned if shutil.which(tool.command[0])]
    return found, list(dict.fromkeys(tool.name for tool in planned if tool not in found))


def _started(root: Path, tool: Tool) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        tool.command,
        cwd=root,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=TIMEOUT,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def _run(repository: Repository, tool: Tool, main: Path | None) -> list[Problem] | None:
    """Return what a tool finds; None where it did not end in time."""
    try:
        done = _started(repository.root, tool)
        problems: list[Problem] = []
        if tool.name == "kustomize" and done.returncode == 0 and main and (main / tool.subject).is_dir():
            problems += immutable.compare(repository, main, tool.subject, _started(main, tool).stdout, done.stdout)
    except subprocess.TimeoutExpired:
        return None
    if tool.name == "kustomize" and not done.returncode:
        problems += projects.judge_built(repository, tool.subject, done.stdout)
    if done.returncode:
        words = (done.stdout if tool.name != "kustomize" else "") + done.stderr
        problems.append(Problem(tool.subject, 0, f"{tool.name}:", tuple(words.expandtabs().strip().split("\n"))))
    return problems


def run(repository: Repository, tools: list[Tool]) -> tuple[list[Problem], list[Problem], list[str]]:
    """Run the tools side by side.

    Returns:
        what fails to build or leaves its namespace; what linters find; what did not end in time, and is not judged.
    """
    built: list[Problem] = []
    linted: list[Problem] = []
    late: list[str] = []
    with immutable.main_branch(repository.root) as main, ThreadPoolExecutor(max_workers=4) as pool:
        for tool, found in zip(tools, pool.map(lambda tool: _run(repository, tool, main), tools), strict=True):
            if found is None:
                late.append(f"{tool.name} of {tool.subject}")
            else:
                (built if tool.name == "kustomize" else linted).extend(found)
    return built, linted, late
