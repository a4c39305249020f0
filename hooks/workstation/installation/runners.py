"""The runners of our own, on which every job of the workflows runs: is one there, and who may run code on it?"""

import re
from collections.abc import Iterator

from cloud import github_environments
from gitops.process import CommandError
from gitops.repository import ROOT

from . import github
from .report import Line, Pool, ok, warning


def labels() -> list[str]:
    """Return the labels that the workflows ask for."""
    text = (ROOT / ".github" / "workflows" / "check.yml").read_text(encoding="utf-8")
    found = re.search(r"^ +runs-on: (.*)$", text, re.MULTILINE)
    return re.findall(r"[^][, ]+", found[1]) if found else []


def checks(pool: Pool) -> Iterator[Line]:
    """Check what is GitHub's, then the runners; jobs that find none wait for a day and fail."""
    repository = github_environments.repository()
    wanted = labels()
    query = '[.runners[] | select(.status == "online") | [.labels[].name | ascii_downcase]] | map(join(",")) | .[]'
    online = pool.ask("gh", "api", "--paginate", f"repos/{repository}/actions/runners", "--jq", query)
    visible = pool.ask("gh", "api", f"repos/{repository}", "--jq", ".visibility")
    lines = list(github.checks(pool))
    yield from lines
    if any(line.text.startswith("GitHub: not signed in") for line in lines):
        return
    try:
        if visible.result().strip() == "public":
            cure = "make it private, or let runs of outside contributors wait for approval (Settings, Actions)"
            yield warning(f"runners: {repository} is public: anyone's pull request runs code on them", cure)
        listed = [set(line.split(",")) for line in online.result().splitlines()]
    except CommandError as error:
        listed, why = [], f" ({error})"
    else:
        why = ""
    name = ", ".join(wanted)
    if count := sum({label.lower() for label in wanted} <= one for one in listed):
        yield ok(f"runners: {count} online with {name}")
    else:
        where = "see that the organisation or a scale set has one, which this list does not show"
        yield warning(f"runners: the repository lists none online with {name}{why}", where)
