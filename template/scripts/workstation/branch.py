"""The repository as the cluster sees it: what is in the working tree, committed or not, with the layer over it.

It is made in a clone of its own: the person's repository, its index and its remote are only read.
"""

import contextlib
from pathlib import Path

from gitops import imagetags
from gitops.process import CommandError
from gitops.repository import ROOT, imagetags_path, services

from . import gitserver, layer
from .commands import run, succeeds
from .place import CLONE, FOLDER, Place

_IDENTITY = {"user.name": "make local", "user.email": "local@localhost", "commit.gpgsign": "false"}


def git(*arguments: str | Path) -> str:
    """Run git in the clone."""
    return run("git", *arguments, cwd=CLONE, env={"GIT_TERMINAL_PROMPT": "0"}).strip()


def prepare() -> None:
    """Make the clone, empty at first."""
    # Left by a run that was killed: no other one is at work now.
    for lock in (CLONE / ".git" / "index.lock", CLONE / ".git" / "snapshot.lock"):
        lock.unlink(missing_ok=True)
    # Written last: without it, the clone is not complete.
    excluded, line = CLONE / ".git" / "info" / "exclude", f"/{FOLDER.name}/\n"
    if excluded.exists() and excluded.read_text(encoding="utf-8") == line:
        return
    run("git", "init", "--quiet", "--initial-branch=main", CLONE)
    settings = {**_IDENTITY, "core.hooksPath": "/dev/null", "protocol.ext.allow": "always"}
    for name, value in {**settings, "remote.origin.url": gitserver.remote()}.items():
        git("config", name, value)
    excluded.parent.mkdir(exist_ok=True)
    excluded.write_text(line, encoding="utf-8")


def built() -> list[str]:
    """Return the services that have sources here."""
    found = [name for name in services() if (ROOT / "src" / name / "Dockerfile").is_file()]
    if not found:
        raise CommandError(f"there is no source to run: add src/{services()[0]}/Dockerfile")
    return found


def take(place: Place) -> layer.Layer:
    """Commit the working tree as it is now, with the layer over it; image tags stay as they were here."""
    ours = ("--git-dir", CLONE / ".git", "--work-tree", ROOT)
    index = {"GIT_INDEX_FILE": str(CLONE / ".git" / "snapshot")}
    run("git", *ours, "add", "--all", cwd=ROOT, env=index)
    tree = run("git", *ours, "write-tree", cwd=ROOT, env=index).strip()
    git("read-tree", "--reset", "-u", tree)
    if succeeds("git", "rev-parse", "--verify", "--quiet", "HEAD", cwd=CLONE):
        git("checkout", "--quiet", "HEAD", "--", imagetags_path(place.environment))
    made = layer.write(CLONE, place, gitserver.url(), built())
    git("add", "--all")
    if not succeeds("git", "diff", "--cached", "--quiet", "HEAD", cwd=CLONE):
        git("commit", "--quiet", "--no-verify", "--message", "What is in the working tree")
    return made


def state() -> str:
    """Return what tells one state of the working tree from another: each file's name, size and time."""
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT).split("\0")
    seen = []
    for path in sorted(filter(None, listed)):
        with contextlib.suppress(OSError):
            found = (ROOT / path).lstat()
            seen.append(f"{path} {found.st_size} {found.st_mtime_ns}")
    return "\n".join(seen)


def tag(service: str) -> str:
    """Return the tag of a service's image: a name of what is under src/ now."""
    return f"local-{git('rev-parse', f'HEAD:src/{service}')[:16]}"


def stale(place: Place) -> dict[str, str]:
    """Return the services whose image is of other sources, with the tag that it is to have."""
    path = imagetags_path(place.environment)
    versions = imagetags.parse((CLONE / path).read_text(encoding="utf-8"), path)
    wanted = {name: tag(name) for name in built()}
    return {name: new for name, new in wanted.items() if name not in versions or versions[name].tag != new}


def push() -> None:
    """Bring the commit to the cluster's git server; the clone is what counts."""
    git("push", "--quiet", "--force", "origin", "HEAD:refs/heads/main")
