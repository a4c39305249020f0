"""Runs programs, and says in one line what is wrong when one fails."""

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from gitops import process
from gitops.process import CommandError
from gitops.repository import one_line

Object = dict[str, Any]


def run(
    *command: str | Path,
    cwd: Path | None = None,
    stdin: str = "",
    timeout: float = 300,
    env: Mapping[str, str] | None = None,
) -> str:
    """Run a program and return what it prints; `env` comes on top of this process' environment."""
    done = process.call(*command, cwd=cwd, stdin=stdin, timeout=timeout, env=env)
    if done.returncode:
        raise CommandError(f"{Path(command[0]).name}: {one_line(done.stderr or done.stdout)}")
    return done.stdout


def show(*command: str | Path, cwd: Path, env: Mapping[str, str]) -> None:
    """Run a program whose output is for the person."""
    argv = [str(part) for part in command]
    status = subprocess.run(argv, cwd=cwd, check=False, env={**os.environ, **env}).returncode
    if status:
        raise CommandError(f"{argv[0]} ended with status {status}, see above")


def succeeds(*command: str | Path, **options: Any) -> bool:
    """Tell whether a program ends without an error."""
    try:
        run(*command, **options)
    except CommandError:
        return False
    return True


@contextlib.contextmanager
def step(what: str) -> Iterator[None]:
    """Say what begins, and once it is done, how long it took."""
    print(f"{what} ...")
    begun = time.monotonic()
    yield
    print(f"{what}: {time.monotonic() - begun:.1f} s")


def documents(text: str) -> list[Object]:
    """Read JSON documents that follow each other, as kubectl prints them."""
    decoder, objects, at = json.JSONDecoder(), [], 0
    while text[at:].strip():
        item, at = decoder.raw_decode(text, at + len(text[at:]) - len(text[at:].lstrip()))
        objects.append(item)
    return objects


def wait_until(what: str, check: Callable[[], bool], seconds: float, pause: float = 0.5) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not check():
        if time.monotonic() > deadline:
            raise CommandError(f"{what}: not so after {seconds:.0f} s")
        time.sleep(pause)
