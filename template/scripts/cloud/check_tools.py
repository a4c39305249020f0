"""Are the programs there, and new enough?"""

import re
import shutil
from collections.abc import Iterator

from gitops.process import CommandError

from .programs import Tool
from .report import Line, Pool, failure, ok


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def check(pool: Pool, tools: list[Tool]) -> Iterator[Line]:
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
        yield Line("skipped", f"make validate, by {' and '.join(missing)}: not on PATH")
