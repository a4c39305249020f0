"""Commits on the newest main branch, pushed however many others push at the same time.

A commit is made from Git objects alone: neither the working tree nor the index nor any branch of this clone is touched
before the server has accepted it, so that a run that is killed leaves nothing to mend.
"""

import contextlib
import fcntl
import functools
import os
import random
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .repository import BRANCH, REMOTE, ROOT, plain

# A refusal while nobody else has pushed is the server's last word after this many tries, whatever its words; two are
# enough where GitHub, GitLab or Gitea say that a rule forbids it.
_TRIES_WITHOUT_RIVAL = 10
_FORBIDDEN = re.compile(r"GH006|GH013|protected branch|not allowed to push", re.IGNORECASE)
# What GitHub says to an identity that a ruleset lets past.
_BYPASSED = re.compile(r"Bypassed rule violations.*")
_LONGEST_PAUSE = 4.0
# What people set for themselves must not change what is read here, nor what is pushed.
_NEUTRAL = [
    option
    for setting in (
        "log.showSignature=false",
        "log.follow=false",
        "color.ui=false",
        "i18n.commitEncoding=UTF-8",
        "i18n.logOutputEncoding=UTF-8",
        "fetch.recurseSubmodules=false",
        "push.recurseSubmodules=no",
        "push.followTags=false",
    )
    for option in ("-c", setting)
]
# Objects only: no reference of this clone is written, for others may run in it at the same time.
_FETCH = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--refmap=")


class PublishError(Exception):
    """The commit did not land; the message says why and what to do."""


class RefusedError(PublishError):
    """The server refuses the push for good, as it does on a protected branch."""


@dataclass(frozen=True)
class Change:
    """What a commit does: new texts by path, and its message."""

    files: dict[str, str]
    message: str


def git(*arguments: str, stdin: str | bytes = "", **environment: str) -> str:
    """Run git in the repository and return what it prints, byte by byte: line ends are not changed.

    Raises:
        PublishError: git ended with an error; the message is git's own last line.
    """
    return _git(*arguments, stdin=stdin, **environment).stdout


