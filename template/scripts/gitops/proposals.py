"""Changes that a person decides on: a branch, and a pull request where the forge's CLI can open one."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .addresses import request_page, web_page
from .publish import PublishError, git, need_history, publish, push
from .repository import BRANCH, REMOTE, ROOT

_MERGE_REQUEST = re.compile(r"https?://\S+/merge_requests/\d+")
_NO_CHECKS = """\

**Its checks wait for a person**, as GitHub's own token has opened it: press *Approve workflows to run*, or close and
reopen it. *A token for proposals* in README.md makes them start by themselves."""


class OthersWorkError(PublishError):
    """The branch of a proposal holds commits that are not of these scripts."""


@dataclass(frozen=True)
class Proposal:
    """A commit that is proposed, with the title and the text of its pull request; a draft can't be merged as it is."""

    commit: str
    title: str
    body: str
    draft: bool = False


def web_address() -> str:
    """Return the https address of the repository, without `.git`."""
    return web_page(git("remote", "get-url", REMOTE))


def has_work_of_others(tip: str, commit: str, trailer: str) -> bool:
    """Tell whether a proposal holds commits without the trailer by which those of these scripts are known."""
    need_history()
    own = git("log", "-z", f"--format=%(trailers:key={trailer},valueonly,separator=%x2C)", f"{tip}..{commit}")
    return not all(own.split("\0")[:-1])


def pull_requests(branch: str, fields: str) -> list[dict[str, Any]]:
    """Return what `gh` knows of this repository's pull requests of a branch, newest first; nothing without `gh`.

    A fork may have a branch of the same name.
    """
    if not shutil.which("gh"):
        return []
    done = _gh("list", "--head", branch, "--state", "all", "--limit", "100", "--json", f"isCrossRepository,{fields}")
    try:
        listed: list[dict[str, Any]] = json.loads(done.stdout or "[]")
    except ValueError:
        return []
    return [one for one in listed if not one["isCrossRepository"]]


def propose(branch: str, make: Callable[[str], Proposal | None]) -> str:
    """Push a proposal as a branch, and open or renew its pull request.

    Args:
        branch: its name.
        make: gives the proposal that takes the place of the branch's newest commit, which is empty where there is
            none; None to take back what is proposed.

    Returns:
        One line that says where it is, or how to open it by hand where `gh` is missing or not signed in.

    Raises:
        RefusedError: the server refuses the branch.
        OthersWorkError: as `make` does.
    """
    proposal: Proposal | None = None
    opened = ""

    def commit(earlier: str) -> str | None:
        nonlocal proposal
        proposal = make(earlier)
        if proposal is None:
            return "" if earlier else None
        same = "--format=%T %P %B"
        if earlier and git("show", "--no-patch", same, earlier) == git("show", "--no-patch", same, proposal.commit):
            return None
        return proposal.commit

    def send(branch: str, commit: str, tip: str) -> None:
        nonlocal opened
        opened = _send(branch, commit, tip, proposal)

    publish(commit, branch, send)
    if proposal is None:
        return f"{branch}: nothing is left to propose"
    return f"proposed {opened}" if opened else _request(branch, proposal)


def _send(branch: str, commit: str, tip: str, proposal: Proposal | None) -> str:
    """Push the branch; return the address of the merge request that the server has opened or renewed, if it does."""
    if proposal is None or "gitlab" not in git("remote", "get-url", REMOTE):
        push(branch, commit, tip)
        return ""
    # https://docs.gitlab.com/topics/git/commit/#push-options; it reads \n as the end of a line.
    options = [
        *("create", f"target={BRANCH}", "remove_source_branch", f"title={proposal.title}"),
        "description=" + proposal.body.replace("\n", r"\n"),
        *(["draft"] if proposal.draft else []),
    ]
    try:
        said = push(branch, commit, tip, tuple(f"merge_request.{option}" for option in options))
    except PublishError as error:
        if "does not support push options" not in str(error):
            raise
        said = push(branch, commit, tip)
    return match[0] if (match := _MERGE_REQUEST.search(said)) else ""


def _request(branch: str, proposal: Proposal) -> str:
    """Open a pull request for a branch that is on the server, or renew the one that is open; say where it is."""
    by_hand = request_page(web_address(), branch, BRANCH)
    if not shutil.which("gh"):
        return f"pushed {branch}: open the pull request at {by_hand}"
    own_token = os.environ.get("GITHUB_TOKEN")
    body = proposal.body + (_NO_CHECKS if own_token and os.environ.get("GH_TOKEN", own_token) == own_token else "")
    text = ["--title", proposal.title, "--body", body]
    create = ["create", "--base", BRANCH, "--head", branch, *text]
    opened = _gh(*create, *(["--draft"] if proposal.draft else []))
    if proposal.draft and "draft" in opened.stderr.lower():  # Private repositories of a free plan have none.
        opened = _gh(*create)
    if opened.returncode and "already exists" in opened.stderr:
        opened = _gh("edit", branch, *text)
    if opened.returncode == 0:
        return f"proposed {opened.stdout.strip() or by_hand}"
    return f"pushed {branch}: open the pull request at {by_hand} (gh: {' '.join(opened.stderr.split())})"


def _gh(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["gh", "pr", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
