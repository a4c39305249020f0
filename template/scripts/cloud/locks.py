"""The lock file of each root: the version of every provider, and the checksums of its packages for all platforms.

Whether it fits what a root requires is for `init -lockfile=readonly` to say. Run as a module, this checks every root.
"""

import re
from collections.abc import Iterable

from gitops.process import CommandError, run
from gitops.repository import ROOT

from .roots import LOCK

# Where people work and runners run.
PLATFORMS = ("darwin_amd64", "darwin_arm64", "linux_amd64", "linux_arm64", "windows_amd64")
CURE = "run make lock, then commit it"
_LOCKED = re.compile(r'^provider "([^"]+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)


def problem(root: str) -> str | None:
    """Return what is wrong with the lock file of a root in one line, without the cure, or None."""
    path = ROOT / "terraform" / root / LOCK
    where = path.relative_to(ROOT)
    if not path.exists():
        return f"{where} is missing"
    for address, body in _LOCKED.findall(path.read_text(encoding="utf-8")):
        # One for each package, and each platform has its own.
        if (count := body.count('"h1:')) < len(PLATFORMS):
            return f"{where} has checksums of {address} for {count} of {len(PLATFORMS)} platforms"
    return None


def check(names: Iterable[str]) -> None:
    """Check the lock files of some roots."""
    for name in names:
        if wrong := problem(name):
            raise CommandError(f"{wrong}: {CURE}")


def main() -> None:
    """Check those of all roots."""
    check(path.parent.name for path in sorted(ROOT.glob("terraform/*/terraform.tf")))


if __name__ == "__main__":
    run(main)
