"""Runs programs, says in one line what is wrong when one fails, and what this machine needs before anything is made."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from gitops import process
from gitops.process import CommandError
from gitops.repository import one_line

Object = dict[str, Any]

# Program → how it is installed.
_PROGRAMS = {
    "git": "https://git-scm.com/downloads",
    "kubectl": "https://kubernetes.io/docs/tasks/tools",
    "helm": "https://helm.sh/docs/intro/install",
    "docker": "https://docs.docker.com/get-started/get-docker",
    "kind": "https://kind.sigs.k8s.io/docs/user/quick-start#installation",
}


def run(*command: str | Path, timeout: float = 300, **options: Any) -> str:
    """Run a program and return what it prints; the options are those of `process.call`."""
    done = process.call(*command, timeout=timeout, **options)
    if done.returncode:
        # Kind quotes the program that failed at the end.
        said = (done.stderr or done.stdout).rpartition("Command Output:")[2]
        raise CommandError(f"{Path(command[0]).name}: {one_line(said)}")
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


def check_machine(*, kind: bool) -> None:
    """Look at all that is needed; kind is not, on a cluster that is there already."""
    missing = [name for name in _PROGRAMS if not shutil.which(name) and (kind or name != "kind")]
    troubles = [f"{name} is not on PATH: {_PROGRAMS[name]}" for name in missing]
    if "docker" not in missing:
        try:
            run("docker", "version", timeout=20)
        except CommandError as error:
            troubles.append(_engine(str(error)))
        if not succeeds("docker", "buildx", "version", timeout=20):
            troubles.append("docker buildx is missing: install docker-buildx-plugin, or your system's docker-buildx")
    if troubles:
        for trouble in troubles[:-1]:
            print(f"local: {trouble}", file=sys.stderr)
        raise CommandError(troubles[-1])


def _engine(said: str) -> str:
    """Return the cure of a Docker that does not answer."""
    if re.search("permission denied", said, re.IGNORECASE):
        return "Docker refuses this user: sudo usermod -aG docker $USER, then sign in again"
    start = "sudo systemctl start docker" if sys.platform == "linux" else "open Docker Desktop"
    return f"Docker does not answer: start it ({start}, or what brings your Docker), or choose another docker context"
