"""Runs the checks of scripts/validate on products in this process: what they read is read once."""

import functools
import importlib.machinery
import importlib.util
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests import support

SCRIPTS = support.ROOT / "template" / "scripts"
# What a check says when it has stumbled instead of looking.
STUMBLED = "stopped here"


@functools.cache
def _validate() -> Any:
    """Load the command as a module, with what it has read kept by text."""
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    sys.path.insert(0, str(SCRIPTS))
    try:
        loader = importlib.machinery.SourceFileLoader("validate_command", str(SCRIPTS / "validate"))
        module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))  # type: ignore[arg-type]
        loader.exec_module(module)
        module.all_checks("check")
    finally:
        sys.path.remove(str(SCRIPTS))
        sys.dont_write_bytecode = before
    # No check changes what it has read.
    module.documents.parse = functools.lru_cache(maxsize=4096)(module.documents.parse)
    return module


def looked_at(product: Path) -> tuple[list[str], int, list[str]]:
    """Return the lines that scripts/validate prints of a product, sorted, how many it keeps to itself, and what is unused."""
    validate = _validate()
    there = {path.stem for path in (product / "scripts" / "checks").glob("*.py")}
    every = validate.all_checks

    def own(begin: str) -> list[Any]:
        return [check for check in every(begin) if check.__module__.rpartition(".")[2] in there]

    validate.all_checks = own
    try:
        repository = validate.documents.read_repository(product)
        silent = validate.ignored.Ignored(repository)
        found = validate.find_problems(repository, silent)
    finally:
        validate.all_checks = every
    return [str(problem) for problem in sorted(set(found))], len(silent.silenced), silent.unused()


def problems(product: Path) -> list[str]:
    """Return the lines that scripts/validate prints of a product, sorted."""
    return looked_at(product)[0]


def tools(product: Path) -> list[Any]:
    """Return the tools that scripts/validate would run on a product, on PATH or not."""
    validate = _validate()
    return list(validate.tools._planned(validate.documents.read_repository(product)))


class Patient:
    """A copy of a product that is damaged and mended again and again."""

    def __init__(self, sound: Path, copy: Path) -> None:
        """Copy the product."""
        self.root = shutil.copytree(sound, copy, symlinks=True)
        self._sound = self._state()
        self._contents = {path: (self.root / path).read_bytes() for path in self._sound}

    def _state(self) -> dict[str, tuple[int, ...]]:
        found: dict[str, tuple[int, ...]] = {}
        for folder, folders, names in os.walk(self.root):
            for name in [*names, *(name for name in folders if Path(folder, name).is_symlink())]:
                path = Path(folder, name)
                status = path.lstat()
                found[str(path.relative_to(self.root))] = (status.st_mode, status.st_size, status.st_mtime_ns)
        return found

    @contextmanager
    def damaged(self, *edits: Callable[[Path], None]) -> Iterator[Path]:
        """Hand out the copy with some damage; afterwards it is whole again."""
        try:
            for edit in edits:
                edit(self.root)
            yield self.root
        finally:
            now = self._state()
            for path in set(now) - set(self._sound):
                (self.root / path).unlink()
                with suppress(OSError):  # Others are still there.
                    os.removedirs((self.root / path).parent)
            for path, state in self._sound.items():
                if now.get(path) != state:
                    (self.root / path).parent.mkdir(parents=True, exist_ok=True)
                    (self.root / path).unlink(missing_ok=True)
                    (self.root / path).write_bytes(self._contents[path])
                    (self.root / path).chmod(state[0] & 0o777)
                    os.utime(self.root / path, ns=(state[2], state[2]))


def replace(name: str, pattern: str, replacement: str) -> Callable[[Path], None]:
    """Return an edit that replaces the first match of a pattern in a file."""

    def edit(product: Path) -> None:
        path = product / name
        sound = path.read_bytes().decode("utf-8")
        damaged = re.sub(pattern, replacement, sound, count=1, flags=re.MULTILINE)
        assert damaged != sound, f"the damage hits nothing in {name}"
        path.write_bytes(damaged.encode("utf-8"))

    return edit


def calls(product: Path) -> dict[str, int]:
    """Return how many functions each check calls on a sound product."""
    validate = _validate()
    repository = validate.documents.read_repository(product)
    counted: dict[str, int] = {}
    for check in [*validate.all_checks("inspect"), *validate.all_checks("check")]:
        number = 0

        def count(_frame: Any, event: str, _argument: Any) -> None:
            nonlocal number
            number += event in ("call", "c_call")

        sys.setprofile(count)
        try:
            list(check(repository))
        finally:
            sys.setprofile(None)
        counted[f"{check.__module__}.{check.__name__}"] = number
    return counted
