"""Commits that get onto the server, however many others push at the same time, and changes that a person decides on.

A proposal is a branch, and a pull request where the forge's CLI can open one.
"""

import json
import os
import random
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import process
from .git import alone_in_this_clone, completed, find_tip, git, is_ancestor, need_history, remote_tip
from .process import CommandError
from .repository import REMOTE, ROOT, main_branch, plain, request_page, web_page

# A refusal while nobody else has pushed is the server's last word after this many tries, whatever its words; two are
# enough where GitHub, GitLab, Gitea or Azure DevOps say that a rule forbids it.
_TRIES_WITHOUT_RIVAL = 10
_FORBIDDEN = re.compile(r"GH006|GH013|TF402455|protected branch|not allowed to push", re.IGNORECASE)
# What GitHub says to an identity that a ruleset lets past.
_BYPASSED = re.compile(r"Bypassed rule violations.*")
_LONGEST_PAUSE = 4.0
_MERGE_REQUEST = re.compile(r"https?://\S+/merge_requests/\d+")
_NO_CHECKS = """\

**Its checks wait for a person**, as GitHub's own token has opened it: press *Approve workflows to run*, or close and
reopen it. *A token for proposals* in README.md makes them start by themselves."""


class RefusedError(CommandError):
    """The server refuses the push for good, as it does on a protected branch."""


def _advance_local_branch(commit: str) -> None:
    """Bring this clone's main branch along, where that is a plain step forward."""
    try:
        current = git("symbolic-ref", "-q", "HEAD").strip()
    except CommandError:  # No branch is checked out.
        return
    if current == f"refs/heads/{main_branch()}":
        with alone_in_this_clone() as lock:
            # In a session of its own: killed half-way, git would leave the index locked. It takes the lock along.
            subprocess.run(
                ["git", "merge", "--quiet", "--ff-only", commit],
                cwd=ROOT,
                capture_output=True,
                check=False,
                start_new_session=True,
                pass_fds=[lock],
            )


class _Pauses:
    """Waits of random length that grow, so that rivals come apart."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._deadline = time.monotonic() + timeout
        self._longest = 0.2

    def wait(self, error: CommandError) -> None:
        """Wait before the next try."""
        if time.monotonic() > self._deadline:
            raise CommandError(f"gave up after {self._timeout:.0f} s: {error}") from error
        time.sleep(random.uniform(0, self._longest))
        self._longest = min(self._longest * 1.5, _LONGEST_PAUSE)


def push(branch: str, commit: str, tip: str, options: tuple[str, ...] = ()) -> str:
    """Push a commit as a branch that is at `tip`, or delete the branch where both are empty but `tip`.

    Rules that the server has not applied to this identity are printed.

    Returns:
        What the server says.
    """
    words = [f"--push-option={option}" for option in options]
    lease = f"--force-with-lease=refs/heads/{branch}:{tip}"
    said = completed("push", "--quiet", *words, lease, REMOTE, f"{commit}:refs/heads/{branch}").stderr
    if bypassed := _BYPASSED.search(said):
        print(plain(f"{REMOTE}: {bypassed[0]}"))
    return said


def publish(
    make: Callable[[str], str | None],
    branch: str = "",
    send: Callable[[str, str, str], object] = push,
    timeout: float = 300,
) -> str | None:
    """Make a commit on the newest one of a branch and push it; begin again when others were faster.

    Args:
        make: gives the commit that takes the place of the newest, which is empty where there is no such branch; None
            when there is nothing to change, nothing to delete the branch.
        branch: the one that is pushed to; the main branch where none is named.
        send: pushes, as `push` does.
        timeout: seconds to go on trying.

    Returns:
        The commit that landed, or None when there was nothing to change.

    Raises:
        RefusedError: the server refuses although nobody else pushes.
        CommandError: git failed, or the time is over.
    """
    pauses = _Pauses(timeout)
    branch = branch or main_branch()
    tip = remote_tip() if branch == main_branch() else find_tip(branch)
    refusals = 0
    while True:
        commit = make(tip)
        if commit is None:
            return None
        try:
            send(branch, commit, tip)
            break
        except CommandError as error:
            # First wait, then look: what was newest before the wait is not when many push.
            before, tip = tip, _next_tip(branch, pauses, error)
            if tip == commit or is_ancestor(commit, tip):
                break  # It had landed: only the answer was lost.
            refusals = refusals + 1 if tip == before else 0
            if refusals >= (2 if _FORBIDDEN.search(str(error)) else _TRIES_WITHOUT_RIVAL):
                raise RefusedError(str(error)) from error
    if branch == main_branch():
        _advance_local_branch(commit)
    return commit


def _next_tip(branch: str, pauses: _Pauses, error: CommandError) -> str:
    """Wait, then return the newest commit on the server, which may be out of reach for a while."""
    while True:
        pauses.wait(error)
        try:
            return find_tip(branch)
        except CommandError as away:
            error = away


class OthersWorkError(CommandError):
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
    """Tell whether a proposal holds commits of people: without the trailer of these scripts, or amended.

    An amended commit keeps its trailer and the time of its author, but has a later time of its committer.
    """
    need_history()
    shape = f"--format=%at %ct %(trailers:key={trailer},valueonly,separator=%x2C)"
    commits = [line.split(" ", 2) for line in git("log", "-z", shape, f"{tip}..{commit}").split("\0")[:-1]]
    return any(author != committer or not known for author, committer, known in commits)


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
        *("create", f"target={main_branch()}", "remove_source_branch", f"title={proposal.title}"),
        "description=" + proposal.body.replace("\n", r"\n"),
        *(["draft"] if proposal.draft else []),
    ]
    try:
        said = push(branch, commit, tip, tuple(f"merge_request.{option}" for option in options))
    except CommandError as error:
        if "does not support push options" not in str(error):
            raise
        said = push(branch, commit, tip)
    return match[0] if (match := _MERGE_REQUEST.search(said)) else ""


def _request(branch: str, proposal: Proposal) -> str:
    """Open a pull request for a branch that is on the server, or renew the one that is open; say where it is."""
    by_hand = request_page(web_address(), branch, main_branch())
    if not shutil.which("gh"):
        return f"pushed {branch}: open the pull request at {by_hand}"
    own_token = os.environ.get("GITHUB_TOKEN")
    body = proposal.body + (_NO_CHECKS if own_token and os.environ.get("GH_TOKEN", own_token) == own_token else "")
    text = ["--title", proposal.title, "--body", body]
    create = ["create", "--base", main_branch(), "--head", branch, *text]
    opened = _gh(*create, *(["--draft"] if proposal.draft else []))
    if proposal.draft and "draft" in opened.stderr.lower():  # Private repositories of a free plan have none.
        opened = _gh(*create)
    if opened.returncode and "already exists" in opened.stderr:
        opened = _gh("edit", branch, *text)
    if opened.returncode == 0:
        return f"proposed {opened.stdout.strip() or by_hand}"
    return f"pushed {branch}: open the pull request at {by_hand} (gh: {' '.join(opened.stderr.split())})"


def _gh(*arguments: str) -> subprocess.CompletedProcess[str]:
    return process.call("gh", "pr", *arguments)
