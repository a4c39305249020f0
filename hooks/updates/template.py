"""The template: which versions it has, and what its changelog says."""

import re
from dataclasses import dataclass
from pathlib import Path

from gitops.git import commit_name, git
from gitops.process import CommandError

ANSWERS = ".copier-answers.yml"
_RELEASE = re.compile(r"v?(\d+(?:\.\d+)*)")
# `git describe`: a release, or a candidate for it, or so many commits after either.
_DESCRIBED = re.compile(rf"({_RELEASE.pattern})(-?(?:a|alpha|b|beta|c|rc)[.-]?\d*)?(?:-\d+-g[0-9a-f]+)?")


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
        wanted: the version that is updated to.
        store: a bare repository with its history.
        here: the commit that this repository has.
    """

    address: str
    current: str
    wanted: str
    store: Path
    here: str

    def git(self, *arguments: str) -> str:
        """Run git on the template's history."""
        return git(f"--git-dir={self.store}", *arguments)

    def commit(self, version: str) -> str:
        """Return the commit of a version; the tag of the one that this repository has may be gone."""
        return self.here if version == self.current else commit_name(version, f"--git-dir={self.store}")

    def is_newer(self, version: str) -> bool:
        """Tell whether a version is newer than the one this repository has."""
        described = _DESCRIBED.fullmatch(self.current)
        if described and (numbers := release(version)):
            here = release(described[1]) or ()
            return numbers >= here if described[3] else numbers > here
        return self.commit(version) != self.commit(self.current)

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
        except CommandError:
            return {}
        _, *parts = re.split(r"^(?=## )", text, flags=re.MULTILINE)
        sections = [part.rstrip("\n").split("\n") for part in parts]
        return {section[0]: section[1:] for section in sections}
