"""The command: what is new, the merge, and what a person has to know of it."""

import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from gitops.process import CommandError, run
from gitops.repository import plain
from gitops.template import known, recorded

from . import merge, proposal
from .template import Template

_NEWER = 3
_CURRENT = ":current:"


def show_news(template: Template, version: str) -> str:
    """Return what an update to a version brings, to read before it is made."""
    if version == _CURRENT:
        return f"Template {template.current}, with other answers"
    return "\n".join([f"Template {template.current} -> {version}", "", *template.news(version)])


def report(result: merge.Merge, cure: bool = True) -> list[str]:
    """Return what a person has to know of an update."""
    lines: list[str] = []
    if result.answers:
        lines += ["", "Answers:", *[f"  {line}" for line in result.answers]]
    if result.notes:
        lines += ["", "Look twice:", *[f"  {line}" for line in result.notes]]
    if result.removed:
        lines += ["", f"Removed, though changed here (`git show {result.base[:12]}:PATH` has each):"]
        lines += [f"  {path}" for path in result.removed]
    if conflicts := result.conflicts():
        lines += [
            "",
            "Changed here and in the template: in each choose between <<<<<<< and >>>>>>>, then `git add` it:",
        ]
        lines += [f"  {path}" for path in conflicts]
    if result.problems:
        lines += ["", "Merged but not valid; fix what follows, then `make validate`:", result.problems]
    if cure:
        lines += ["", f"{len(result.changed())} files changed, staged. Look: git diff --staged; keep: git commit"]
        lines += [f"Back to before: git reset --hard {result.base[:12]}"]
    return lines


def show(*texts: str) -> None:
    """Print words of the template and of this repository, line by line."""
    for line in "\n".join(texts).split("\n"):
        print(plain(line), flush=True)


def update(given: Mapping[str, Any]) -> int:
    """Make the update that is asked for and return the status to end with."""
    bundle = given["bundle"] and str(Path(given["bundle"]).absolute())
    if bundle:
        Path(bundle).unlink(missing_ok=True)
    edits = given.get("edits")  # An older starter has no such option.
    if not (given["check"] or edits):
        merge.require_clean_tree()
        known()
    store = Path(given["store"])
    # What has started this may be older, and compare less.
    here = recorded(store, given["address"], given["current"])
    template = Template(given["address"], given["current"], given["version"], store, here)
    if edits:
        none = plain(f"Every file of the template {template.current} is as it was made") + "\n"
        # A patch as it is, byte by byte, so that git can apply it.
        sys.stdout.buffer.write((merge.edits(template) or none).encode("utf-8", "surrogateescape"))
        return 0
    answers = [f"--data={item}" for item in given["data"]]
    if wrong := [item for item in given["data"] if "=" not in item]:
        raise CommandError(f"--data {wrong[0]}: give it as --data QUESTION=ANSWER")
    if file := given["data_file"]:
        if not Path(file).is_file():
            raise CommandError(
                f"{file} is not there: give --data-file a file of answers, a line `question: answer` each"
            )
        answers.append(f"--data-file={Path(file).resolve()}")
    version = _CURRENT if answers and not given["to"] else given["version"]
    if version != _CURRENT and not template.is_newer(version) and not answers:
        if given["to"] and template.commit(version) != template.commit(template.current):
            raise CommandError(f"{version} is older than {template.current}: the template can't go back")
        print(plain(f"Template {template.current}: nothing is newer"))
        return 0
    show(show_news(template, version))
    if given["check"]:
        return _NEWER if version != _CURRENT else 0

    result = merge.merge(template, template.current if version == _CURRENT else version, answers)
    if given["branch"] or bundle:
        show(*report(result, cure=False))
        print(proposal.prepare(result, template.current, version, show_news(template, version), bundle))
        return 0
    merge.take_over(result)
    show(*report(result))
    return 1 if result.stages or result.problems else 0


def _interrupted(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main(given: Mapping[str, Any]) -> None:
    """Run the command and end."""
    signal.signal(signal.SIGTERM, _interrupted)
    run(lambda: sys.exit(update(given)), "interrupted; nothing has changed here")
