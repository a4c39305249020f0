"""The field's own tools, run where they are on PATH, side by side; each finding has the place that the tool names."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from . import applications, kustomize
from .documents import Problem, Repository, is_ours, is_template

# Seconds for each run of a tool.
TIMEOUT = 120
# How tools name a place: in lines for compilers, in commands of a workflow, in blocks, by object, or by file alone.
_LINES = r"^(?P<path>[^\s:].*?):(?P<line>\d+)(?::\d+)?:? (?P<what>.+)$"
_COMMANDS = r"^::\w+ file=(?P<path>[^,]+),line=(?P<line>\d+),.*?::(?P<what>.+)$"
_BLOCKS = r"^RuleID: +(?P<what>\S+)\n(?:.+\n)*?File: +(?P<path>.+)\nLine: +(?P<line>\d+)"
_OBJECTS = (
    r"^(?:stdin - (?P<kind>\S+) (?P<name>\S+) is invalid"
    r"|ERROR \S+ did not validate for resource (?P<kind2>[^/]+)/(?P<name2>\S+) against version [\d.]+): (?P<what>.+)$"
)
_FILES = r"^(?P<path>\S+[.]tf\w*)$"


@dataclass(frozen=True)
class Tool:
    """A command that checks some of the files, and how it says what it finds."""

    name: str
    command: list[str]
    subject: str
    pattern: str = ""
    what: str = ""


def _planned(repository: Repository) -> Iterator[Tool]:
    """Yield every tool that has something to check here, whether it is on PATH or not."""
    build = ["kustomize", "build"] if shutil.which("kustomize") else ["kubectl", "kustomize"]
    for folder in _builds(repository):
        yield Tool("kustomize", [*build, folder], folder)
    schemas = ["kubeconform", "-strict", "-ignore-missing-schemas", "-schema-location", "default", "-schema-location"]
    schemas += [
        "https://raw.githubusercontent.com/datreeio/CRDs-catalog/main/{{.Group}}/{{.ResourceKind}}_{{.ResourceAPIVersion}}.json"
    ]
    if not shutil.which("kubeconform") and shutil.which("kubernetes-validate"):
        schemas = ["kubernetes-validate", "--strict", "--quiet", "/dev/stdin"]
    yield Tool(schemas[0], schemas, "apps/", _OBJECTS)
    if repository.matching(r"terraform/.*[.]tf"):
        command = "tofu" if repository.exists(".opentofu-version") else "terraform"
        cure = f"is not formatted: run `{command} fmt -recursive terraform`"
        yield Tool(command, [command, "fmt", "-check", "-recursive", "terraform"], "terraform/", _FILES, cure)
    if workflows := repository.matching(r"[.]github/workflows/[^/]+[.]ya?ml"):
        # Files by name, since it looks for them in a Git repository, which a new product is not yet. Labels of runners
        # are known to who runs them.
        config = ["-config-file=.github/actionlint.yaml"] if repository.exists(".github/actionlint.yaml") else []
        options = ["-no-color", "-oneline", r'-ignore=label ".+" is unknown', *config]
        yield Tool("actionlint", ["actionlint", *options, "--", *workflows], ".github/workflows/", _LINES)
        zizmor = ["zizmor", "--offline", "--quiet", "--no-progress", "--color=never", "--format=github", ".github"]
        yield Tool("zizmor", zizmor, ".github/", _COMMANDS)
    if scripts := [path for path in repository.files if _is_shell(repository, path)]:
        yield Tool("shellcheck", ["shellcheck", "--format=gcc", "--exclude=SC1091", "--", *scripts], "scripts/", _LINES)
    if dockerfiles := repository.matching(r"(?:.*/)?Dockerfile"):
        yield Tool("hadolint", ["hadolint", "--no-color", "--", *dockerfiles], "src/", _LINES)
    if rules := repository.matching(r"terraform/platform/alerts/[^/]+[.]ya?ml"):
        yield Tool("promtool", ["promtool", "check", "rules", *rules], "terraform/platform/alerts/")
    leaks = ["gitleaks", "dir", "--no-banner", "--no-color", "--redact", "--verbose", "--log-level=error", "."]
    yield Tool("gitleaks", leaks, "all files", _BLOCKS, "looks like a secret")
    written = [
        path
        for path in repository.matching(r".*[.]ya?ml")
        if path in repository.documents or (is_ours(path) and not is_template(path, repository.text(path)))
    ]
    yield Tool("yamllint", ["yamllint", "--strict", "--format=parsable", "--", *written], "YAML files", _LINES)


def _builds(repository: Repository) -> list[str]:
    """Return the folders that Argo CD builds by kustomize alone."""
    settings = repository.matching(r"(?:clusters|terraform/gitops)/.*[.]ya?ml")
    if any("kustomize.buildOptions" in repository.text(path) for path in settings):
        return []  # Argo CD builds in another way.
    folders = [*repository.overlays(), *kustomize.deployed(repository), *applications.folders_of_bootstrap(repository)]
    local = [one for one in dict.fromkeys(folders) if kustomize.kustomization(repository, one)]
    return [one for one in local if kustomize.is_local(repository, one)]


def _is_shell(repository: Repository, path: str) -> bool:
    extensionless = path.startswith("scripts/") and "." not in path
    text = repository.text(path)  # Of a file without a first line, the shell is not known.
    known = path.endswith(".sh") and re.match(r"#!.*\b(?:ba|da|k)?sh\b", text)
    return bool(known) or (extensionless and text.startswith("#!/bin/sh"))


def find(repository: Repository) -> tuple[list[Tool], list[str]]:
    """Return the tools that can run, and the names of those that are not on PATH."""
    planned = list(_planned(repository))
    found = [tool for tool in planned if shutil.which(tool.command[0])]
    return found, list(dict.fromkeys(tool.name for tool in planned if tool not in found))


def _output(repository: Repository, tool: Tool, given: str = "") -> tuple[int, str, str] | None:
    """Return the status of a tool and what it prints; None where it does not end in time."""
    try:
        done = subprocess.run(
            tool.command, cwd=repository.root, capture_output=True, text=True, errors="replace",
            timeout=TIMEOUT, check=False, input=given,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return None
    return done.returncode, done.stdout, done.stderr


def _findings(repository: Repository, tool: Tool, status: int, output: str, errors: str) -> Iterator[Problem]:
    found = list(re.finditer(tool.pattern, output, re.MULTILINE)) if tool.pattern and status else []
    for match in found:
        named = match.groupdict()
        path, line = named.get("path", tool.subject).removeprefix("./"), int(named.get("line") or 0)
        if kind := named.get("kind") or named.get("kind2"):
            name = named.get("name") or named.get("name2")
            path, line = _place(repository, kind, str(name)) or (tool.subject, 0)
        if path in repository.files or path == tool.subject:
            words = ": ".join(filter(None, [tool.what, named.get("what", "")]))
            yield Problem(path, line, f"{tool.name}: {' '.join(words.split())}")
    if status and not found and "failed downloading schema" not in output:
        details = (output + errors if tool.name != "kustomize" else errors).expandtabs().strip().split("\n")
        yield Problem(tool.subject, 0, f"{tool.name}:", tuple(details))


def _place(repository: Repository, kind: str, name: str) -> tuple[str, int] | None:
    for overlay in repository.overlays():
        for item in kustomize.build(repository, overlay).objects:
            if item.kind.lower() == kind.lower() and item.name == name:
                return item.place
    return None


def run(repository: Repository, tools: list[Tool]) -> tuple[list[Problem], list[Problem], list[str]]:
    """Run the tools side by side.

    Returns:
        what fails to build or leaves its namespace; what linters find; what did not end in time, and is not judged.
    """
    built: list[Problem] = []
    linted: list[Problem] = []
    late: list[str] = []
    # Overlays have most objects in common: each is checked once, whatever its namespace and tag.
    objects: dict[str, str] = {}
    schemas = [tool for tool in tools if tool.pattern == _OBJECTS]
    with ThreadPoolExecutor(max_workers=4) as pool:
        others = [tool for tool in tools if tool not in schemas]
        for tool, done in zip(others, pool.map(lambda tool: _output(repository, tool), others), strict=True):
            if done is None:
                late.append(f"{tool.name} of {tool.subject}")
            elif tool.name == "kustomize":
                built += _findings(repository, tool, *done)
                built += applications.judge(repository, tool.subject, "" if done[0] else done[1])
                for document in done[1].split("\n---\n"):
                    objects.setdefault(
                        re.sub(r"(?m)^ +(namespace|replicas|- image|image): .*$", "", document), document
                    )
            else:
                linted += _findings(repository, tool, *done)
    for tool in schemas if objects else ():
        done = _output(repository, tool, "\n---\n".join(objects.values()))
        if done is None or "failed downloading schema" in done[1]:
            late.append(f"{tool.name} of {tool.subject}")
        else:
            linted += _findings(repository, tool, *done)
    return built, linted, late
