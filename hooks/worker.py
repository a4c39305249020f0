"""Copier's own Worker, which does once what Copier does again for every part of every path.

For `make new` and for tests. Questions are asked and files are rendered by Copier's code alone; tests compare the
results with plain Copier's.
"""

import functools
import hashlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import copier._main
from copier._jinja_ext import get_yield_context
from copier._template import Template
from copier._types import Phase
from jinja2 import FileSystemBytecodeCache

# What `git status` says of files that no product gets: ignored ones elsewhere, and caches, which copier.yml leaves out.
_NO_PART = re.compile(r"!! (?!template/)|!! (.*/)?(__pycache__|[.][^/]*_cache)/")


class Compiled(FileSystemBytecodeCache):
    """What Jinja has made of each file of the template, kept for the next run. It compares the text itself.

    https://jinja.palletsprojects.com/en/stable/api/#bytecode-cache
    """

    def get_cache_key(self, name: str, filename: str | None = None) -> str:  # noqa: ARG002 - Jinja gives it
        """Return a key by the name alone: the folder that Copier fetches a template into is another one in each run."""
        return super().get_cache_key(name)


class Worker(copier._main.Worker):
    """A Worker whose context is computed once after the questions, and whose texts are compiled once each."""

    @functools.cached_property
    def answers_relpath(self) -> Path:
        """The path of the answers file."""
        # Copier's own empties a part of the context that it renders with.
        with Phase.use(Phase.PROMPT):
            return super().answers_relpath

    @functools.cached_property
    def _context(self) -> dict[str, Any]:
        return dict(super()._render_context())

    def _render_context(self) -> Any:
        return dict(self._context) if Phase.current() is Phase.RENDER else super()._render_context()

    def _execute_tasks(self, tasks: Any) -> None:
        # The check of what was made takes less than a second. Ctrl-C is heard after it: a program that is interrupted
        # would print where it was. A mask goes on to children.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            super()._execute_tasks(tasks)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    @functools.cached_property
    def jinja_env(self) -> Any:
        """Copier's environment of Jinja, which remembers what it has compiled."""
        environment = super().jinja_env
        # Only in a virtual environment, which is the user's own. What is compiled depends on these besides the text.
        if sys.prefix != sys.base_prefix and os.access(sys.prefix, os.W_OK):
            depends = repr((version("jinja2"), version("copier"), self.template.envops))
            folder = Path(sys.prefix, "share", "jinja", hashlib.sha256(depends.encode()).hexdigest()[:12])
            folder.mkdir(parents=True, exist_ok=True)
            environment.bytecode_cache = Compiled(str(folder))
        compiled, found = functools.cache(environment.from_string), functools.cache(environment.get_template)

        def afresh(give: Callable[[Any], Any], source: Any) -> Any:
            # What Copier's extension does whenever it compiles.
            context = get_yield_context(environment)
            context.yield_name = context.yield_iterable = None
            return give(source)

        # A source that is no text is Copier's own business: it asks for the TypeError.
        plain = environment.from_string
        environment.from_string = lambda source: afresh(compiled if isinstance(source, str) else plain, source)  # type: ignore
        environment.get_template = lambda name, *_: afresh(found, name)  # type: ignore
        return environment


def use(template: Path) -> None:
    """Let Copier work with this class in this process, on a checkout of the template, and ask git about no file.

    It asks whether the repository ignores executable bits, for files that the repository tracks already: a new product
    has none. And it makes a copy of the checkout, with a commit of what has changed there and without what git ignores.
    Where there is neither, but for caches, which no product gets, the copy would be the same.
    """
    vars(copier._main).update(Worker=Worker, is_git_available=lambda: False)
    look = ["git", "-C", str(template), "status", "--porcelain", "--ignored", "-z"]
    done = subprocess.run(look, capture_output=True, text=True, check=False)
    if done.returncode == 0 and all(_NO_PART.match(entry) for entry in done.stdout.split("\0")[:-1]):
        setattr(Template, "local_abspath", template)  # noqa: B010 - to mypy, a property is no variable
