"""The lines of `make doctor`, and the questions behind them, all asked at once."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from gitops.process import output
from gitops.repository import plain

_TIMEOUT = 60.0
_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Line:
    """One finding: ok, warning, failure or skipped."""

    state: str
    text: str

    def __str__(self) -> str:
        """Return the line that a person reads."""
        return f"{self.state:<8} {plain(self.text)}"


def ok(text: str) -> Line:
    """Return a finding that is as it should be."""
    return Line("ok", text)


def warning(text: str, cure: str) -> Line:
    """Return a finding that may be meant so."""
    return Line("warning", f"{text}: {cure}")


def failure(text: str, cure: str) -> Line:
    """Return a finding that makes `make up` or the pipeline fail."""
    return Line("failure", f"{text}: {cure}")


class Pool:
    """Asks questions side by side: a check takes its answers when it is its turn."""

    def __init__(self, executor: ThreadPoolExecutor) -> None:
        """Use an executor."""
        self._executor = executor

    def ask(self, *command: str, **environment: str) -> Future[str]:
        """Run a program; the answer is what it prints."""
        return self._executor.submit(output, *command, timeout=_TIMEOUT, **environment)

    def call(self, function: Callable[..., _Answer], *arguments: object, **keywords: object) -> Future[_Answer]:
        """Call a function."""
        return self._executor.submit(function, *arguments, **keywords)
