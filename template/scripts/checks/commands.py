"""What Make, the pipelines and scripts call exists and can be run, and scripts can be read by what runs them."""

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache

from .documents import Problem, Repository

_SCRIPT = re.compile(r"(?<![\w./-])(?P<by>(?:python3?|sh|bash) )?(?:\./)?(?P<path>scripts/[\w./-]*\w)")
# The Makefile and whatever a pipeline may be written in; what the user wrote in words about them is none.
_CALLERS = re.compile(r"Makefile|([\w/]+[./])?Jenkinsfile|\.github/(workflows|actions)/.*|scripts/[\w-]+")
_IMPORT = re.compile(r"^[ \t]*(?:from (?P<module>[\w.]+) )?import (?P<names>\([^)]*\)|[^\n;]*)", re.MULTILINE)
_SHELLS = {"sh": "sh", "dash": "sh", "bash": "bash"}


def check(repository: Repository) -> Iterator[Problem]:
    """Check every script that is named."""
    for path in repository.files:
        if not _CALLERS.fullmatch(path):
            continue
        for number, line in enumerate(repository.text(path).splitlines(), 1):
            # Comments may name what is not there yet.
            for script in _SCRIPT.finditer(line.partition("# ")[0]):
                yield from _check_call(repository, path, number, script["path"], bool(script["by"]))


def _check_call(repository: Repository, path: str, number: int, script: str, interpreted: bool) -> Iterator[Problem]:
    if not repository.exists(script):
        # The name of a file that is written, as of requirements, may have a suffix; the scripts have none.
        if not path.startswith("scripts/") or "." not in script:
            yield Problem(path, number, f"calls {script}, which does not exist: add it or mend the name")
        return
    where = os.path.join(repository.root, script)
    if not interpreted and "." not in script and os.path.isfile(where) and not os.access(where, os.X_OK):
        yield Problem(path, number, f"calls {script}, which is not executable: chmod +x {script}")


def inspect(repository: Repository) -> Iterator[Problem]:
    """Look at every script by itself."""
    shells: dict[str, list[str]] = {}
    for path in repository.files:
        if not path.startswith("scripts/"):
            continue
        text = repository.text(path)
        first = text.partition("\n")[0].rstrip("\r")
        if path.endswith(".py") or "python" in first:
            yield from _inspect_python(repository, path, text)
        elif match := re.fullmatch(r"#!\s*/(?:usr/)?bin/(?:env )?(\w+).*", first):
            if match[1] in _SHELLS:
                shells.setdefault(_SHELLS[match[1]], []).append(path)
        elif path.count("/") == 1 and "." not in path:
            yield Problem(path, 1, "does not say what runs it: begin it with #!/bin/sh or #!/usr/bin/env python3")
    for shell, paths in shells.items():
        if shutil.which(shell):
            yield from _inspect_shell(repository, shell, paths)


def parse(text: str) -> ast.AST:
    """Return the syntax tree of Python code.

    Raises:
        SyntaxError, ValueError: it is not Python.
    """
    return ast.parse(text)


def imports(text: str) -> list[tuple[int, str, bool]]:
    """Return line and name of every module that Python code imports, and whether it may be a value in one."""
    found = []
    for match in _IMPORT.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        package = f"{match['module']}." if match["module"] else ""
        names = re.findall(r"([\w.]+)(?:\s+as\s+\w+)?", re.sub(r"#.*", "", match["names"]))
        found += [(line, package + name, bool(package)) for name in names]
        if package:
            found.append((line, match["module"], False))
    return found


@cache
def _loaded() -> frozenset[str]:
    return frozenset(getattr(module, "__file__", None) or "" for module in sys.modules.values())


def _inspect_python(repository: Repository, path: str, text: str) -> Iterator[Problem]:
    try:
        # What runs this has been read already, and reading is what takes the time here.
        if os.path.join(repository.root, path) not in _loaded():
            parse(text)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", 0) or 0
        yield Problem(path, line, f"is not valid Python ({getattr(error, 'msg', error)}): mend the line")
        return
    for line, name, may_be_value in imports(text):
        yield from _inspect_import(repository, path, line, name, may_be_value)


def _inspect_import(repository: Repository, path: str, line: int, name: str, may_be_value: bool) -> Iterator[Problem]:
    """Look whether a module of our own that is imported is there."""
    package, _, rest = name.partition(".")
    where = f"scripts/{name.replace('.', '/')}"
    if not rest or not repository.exists(f"scripts/{package}/__init__.py"):
        return
    if repository.exists(f"{where}.py") or repository.exists(where):
        return
    parent = where.rpartition("/")[0]
    # What is imported from a module that is there is a value in it; a package of ours holds modules alone.
    if may_be_value and (repository.exists(f"{parent}.py") or repository.text(f"{parent}/__init__.py").count("\n") > 5):
        return
    if may_be_value and not repository.exists(parent):
        return  # Said of the module already.
    yield Problem(path, line, f"imports {name}, which is not in scripts/: restore {where}.py from history")


def syntax_errors(repository: Repository, shell: str, paths: list[str]) -> list[str]:
    """Return what a shell says of scripts that it can't read: lines that begin with the path, then the line."""
    loop = f'for path; do "$(command -v {shell})" -n "./$path" || true; done'
    done = subprocess.run(
        ["sh", "-c", loop, "sh", *paths],
        cwd=repository.root,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        stdin=subprocess.DEVNULL,
    )
    return done.stderr.splitlines()


def _inspect_shell(repository: Repository, shell: str, paths: list[str]) -> Iterator[Problem]:
    said: set[str] = set()
    for line in syntax_errors(repository, shell, paths):
        match = re.match(r"\./(?P<path>.+?): (?:line )?(?P<line>\d+): (?P<what>.*)", line)
        if match and match["path"] in paths and match["path"] not in said:
            said.add(match["path"])
            yield Problem(match["path"], int(match["line"]), f"{shell} can't read it ({match['what']}): mend the line")
