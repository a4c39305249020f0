"""The template: where it is, which versions it has, and what its changelog says."""

import re
from dataclasses import dataclass
from pathlib import Path

from gitops.publish import PublishError, commit_name, git
from gitops.repository import ROOT

ANSWERS = ".copier-answers.yml"
ORIGIN = "scripts/updates/origin.yaml"
_SHORT = {"gh:": "https://github.com/", "gl:": "https://gitlab.com/"}
_RELEASE = re.compile(r"v?(\d+(?:\.\d+)*)")
# `git describe`: a release, or so many commits after it.
_DESCRIBED = re.compile(rf"({_RELEASE.pattern})(?:-\d+-g[0-9a-f]+)?")


class UpdateError(Exception):
    """There is no update; the message says why and what to do."""


def answer(name: str, text: str) -> str:
    """Return a plain value of the answers file, or nothing."""
    found = re.search(rf"^{name}: *(.*?) *$", text, re.MULTILINE)
    return found[1].strip("'\"") if found else ""


def release(name: str) -> tuple[int, ...] | None:
    """Return the numbers of a released version, or None for anything else, such as a release candidate."""
    found = _RELEASE.fullmatch(name)
    return tuple(int(part) for part in found[1].split(".")) if found else None


@dataclass(frozen=True)
class Template:
    """The template, as it is on its server now.

    Attributes:
        address: as it stands in the answers file.
        current: the version that this repository has: a tag, a tag with commits after it, or a commit.
        store: a bare repository with its history.
    """

    address: str
    current: str
    store: Path

    def git(self, *arguments: str) -> str:
        """Run git on the template's history."""
        return git(f"--git-dir={self.store}", *arguments)

    def newest(self) -> str:
        """Return the newest released version; the newest commit where there is no release."""
        released = [tag for tag in self.git("tag", "--list").split() if release(tag)]
        if released:
            return max(released, key=lambda tag: release(tag) or ())
        return self.git("rev-parse", "--short=12", "newest").strip()

    def commit(self, version: str) -> str:
        """Return the commit of a version.

        Raises:
            UpdateError: there is no such version.
        """
        name = version.rpartition("-g")[2] if _DESCRIBED.fullmatch(version) and "-g" in version else version
        try:
            return commit_name(name, f"--git-dir={self.store}")
        except PublishError:
            known = sorted((numbers, tag) for tag in self.git("tag", "--list").split() if (numbers := release(tag)))
            choices = ", ".join(tag for _, tag in known) or "its commits"
            raise UpdateError(f"the template has no version {version}: choose one of {choices}") from None

    def is_newer(self, version: str) -> bool:
        """Tell whether a version is newer than the one this repository has."""
        offered, have = self.commit(version), self.commit(self.current)
        described = _DESCRIBED.fullmatch(self.current)
        if described and (numbers := release(version)):
            return numbers > (release(described[1]) or ())
        return offered != have

    def news(self, version: str) -> list[str]:
        """Return what the changelog of a version says that this repository's does not; without one, the commits."""
        old, new = self.commit(self.current), self.commit(version)
        before = self._changelog(old)
        lines: list[str] = []
        for heading, section in self._changelog(new).items():
            added = [line for line in section if line.strip() and line not in before.get(heading, ())]
            if added:
                lines += [*([""] if lines else []), heading, "", *added]
        return lines or self.git("log", "-z", "--no-merges", "--format=- %s", f"{old}..{new}").split("\0")[:-1]

    def _changelog(self, commit: str) -> dict[str, list[str]]:
        try:
            text = self.git("show", f"{commit}:CHANGELOG.md")
        except PublishError:
            return {}
        _, *parts = re.split(r"^(?=## )", text, flags=re.MULTILINE)
        sections = [part.rstrip("\n").split("\n") for part in parts]
        return {section[0]: section[1:] for section in sections}


def url(address: str) -> str:
    """Return what git understands of an address that Copier understands."""
    for short, long in _SHORT.items():
        if address.startswith(short):
            return f"{long}{address.removeprefix(short).removesuffix('.git')}.git"
    return address.removeprefix("git+")


def folder(address: str) -> bool:
    """Tell whether an address is a folder of one machine, where no pipeline finds it."""
    return re.match(r"[\w+.-]+://|[^/]*:", url(address)) is None


def fetch() -> Template:
    """Return the template, with what is on its server now.

    Raises:
        UpdateError: this repository does not know its template, or the template can't be reached.
    """
    try:
        text = (ROOT / ANSWERS).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UpdateError(f"{ANSWERS} is missing: take it back from the history, `git log -- {ANSWERS}`") from None
    address, current = answer("_src_path", text), answer("_commit", text)
    if not address or not current:
        raise UpdateError(
            f"{ANSWERS} names no version of a template, as when it was made from a folder without Git: "
            "there is nothing to compare with"
        )
    origin = ROOT / ORIGIN
    if not origin.exists() or address != answer("_src_path", origin.read_text(encoding="utf-8")):
        raise UpdateError(f"{ANSWERS}: _src_path is not the address in {ORIGIN}: see the reason there")
    store = Path(ROOT, git("rev-parse", "--git-common-dir").strip(), "template-update.git")
    try:
        git("init", "--quiet", "--bare", str(store))
        git(
            f"--git-dir={store}", "fetch", "--quiet", "--force", "--no-tags", "--end-of-options", url(address),
            "+HEAD:refs/heads/newest", "+refs/tags/*:refs/tags/*",
        )  # fmt: skip
    except PublishError as error:
        cure = f"write the address of its server into {ANSWERS} and {ORIGIN}: it is a folder of another machine"
        cure = cure if folder(address) else f"check the network and your right to it ({error})"
        raise UpdateError(f"the template {address} can't be read: {cure}") from error
    return Template(address, current, store)
