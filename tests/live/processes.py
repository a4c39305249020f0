"""Processes of the harness: started in the background with a log each, and ended for certain."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from .settings import CACHE, MARK

HEARTBEAT = 30.0
"""Seconds between the lines that say that a long step is still at work."""


class LiveError(RuntimeError):
    """The harness can't go on; the message says why and what to do."""


class EndedError(LiveError):
    """A process ended while the harness waited for it: waiting longer is of no use."""


def say(message: str) -> None:
    """Print one line of progress at once, also when the output is a pipe."""
    print(f"live: {message}", file=sys.stderr, flush=True)


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of the harness' processes: the caller's, the mark, and no Kubernetes or Go settings."""
    drop = ("KUBE", "GIT_", "GO")
    env = {key: value for key, value in os.environ.items() if not key.startswith(drop)}
    env[MARK[0]] = MARK[1]
    env.update(extra or {})
    return env


@contextmanager
def step(name: str) -> Iterator[None]:
    """Say when a step starts, every half minute that it goes on, and when it is done, with the seconds."""
    say(f"{name} …")
    started, done = time.monotonic(), threading.Event()

    def beat() -> None:
        while not done.wait(HEARTBEAT):
            say(f"{name}: still at work, {time.monotonic() - started:.0f} s")

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
        say(f"{name}: done in {time.monotonic() - started:.0f} s")
    finally:
        done.set()


def run(
    *args: str | Path,
    stdin: str | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout: float | None = 300,
) -> str:
    """Run a command and return its standard output.

    Raises:
        LiveError: it failed; the message holds the command and the end of what it printed.
    """
    argv = [str(arg) for arg in args]
    result = subprocess.run(
        argv,
        input=stdin,
        capture_output=True,
        text=True,
        env=environment(env),
        cwd=cwd,
        timeout=timeout,
        check=False,
    )
    if result.returncode != 0:
        tail = "\n".join((result.stdout + result.stderr).strip().splitlines()[-25:])
        raise LiveError(f"`{' '.join(argv)}` failed ({result.returncode}):\n{tail}")
    return result.stdout


def tail(path: Path, lines: int = 15) -> str:
    """The last lines of a log, for an error message."""
    if not path.exists():
        return "(no log)"
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])


def wait_for(what: str, check: Callable[[], bool], timeout: float = 60, interval: float = 0.1) -> None:
    """Call `check` until it is true. A check that raises OSError or LiveError counts as not yet true.

    Raises:
        LiveError: it did not become true in `timeout` seconds.
    """
    deadline = time.monotonic() + timeout
    last = ""
    while time.monotonic() < deadline:
        try:
            if check():
                return
        except EndedError:
            raise
        except (OSError, LiveError) as error:
            last = f": {error}"
        time.sleep(interval)
    raise LiveError(f"{what}: not so after {timeout:.0f} s{last}")


class Daemon:
    """A process in the background, in a session of its own so that Ctrl-C in a terminal reaches only the harness."""

    def __init__(self, name: str, argv: Sequence[str | Path], logs: Path, env: Mapping[str, str] | None = None) -> None:
        self.name = name
        self.log = logs / f"{name}.log"
        logs.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                [str(arg) for arg in argv],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=environment(env),
                cwd="/",
                start_new_session=True,
            )

    def require_running(self) -> None:
        """Raise with the end of the log if the process has ended."""
        if self.process.poll() is not None:
            raise EndedError(f"{self.name} ended ({self.process.returncode}); {self.log}:\n{tail(self.log)}")

    def wait_ready(self, check: Callable[[], bool], timeout: float = 60) -> None:
        """Wait until `check` is true; fail at once, with the log, when the process ends before."""

        def alive_and_ready() -> bool:
            self.require_running()
            return check()

        try:
            wait_for(f"{self.name} is ready", alive_and_ready, timeout)
        except EndedError:
            raise
        except LiveError as error:
            raise LiveError(f"{error}\n{self.log}:\n{tail(self.log)}") from None

    def stop(self) -> None:
        """SIGKILL to the whole group: nothing here has state worth a graceful end."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def program(name: str) -> str:
    """The path of a program on PATH.

    Raises:
        LiveError: there is none; says how to get it.
    """
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if found is None:
        raise LiveError(f"{name} is missing; `python -m tests.live build` installs it (cache: {CACHE})")
    return found
