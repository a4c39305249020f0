"""Copier's own Worker in this process, with what it compiles kept from one answer set to the next.

A case takes some milliseconds instead of a second, so that thousands of answers can be tried. Nothing of Copier is done
again here: questions are asked and files are rendered by its code. Tests compare both with plain Copier.
"""

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import copier._main
import yaml
from copier._types import Phase
from copier._user_data import Question
from copier.errors import UserMessageError

from hooks.new import one_line
from hooks.worker import Worker


class RefusedError(Exception):
    """An answer was refused; the text is the line that `make new` prints."""


class BrokenRuleError(Exception):
    """A rule ended in an error of its own instead of a sentence."""


def _validate_answer(question: Question, answer: Any) -> None:
    """As Copier's, which would show an error inside a rule as if it were the rule's sentence."""
    try:
        message = question.render_value(question.validator, {question.var_name: answer}).strip()
    except Exception as error:
        raise BrokenRuleError(f"{question.var_name}: {type(error).__name__}: {error}") from error
    if message:
        raise ValueError(f"Validation error for question '{question.var_name}': {message}")


class InProcess:
    """A template, ready for many answer sets."""

    def __init__(self, template: Path) -> None:
        """Read the template once."""
        self._path = template
        first = self._worker({}, Path("unused"))
        self._template, self.environment = first.template, first.jinja_env

    def _worker(self, data: dict[str, Any], destination: Path) -> Worker:
        return Worker(
            src_path=str(self._path), dst_path=destination, data=data, defaults=True, unsafe=True, quiet=True,
            skip_tasks=True,
        )  # fmt: skip

    def _asked(self, data: dict[str, Any], destination: Path) -> Worker:
        worker = self._worker(data, destination)
        vars(worker).update(template=self._template, jinja_env=self.environment)
        # The tests read YAML in C, which says what is wrong in other words.
        own = mock.patch.object(yaml, "SafeLoader", yaml.loader.SafeLoader)
        with own, mock.patch.object(Question, "validate_answer", _validate_answer), Phase.use(Phase.PROMPT):
            try:
                worker._ask()
            except UserMessageError as error:
                raise RefusedError(one_line(error)) from error
            except ValueError as error:
                raise RefusedError(one_line(error)) from error
        return worker

    def ask(self, data: dict[str, Any]) -> dict[str, Any]:
        """Return every answer, the computed ones too.

        Raises:
            RefusedError: an answer is wrong.
            BrokenRuleError: a rule failed; any other error is Copier's traceback.
        """
        return dict(self._asked(data, Path("unused")).answers.combined)

    def render(self, data: dict[str, Any], destination: Path) -> dict[str, Any]:
        """Render a product; raises as `ask`, and returns the same."""
        worker = self._asked(data, destination)
        with _rendering():
            worker._render_template()
        return dict(worker.answers.combined)


@contextlib.contextmanager
def _rendering() -> Iterator[None]:
    operation = copier._main._operation.set("copy")
    # It would ask git for a setting of the destination, once for each file.
    without_git = mock.patch.object(copier._main, "is_git_available", return_value=False)
    try:
        with Phase.use(Phase.RENDER), without_git, contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        copier._main._operation.reset(operation)
