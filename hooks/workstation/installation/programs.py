"""The programs that are run here: how new they must be, and where they are from."""

import json
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cloud.infrastructure import COMMAND
from gitops.process import CommandError, output
from gitops.repository import ROOT, fail

from .report import Line, Pool, failure, ok

_INSTALL = {
    "terraform": "https://developer.hashicorp.com/terraform/install",
    "tofu": "https://opentofu.org/docs/intro/install",
}
NO_JSON = "printed something that is not JSON: run it to see what"


@dataclass(frozen=True)
class Tool:
    """A program, the oldest version that will do, how it tells its version, and where it comes from."""

    command: str
    minimum: str
    version: tuple[str, ...]
    source: str

    def found(self) -> bool:
        """Tell whether it is on PATH."""
        return shutil.which(self.command) is not None


def oldest_infrastructure() -> str:
    """Return the oldest version that the roots accept, from their own `required_version`."""
    text = (ROOT / "terraform" / "platform" / "terraform.tf").read_text(encoding="utf-8")
    match = re.search(r'^\s*required_version\s*=\s*">=\s*([\d.]+)', text, re.MULTILINE)
    return match[1] if match else "1.11"


def needed() -> list[Tool]:
    """Return the programs that are needed whatever runs the pipeline."""
    return [
        # fetch --no-write-fetch-head
        Tool("git", "2.29", ("--version",), "https://git-scm.com/downloads"),
        Tool("python3", "3.11", ("--version",), "https://www.python.org/downloads"),
        Tool(COMMAND, oldest_infrastructure(), ("version",), _INSTALL[COMMAND]),
        # A floor: releases before it are out of support.
        Tool("az", "2.50", ("version",), "https://learn.microsoft.com/cli/azure/install-azure-cli"),
        # One minor version before what AKS makes by default; kubectl and cluster may be one apart.
        Tool(
            "kubectl", "1.35", ("version", "--client"), "https://kubernetes.io/docs/tasks/tools (or az aks install-cli)"
        ),
        Tool("kubelogin", "0.1", ("--version",), "https://azure.github.io/kubelogin (or az aks install-cli)"),
    ]


def require(*commands: str) -> None:
    """Check that programs are on PATH before work begins that would stop half-way."""
    for command in commands:
        if not shutil.which(command):
            source = {tool.command: f", see {tool.source}" for tool in needed()}.get(command, "")
            raise CommandError(f"{command} is not on PATH{source}; make doctor checks everything")


def json_output(*command: str, timeout: float = 120, **environment: str) -> Any:
    """Return the JSON that a program prints; None where it prints nothing."""
    try:
        text = output(*command, timeout=timeout, **environment)
    except CommandError as error:
        if "AADSTS" in error.details:
            raise CommandError(f"the sign-in to Azure has run out: run az login ({error})", error.details) from error
        raise
    try:
        return json.loads(text) if text.strip() else None
    except json.JSONDecodeError as error:
        raise CommandError(f"{' '.join(command[:3])} {NO_JSON}") from error


def confirm(word: str, given: str | None, otherwise: str) -> None:
    """Go on only when a person's word was given beforehand, or is typed now."""
    if given is None:
        print(f"Type {word} to go on: ", end="", flush=True)
        given = sys.stdin.readline().strip()
    if given != word:
        fail(f"{f'{given!r} is not {word}' if given else 'no answer was given'}, {otherwise}")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def checks(pool: Pool, tools: list[Tool]) -> Iterator[Line]:
    """Check every program."""
    asked = [(tool, pool.ask(tool.command, *tool.version) if tool.found() else None) for tool in tools]
    for tool, answer in asked:
        cure = f"install {tool.minimum} or newer, see {tool.source}"
        if answer is None:
            yield failure(f"{tool.command}: not on PATH", cure)
            continue
        try:
            match = re.search(r"\d+\.\d+(\.\d+)?", answer.result())
        except CommandError as error:
            yield failure(f"{tool.command}: does not run ({error})", cure)
            continue
        if not match:
            yield failure(f"{tool.command}: does not tell its version", cure)
        elif _numbers(match[0]) < _numbers(tool.minimum):
            yield failure(f"{tool.command}: {match[0]} is too old", cure)
        else:
            yield ok(f"{tool.command} {match[0]}")


def of_validate() -> Iterator[Line]:
    """Name the tools that `make validate` runs where they are there, and does not install."""
    missing = [name for name in ("kubeconform", "gitleaks") if not shutil.which(name)]
    if missing:
        yield Line("skipped", f"{' and '.join(missing)}, for make validate: not on PATH")
