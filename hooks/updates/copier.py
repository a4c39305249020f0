"""Copier: which one there is, and how it is called."""

import ast
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from gitops.process import CommandError, output

from .template import Template

# 9.19.0 ends in a traceback with git 2.39.
MINIMUM = (9, 19, 1)
# What stands before the message in the last line of a traceback, and around what the template refuses.
_WRAPPING = re.compile(r"^(?:[\w.]+Error: )?(?:'dict object' has no attribute ['\"](.*)['\"]|(.*))$")
QUESTION = re.compile(r"(?:Validation error for question|Invalid choice for) '(\w+)': ")
# What is chosen and is no choice, and the choices.
_NO_CHOICE = re.compile(r"(.*) is not in (\[.*\])\Z")
# What Copier says, as a whole, and what it means.
_MEANT = {
    r"AssertionError": "a folder here has the name of a file of the template: rename it, and commit",
    r".*codec can't decode.*": "the name of a file here is not in UTF-8: rename it, and commit",
}
# Settings that people have for the clones that they work in, and what an update needs instead.
_UNSET = {
    "core.hooksPath": os.devnull,
    "core.excludesFile": os.devnull,
    "core.attributesFile": os.devnull,
    "core.sparseCheckout": "false",
    # With others, git applies none of the edits, or some of them to lines that only look alike.
    "apply.whitespace": "nowarn",
    "apply.ignoreWhitespace": "no",
}


def command(template: Template) -> list[str]:
    """Return how Copier is called on this machine: the one on PATH, or else the one that the template pins.

    Raises:
        CommandError: there is none, and it can't be installed.
    """
    if program := shutil.which("copier"):
        done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
        numbers = re.search(r"\d+(\.\d+)+", done.stdout)
        if numbers and MINIMUM <= tuple(map(int, numbers[0].split("."))) < (10,):
            return [program]
    pinned = template.git("show", f"{template.commit(template.wanted)}:requirements/new.txt")
    folder = template.store / f"copier-{hashlib.sha256(pinned.encode()).hexdigest()[:12]}"
    if not folder.exists():
        print("Installing Copier, since PATH has none that is new enough ...", flush=True)
        try:
            _install(pinned, folder)
        except CommandError as error:
            needed = ".".join(map(str, MINIMUM))
            raise CommandError(f"install Copier {needed} or newer: it can't be installed here ({error})") from error
    return [str(folder / "bin" / "python"), "-m", "copier"]


def _install(pinned: str, folder: Path) -> None:
    """Make an environment with the packages of a list, whole or not at all."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        environment, listed = Path(scratch, "environment"), Path(scratch, "requirements.txt")
        listed.write_text(pinned, encoding="utf-8")
        output(sys.executable, "-m", "venv", environment)
        pip = (environment / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        output(*pip, "--require-hashes", "--only-binary", ":all:", "--requirement", listed, timeout=600)
        for older in folder.parent.glob("copier-*"):
            shutil.rmtree(older, ignore_errors=True)
        environment.rename(folder)


def message(output: str) -> str:
    """Return the last line of what Copier has printed, without what a traceback puts around it."""
    lines = [line for line in output.splitlines() if line.strip()]
    # What a hook has said stands before Copier's word that it failed.
    said = [line for line in lines if line.startswith("error: ")]
    found = _WRAPPING.match((said or lines)[-1].strip().removeprefix("error: ")) if lines else None
    said_last = refusal(found[1] or found[2]).rstrip(";. ") if found else "copier ended without a word"
    return next((meant for words, meant in _MEANT.items() if re.fullmatch(words, said_last)), said_last)


def refusal(text: str) -> str:
    """Return what Copier says of an answer, which begins with the name of the question, and then with the cure."""
    question = QUESTION.match(text)
    if question and (no_choice := _NO_CHOICE.fullmatch(text[question.end() :])):
        *others, last = ast.literal_eval(no_choice[2])
        given = no_choice[1].strip("'\"")
        none = "neither" if len(others) == 1 else "none of them"
        return f'{question[1]}: choose {", ".join(others)} or {last}: "{given}" is {none}'
    return QUESTION.sub(r"\1: ", text)


def unset(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that add these settings to those that an environment gives git already."""
    count = int(environment.get("GIT_CONFIG_COUNT") or 0)
    variables = {"GIT_CONFIG_COUNT": str(count + len(_UNSET))}
    for number, (key, value) in enumerate(_UNSET.items(), count):
        variables |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return variables


def run(program: list[str], arguments: list[str], folder: Path, environment: dict[str, str]) -> tuple[int, str]:
    """Run Copier in a folder; return its status and what it has printed.

    However this ends, Copier ends first: nobody writes to the folder after that.
    """
    with subprocess.Popen(
        [*program, *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**environment, **unset(environment)},
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
