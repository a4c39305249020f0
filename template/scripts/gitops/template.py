"""The template that this repository was made from, and the programs in it that are run here."""

import fcntl
import hashlib
import os
import re
import zipfile
from pathlib import Path

from .git import commit_name, git, succeeds
from .process import CommandError
from .repository import ROOT, is_folder

_ANSWERS = ".copier-answers.yml"
_ORIGIN = "scripts/updates/origin.yaml"
_SHORT = {"gh:": "https://github.com/", "gl:": "https://gitlab.com/"}
_WORKSTATION = "hooks/workstation"


def _value(path: str, name: str) -> str:
    """Return a plain value of a YAML file at the root; nothing where it has none, or there is no such file."""
    file = ROOT / path
    found = re.search(rf"^{name}: *(.*?) *$", file.read_text(encoding="utf-8"), re.MULTILINE) if file.exists() else None
    return found[1].strip("'\"") if found else ""


def answer(name: str) -> str:
    """Return a plain answer to a question of the template."""
    return _value(_ANSWERS, name)


def _is_as_written(text: str) -> bool:
    """Tell whether answers are written as Copier does it: each name plain and at the left edge, the address once.

    YAML has many more ways to write a name, and takes the last of two. Copier must not see another address than is
    compared here.
    """
    # By every line break that YAML knows.
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    addresses = [number for number, line in enumerate(lines) if line.startswith("_src_path:")]
    # A value goes on in the lines below it that are indented.
    below = [lines[number + 1][:1] for number in addresses if number + 1 < len(lines)]
    return (
        all(re.match(r"[A-Za-z_]\w*:( |$)|- | ", line) for line in lines)
        and lines[:1] != []
        and lines[0][0] not in " -"
        and len(addresses) < 2
        and below != [" "]
    )


def known() -> tuple[str, str]:
    """Return the address of the template and the version that this repository has, or nothing where it has none."""
    cure = f"take it back from the history, `git log -- {_ANSWERS}`"
    if not (ROOT / _ANSWERS).exists():
        raise CommandError(f"{_ANSWERS} is missing: {cure}")
    if not _is_as_written((ROOT / _ANSWERS).read_text(encoding="utf-8")):
        raise CommandError(f"{_ANSWERS} is not as Copier writes it: {cure}")
    if answer("_src_path") != _value(_ORIGIN, "_src_path"):
        raise CommandError(f"{_ANSWERS}: _src_path is not the address in {_ORIGIN}: see the reason there")
    return answer("_src_path"), answer("_commit")


def require_version(address: str, version: str) -> None:
    """Check that this repository was made from a version of a template."""
    if not address or not version:
        raise CommandError(
            f"{_ANSWERS} names no version of a template, as when it was made from a folder without Git: "
            f"write the version there as _commit, and the address of the template's server there and into {_ORIGIN}"
        )


def store_of(address: str) -> Path:
    """Return where the history of the template is kept: in .git, or beside what other programs keep of this user's."""
    if (ROOT / ".git").exists():
        return Path(ROOT, git("rev-parse", "--git-common-dir").strip(), "template-update.git")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "gitops-template" / f"{hashlib.sha256(address.encode()).hexdigest()[:16]}.git"


def fetch(address: str, store: Path) -> None:
    """Bring the template's newest commit and its tags, as they are on its server now, into a bare repository."""
    url = address.removeprefix("git+")
    for short, long in _SHORT.items():
        if address.startswith(short):
            url = f"{long}{address.removeprefix(short).removesuffix('.git')}.git"
    try:
        store.mkdir(parents=True, exist_ok=True)
        with (store / "fetch.lock").open("w", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            git(f"--git-dir={store}", "init", "--quiet", "--bare")
            git(
                f"--git-dir={store}", "fetch", "--quiet", "--force", "--no-tags", "--end-of-options", url,
                "+HEAD:refs/heads/newest", "+refs/tags/*:refs/tags/*",
            )  # fmt: skip
    except OSError as error:
        cure = "make that writable, or before git init let XDG_CACHE_HOME name another folder"
        raise CommandError(f"the template can't be kept in {store} ({error.strerror}): {cure}") from error
    except CommandError as error:
        cure = f"check the network and your right to it ({error})"
        if str(store) in str(error) or re.search(r"File exists|bad (object|shallow)", str(error)):
            cure = f"what is kept of it in {store} is locked or broken: remove that folder"
        elif is_folder(url) and not Path(ROOT, url).exists():
            cure = f"it is a folder of another machine: write the address of its server into {_ANSWERS} and {_ORIGIN}"
        raise CommandError(f"the template {address} can't be read: {cure}") from error


def released(store: Path) -> list[str]:
    """Return the released versions, the newest first."""
    tags = [tag for tag in git(f"--git-dir={store}", "tag").split() if re.fullmatch(r"v?\d+(\.\d+)*", tag)]
    return sorted(tags, key=lambda tag: [int(part) for part in tag.removeprefix("v").split(".")], reverse=True)


def find(store: Path, version: str) -> str:
    """Return the commit of a version, which may be one that `git describe` has named."""
    try:
        return commit_name(version, f"--git-dir={store}")
    except CommandError:
        choices = ", ".join(reversed(released(store))) or "its commits"
        raise CommandError(f"the template has no version {version}: choose one of {choices}") from None


def recorded(store: Path, address: str, version: str) -> str:
    """Return the commit that this repository has, which is the version's unless its tag is gone.

    Raises:
        CommandError: the template does not have it, or the version is another commit there.
    """
    named = find(store, version) if has(store, version) else ""
    commit = _value(_ORIGIN, "commit") or named  # Older versions do not record it.
    if named not in ("", commit):
        raise CommandError(
            f"the version {version} in {_ANSWERS} is {named} of the template, and not {commit} as in {_ORIGIN}: "
            "take back whichever was changed, the tag or the file; if you trust the other commit, write it there"
        )
    if not commit or not has(store, commit):
        raise CommandError(f"the template {address} does not have the version {version}: push it there")
    return commit


def has(history: Path, commit: str, path: str = "") -> bool:
    """Tell whether a repository knows a commit, which has a path."""
    return succeeds(f"--git-dir={history}", "cat-file", "-e", f"{commit}:{path}")


def archive(history: Path, commit: str, store: Path) -> Path:
    """Return an archive of the programs of a commit, from which Python runs them."""
    path = store / f"{commit}.zip"
    if not zipfile.is_zipfile(path):  # A machine that lost its power may have kept half of it.
        store.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(f".{os.getpid()}")
        what = (commit, "hooks", "template/scripts")
        git(f"--git-dir={history}", "archive", "--format=zip", f"--output={beside}", *what)
        beside.replace(path)
    return path


def workstation() -> Path:
    """Return what the commands for a workstation are imported from, in the version that this repository has.

    That is an archive. Only a folder of this machine that has no such commit is taken as it is.
    """
    address, version = known()
    folder, commit = Path(ROOT, address), _value(_ORIGIN, "commit") or version
    if address and is_folder(address) and (folder / _WORKSTATION).is_dir():
        history = folder / ".git"
        if not has(history, commit):
            return folder
        return archive(history, recorded(history, address, version), store_of(address))
    require_version(address, version)
    store = store_of(address)
    if not has(store, commit):
        fetch(address, store)
    return archive(store, recorded(store, address, version), store)
