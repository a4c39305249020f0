"""Git: what this repository and its server have, and commits made from Git objects alone.

Neither the working tree nor the index nor any branch of this clone is touched by them: a run that is killed leaves
nothing to mend.
"""

import contextlib
import fcntl
import functools
import io
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

from . import process
from .process import CommandError
from .repository import REMOTE, ROOT, main_branch, plain, watched_by_argocd

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
_AWAY = re.compile(r"returned error: (429|5\d\d)|resolve host|connect to|Connection (closed|re|timed)|hung up")
# Objects only: no reference of this clone is written, for others may run in it at the same time.
_FETCH = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--refmap=")


def git(*arguments: str, stdin: str | bytes = "", **environment: str) -> str:
    """Run git in the repository and return what it prints; a server that is away for a moment is asked again."""
    return process.patiently(lambda: completed(*arguments, stdin=stdin, **environment).stdout, _AWAY)


def completed(*arguments: str, stdin: str | bytes = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Do the same, and return what it says beside that too."""
    if not arguments[0].startswith("--git-dir="):
        _require_root()
    # Without optional locks: `git status`, killed while it notes what it found, would leave the index locked.
    # In English: some of what it says is looked at.
    settings = {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C", **environment}
    done = process.call("git", *_NEUTRAL, *arguments, stdin=stdin, env=settings)
    if done.returncode:
        words = " ".join(done.stderr.split()) or f"status {done.returncode}"
        command = next(argument for argument in arguments if not argument.startswith("-"))
        raise CommandError(f"git {command}: {words}")
    return done


@functools.cache
def _require_root() -> None:
    """Refuse to work in a folder of another repository: Argo CD and the pipeline look for everything at its root."""
    done = process.call("git", "rev-parse", "--show-prefix", env={"LC_ALL": "C"})
    if "not a git repository" in done.stderr:
        cure = f"run git init -b {main_branch()} && git add --all && git commit -m Begin"
        raise CommandError(f"this is no Git repository yet: {cure}")
    if folder := done.stdout.strip():
        raise CommandError(f"{folder} is a folder of another Git repository: run git init in it, and push it by itself")


def succeeds(*arguments: str) -> bool:
    """Tell whether a git command ends without an error."""
    try:
        git(*arguments)
    except CommandError:
        return False
    return True


@functools.cache
def _lock_file() -> Path:
    return Path(ROOT, git("rev-parse", "--git-path", "deploy.lock").strip())


@contextlib.contextmanager
def alone_in_this_clone() -> Iterator[int]:
    """Wait for other runs in this clone: what one of them fetches or checks out is here in part.

    A killed run holds nothing up. Yields the descriptor that holds the lock, for a process that may outlive the run.
    """
    with _lock_file().open("w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


def find_tip(branch: str) -> str:
    """Return the newest commit of the branch on the server, with its objects fetched; nothing where it has none."""
    if REMOTE not in git("remote").split():
        raise CommandError(f"there is no remote {REMOTE}: git remote add {REMOTE} {watched_by_argocd('repoURL')}")
    # Git matches the end of names: somebody's branch x/refs/heads/BRANCH would come first.
    exact = re.compile(rf"^([0-9a-f]+)\trefs/heads/{re.escape(branch)}$", re.MULTILINE)
    while listed := exact.search(git("ls-remote", REMOTE, f"refs/heads/{branch}")):
        known = ("cat-file", "-e", listed[1])
        with alone_in_this_clone():
            if not succeeds(*known):
                git(*_FETCH, REMOTE, f"refs/heads/{branch}")
                # A proposal may have been replaced meanwhile: then the new one has come.
                if not succeeds(*known):
                    continue
        return listed[1]
    return ""


def remote_tip() -> str:
    """Return the newest commit of the main branch on the server, as `find_tip` does."""
    if tip := find_tip(main_branch()):
        return tip
    raise CommandError(f"{REMOTE} has no branch {main_branch()}: push it first")


def newest_known() -> tuple[str, bool]:
    """Return the newest commit of the main branch with its history, and whether the server has named it.

    Where the server can't be asked, that is said, and the commit is the one that is checked out.
    """
    try:
        tip = remote_tip()
        need_history()
        return tip, True
    except (CommandError, OSError) as error:
        name, here = Path(sys.argv[0]).name, commit_name("HEAD")
        print(plain(f"{name}: as of this clone, because the server can't be asked ({error})"), file=sys.stderr)
        return here, False


@functools.cache
def need_history() -> None:
    """Fetch the history that a shallow clone leaves out; once is enough."""
    with alone_in_this_clone():
        if git("rev-parse", "--is-shallow-repository").strip() == "true":
            git(*_FETCH, "--unshallow", REMOTE, f"refs/heads/{main_branch()}")


def read(commit: str, path: str) -> str | None:
    """Return the text of a file in a commit, or None where it has no such file."""
    try:
        return git("show", f"{commit}:{path}")
    except CommandError as error:
        if "promisor remote" in str(error):  # A partial clone has to fetch it.
            raise
        return None


def commit_name(name: str, *options: str) -> str:
    """Return the full name of the commit that a branch, a tag or a short name stands for.

    Args:
        name: what it is called.
        options: those of git itself, such as where the repository is.
    """
    # rev-parse takes --end-of-options from Git 2.30 on only.
    found = "" if name.startswith("-") else git(*options, "rev-parse", "--revs-only", f"{name}^{{commit}}").strip()
    if not re.fullmatch("[0-9a-f]+", found):
        raise CommandError(f"{name} is no commit: give the name of one, as `make history` prints it")
    return found


def is_ancestor(older: str, newer: str) -> bool:
    """Tell whether both commits are known here and the first is in the history of the second."""
    return older != newer and succeeds("merge-base", "--is-ancestor", "--end-of-options", older, newer)


def require_clean_tree() -> None:
    """Refuse to work beside changes that are not committed."""
    with alone_in_this_clone():
        changed = git("status", "--porcelain", "--untracked-files=no").split("\n")[:-1]
    if changed:
        raise CommandError(f"{changed[0][3:]} has changes that are not committed: commit or stash them first")


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


@contextlib.contextmanager
def unpacked(commit: str, *paths: str) -> Iterator[Path]:
    """Give a folder with some paths of a commit, for as long as this runs."""
    archive = git("archive", "--format=tar", commit, "--", *paths).encode("utf-8", "surrogateescape")
    with tempfile.TemporaryDirectory() as folder, tarfile.open(fileobj=io.BytesIO(archive)) as file:
        file.extractall(folder, filter="data")
        yield Path(folder)


def make_commit(parent: str, path: str, text: str, message: str) -> str:
    """Write a commit that changes a file of its parent, and return its name."""
    with tempfile.TemporaryDirectory() as folder:
        index = {"GIT_INDEX_FILE": str(Path(folder, "index"))}
        git("read-tree", parent, **index)
        blob = git("hash-object", "-w", "--stdin", "--path", path, stdin=text).strip()
        git("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", **index)
        tree = git("write-tree", **index).strip()
    return commit_tree(tree, parent, message)


def commit_tree(tree: str, parent: str, message: str) -> str:
    """Write a commit of a tree, signed where `git commit` would sign, and return its name."""
    # Only `git commit` looks at this setting.
    signed = git("config", "--type=bool", "--default=false", "--get", "commit.gpgSign").strip() == "true"
    sign = ["--gpg-sign"] if signed else []
    return git("commit-tree", *sign, tree, "-p", parent, stdin=message, **_identity()).strip()
