"""Copier: which one there is, and how it is called."""

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

from gitops.process import CommandError
from gitops.repository import ROOT

# 9.19.0 ends in a traceback with git 2.39.
MINIMUM = (9, 19, 1)
# What stands before the message in the last line of a traceback, and around what the template refuses.
_WRAPPING = re.compile(r"^(?:[\w.]+Error: )?(?:'dict object' has no attribute ['\"](.*)['\"]|(.*))$")
_QUESTION = re.compile(r"(?:Validation error for question|Invalid choice for) '(\w+)': ")


def command() -> list[str]:
    """Return how Copier is called on this machine.

    Raises:
        CommandError: there is none.
    """
    found = ""
    # `make copier` installs it there, which is on nobody's PATH.
    places = os.pathsep.join([str(ROOT / ".venv" / "bin"), os.environ.get("PATH", os.defpath)])
    if program := shutil.which("copier", path=places):
        done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
        numbers = re.search(r"\d+(\.\d+)+", done.stdout)
        found = numbers[0] if numbers else "one that does not start"
        if numbers and MINIMUM <= tuple(map(int, numbers[0].split("."))) < (10,):
            return [program]
    raise CommandError(f"{f'copier here is {found}' if found else 'copier is missing'}: run `make copier`")


def message(output: str) -> str:
    """Return the last line of what Copier has printed, without what a traceback puts around it."""
    lines = [line for line in output.splitlines() if line.strip()]
    # What a hook has said stands before Copier's word that it failed.
    said = [line for line in lines if line.startswith("error: ")]
    found = _WRAPPING.match((said or lines)[-1].strip().removeprefix("error: ")) if lines else None
    return _QUESTION.sub(r"\1: ", found[1] or found[2]).rstrip(";. ") if found else "copier ended without a word"


def run(arguments: list[str], folder: Path, environment: dict[str, str]) -> tuple[int, str]:
    """Run Copier in a folder; return its status and what it has printed.

    However this ends, Copier ends first: nobody writes to the folder after that.
    """
    with subprocess.Popen(
        [*command(), *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        start_new_session=True,
    ) as process:
        try:
            output = process.communicate()[0]
        except BaseException:
            _end(process)
            raise
    return process.returncode, output


def _end(process: "subprocess.Popen[str]") -> None:
    """Interrupt a process as Ctrl-C does, and kill it with its children if that does not help."""
    os.killpg(process.pid, signal.SIGINT)
    try:
        process.communicate(timeout=10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
