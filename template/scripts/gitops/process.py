"""Programs that are run here, and the one kind of error that ends a command with one line."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from .repository import ROOT, fail, one_line

# The scripts read what programs print, so these settings of a person must not count: colours, tables, and the one
# resource group that az would look into.
_READ = {"CLICOLOR_FORCE": "0", "GH_FORCE_TTY": "", "AZURE_CORE_OUTPUT": "json", "AZURE_DEFAULTS_GROUP": ""}


class CommandError(Exception):
    """It can't go on; the message is one line that says why and what to do, `details` all that a program said.

    Whatever runs a program may raise it.
    """

    def __init__(self, message: str, details: str = "") -> None:
        """Keep the message and what the program said."""
        super().__init__(message)
        self.details = details or message


def call(
    *command: str | Path,
    cwd: Path | None = None,
    stdin: str | bytes = "",
    timeout: float | None = None,
    env: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program at the root of the repository, or in a folder, and return what it prints, byte by byte.

    Args:
        command: the program and its arguments.
        cwd: the folder.
        stdin: what it reads.
        timeout: seconds to wait for its end.
        env: variables on top of those of this process.
    """
    argv = [str(part) for part in command]
    try:
        done = subprocess.run(
            argv,
            cwd=cwd or ROOT,
            input=stdin.encode("utf-8", "surrogateescape") if isinstance(stdin, str) else stdin,
            capture_output=True,
            check=False,
            timeout=timeout,
            env={**os.environ, **_READ, **(env or {})},
        )
    except FileNotFoundError as error:
        raise CommandError(f"{argv[0]} is not on PATH: install it") from error
    except subprocess.TimeoutExpired as error:
        raise CommandError(f"{argv[0]}: no answer in {error.timeout:.0f} s") from error
    texts = (text.decode("utf-8", "surrogateescape") for text in (done.stdout, done.stderr))
    return subprocess.CompletedProcess(argv, done.returncode, *texts)


def output(*command: str | Path, timeout: float | None = 120, **environment: str) -> str:
    """Return what a program prints."""
    done = call(*command, timeout=timeout, env=environment)
    if done.returncode:
        raise CommandError(one_line(done.stderr or done.stdout), done.stdout + done.stderr)
    return done.stdout


def patiently(ask: Callable[[], str], away: re.Pattern[str]) -> str:
    """Return an answer; ask again where an error says that a server was away: a roll-out must not end for a moment."""
    for pause in (1, 4):
        try:
            return ask()
        except CommandError as error:
            if not away.search(str(error)):
                raise
            time.sleep(pause)
    return ask()


def run(main: Callable[[], None], interrupted: str = "interrupted") -> None:
    """Run a command; what is wrong becomes one line and status 1, and each line is seen at once."""
    sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace")  # type: ignore[union-attr]
    try:
        main()
    except BrokenPipeError:  # Whoever reads has seen enough, as `head`. Python would try to write the rest at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except (CommandError, OSError, ValueError) as error:
        fail(str(error))
    except KeyboardInterrupt:
        fail(interrupted)