def _git(*arguments: str, stdin: str | bytes = "", **environment: str) -> subprocess.CompletedProcess[str]:
    _require_root()
    done = subprocess.run(
        ["git", *_NEUTRAL, *arguments],
        cwd=ROOT,
        input=stdin.encode("utf-8", "surrogateescape") if isinstance(stdin, str) else stdin,
        capture_output=True,
        check=False,
        # Without optional locks: `git status`, killed while it notes what it found, would leave the index locked.
        # In English: some of what it says is looked at.
        env={**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C", **environment},
    )
    printed, said = (text.decode("utf-8", "surrogateescape") for text in (done.stdout, done.stderr))
    if done.returncode:
        words = " ".join(said.split()) or f"status {done.returncode}"
        raise PublishError(f"git {arguments[0]}: {words}")
    return subprocess.CompletedProcess(done.args, done.returncode, printed, said)


@functools.cache
def _require_root() -> None:
    """Refuse to work in a folder of another repository: Argo CD and the pipeline look for everything at its root."""
    done = subprocess.run(["git", "rev-parse", "--show-prefix"], cwd=ROOT, capture_output=True, text=True, check=False)
    if folder := done.stdout.strip():
        raise PublishError(f"{folder} is a folder of another Git repository: run git init in it, and push it by itself")


def succeeds(*arguments: str) -> bool:
    """Tell whether a git command ends without an error."""
    try:
        git(*arguments)
    except PublishError:
        return False
    return True


@functools.cache
def _lock_file() -> Path:
    return Path(ROOT, git("rev-parse", "--git-path", "deploy.lock").strip())


@contextlib.contextmanager
def _alone_in_this_clone() -> Iterator[int]:
    """Wait for other runs in this clone: what one of them fetches or checks out is here in part.

    A killed run holds nothing up. Yields the descriptor that holds the lock, for a process that may outlive the run.
    """
    with _lock_file().open("w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


def find_tip(branch: str) -> str:
    """Return the newest commit of the branch on the server, with its objects fetched; nothing where it has none."""
    listed = git("ls-remote", REMOTE, f"refs/heads/{branch}").split()
    if not listed:
        return ""
    with _alone_in_this_clone():
        if not succeeds("cat-file", "-e", listed[0]):
            git(*_FETCH, REMOTE, f"refs/heads/{branch}")
    return listed[0]


def remote_tip() -> str:
    """Return the newest commit of the main branch on the server, as `find_tip` does."""
    if tip := find_tip(BRANCH):
        return tip
    raise PublishError(f"{REMOTE} has no branch {BRANCH}: push it first")


@functools.cache
def need_history() -> None:
    """Fetch the history that a shallow clone leaves out; once is enough."""
    with _alone_in_this_clone():
        if git("rev-parse", "--is-shallow-repository").strip() == "true":
            git(*_FETCH, "--unshallow", REMOTE, f"refs/heads/{BRANCH}")


def read(commit: str, path: str) -> str | None:
    """Return the text of a file in a commit, or None where it has no such file."""
    try:
        return git("show", f"{commit}:{path}")
    except PublishError:
        return None


def commit_name(name: str, *options: str) -> str:
    """Return the full name of the commit that a branch, a tag or a short name stands for.

    Args:
        name: what it is called.
        options: those of git itself, such as where the repository is.

    Raises:
        PublishError: there is none.
    """
    # rev-parse takes --end-of-options from Git 2.30 on only.
    if name.startswith("-"):
        raise PublishError(f"{name} is no commit: give the name of one, as `make history` prints it")
    return git(*options, "rev-parse", "--verify", f"{name}^{{commit}}").strip()


def is_ancestor(older: str, newer: str) -> bool:
    """Tell whether both commits are known here and the first is in the history of the second."""
    return older != newer and succeeds("merge-base", "--is-ancestor", "--end-of-options", older, newer)


def require_clean_tree() -> None:
    """Refuse to work beside changes that are not committed.

    Raises:
        PublishError: tracked files are changed.
    """
    with _alone_in_this_clone():
        changed = git("status", "--porcelain", "--untracked-files=no").split("\n")[:-1]
    if changed:
        raise PublishError(f"{changed[0][3:]} has changes that are not committed: commit or stash them first")


@functools.cache
def _identity() -> dict[str, str]:
    """Return a name to commit under where none is configured, as on a build agent."""
    if succeeds("var", "GIT_COMMITTER_IDENT"):
        return {}
    return {
        f"GIT_{role}_{key}": value
        for role in ("AUTHOR", "COMMITTER")
        for key, value in (("NAME", "deploy"), ("EMAIL", "deploy@localhost"))
    }


def committer() -> str:
    """Return the email address that commits of these scripts are made with."""
    return git("var", "GIT_COMMITTER_IDENT", **_identity()).partition("<")[2].partition(">")[0]


def make_commit(parent: str, change: Change) -> str:
    """Write a commit that changes some files of its parent, and return its name."""
    with tempfile.TemporaryDirectory() as folder:
        index = {"GIT_INDEX_FILE": str(Path(folder, "index"))}
        git("read-tree", parent, **index)
        for path, text in change.files.items():
            blob = git("hash-object", "-w", "--stdin", "--path", path, stdin=text).strip()
            git("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", **index)
        tree = git("write-tree", **index).strip()
    return commit_tree(tree, parent, change.message)


def commit_tree(tree: str, parent: str, message: str) -> str:
    """Write a commit of a tree, signed where `git commit` would sign, and return its name."""
    # Only `git commit` looks at this setting.
    signed = git("config", "--type=bool", "--default=false", "--get", "commit.gpgSign").strip() == "true"
    sign = ["--gpg-sign"] if signed else []
    return git("commit-tree", *sign, tree, "-p", parent, stdin=message, **_identity()).strip()


def _advance_local_branch(commit: str) -> None:
    """Bring this clone's main branch along, where that is a plain step forward."""
    try:
        current = git("symbolic-ref", "-q", "HEAD").strip()
    except PublishError:  # No branch is checked out.
        return
    if current == f"refs/heads/{BRANCH}":
        with _alone_in_this_clone() as lock:
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

    def wait(self, error: PublishError) -> None:
        """Wait before the next try.

        Raises:
            PublishError: the time is over.
        """
        if time.monotonic() > self._deadline:
            raise PublishError(f"gave up after {self._timeout:.0f} s: {error}") from error
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
    said = _git("push", "--quiet", *words, lease, REMOTE, f"{commit}:refs/heads/{branch}").stderr
    if bypassed := _BYPASSED.search(said):
        print(plain(f"{REMOTE}: {bypassed[0]}"), flush=True)
    return said


def publish(
    make: Callable[[str], str | None],
    branch: str = BRANCH,
    send: Callable[[str, str, str], object] = push,
    timeout: float = 300,
) -> str | None:
    """Make a commit on the newest one of a branch and push it; begin again when others were faster.

    Args:
        make: gives the commit that takes the place of the newest, which is empty where there is no such branch; None
            when there is nothing to change, nothing to delete the branch.
        branch: the one that is pushed to.
        send: pushes, as `push` does.
        timeout: seconds to go on trying.

    Returns:
        The commit that landed, or None when there was nothing to change.

    Raises:
        RefusedError: the server refuses although nobody else pushes.
        PublishError: git failed, or the time is over.
    """
    pauses = _Pauses(timeout)
    tip = remote_tip() if branch == BRANCH else find_tip(branch)
    refusals = 0
    while True:
        commit = make(tip)
        if commit is None:
            return None
        try:
            send(branch, commit, tip)
            break
        except PublishError as error:
            # First wait, then look: what was newest before the wait is not when many push.
            before, tip = tip, _next_tip(branch, pauses, error)
            if tip == commit or is_ancestor(commit, tip):
                break  # It had landed: only the answer was lost.
            refusals = refusals + 1 if tip == before else 0
            if refusals >= (2 if _FORBIDDEN.search(str(error)) else _TRIES_WITHOUT_RIVAL):
                raise RefusedError(str(error)) from error
    if branch == BRANCH:
        _advance_local_branch(commit)
    return commit


def _next_tip(branch: str, pauses: _Pauses, error: PublishError) -> str:
    """Wait, then return the newest commit on the server, which may be out of reach for a while."""
    while True:
        pauses.wait(error)
        try:
            return find_tip(branch)
        except PublishError as away:
            error = away
