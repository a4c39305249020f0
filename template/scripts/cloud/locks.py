"""The lock file of each root: the version of every provider, and the checksums of its packages for all platforms.

Whether it fits what a root requires is for `init -lockfile=readonly` to say.
"""

import re
from collections.abc import Iterable, Iterator

from gitops.process import CommandError, output
from gitops.repository import ROOT

from .infrastructure import COMMAND
from .report import Line, failure, ok, warning
from .roots import LOCK, ROOTS

# Where people work and runners run.
PLATFORMS = ("darwin_amd64", "darwin_arm64", "linux_amd64", "linux_arm64", "windows_amd64")
_CURE = "run make lock, then commit it"
_LOCKED = re.compile(r'^provider "([^"]+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)


def _problem(root: str) -> str | None:
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
        if wrong := _problem(name):
            raise CommandError(f"{wrong}: {_CURE}")


def findings() -> Iterator[Line]:
    """Yield what `make doctor` says of the lock files."""
    wrong = [found for root in ROOTS if (found := _problem(root.name))]
    for found in wrong:
        if found.endswith("missing"):
            cure = "make up or make lock writes it, commit it"
            yield warning(f"providers: {found}, which the pipeline needs", cure)
        else:
            yield failure(f"providers: {found}", _CURE)
    if not wrong:
        yield ok(f"providers: locked for {len(PLATFORMS)} platforms")


def write(name: str, *options: str) -> None:
    """Write the lock file of a root; versions that are locked stay."""
    platforms = [f"-platform={platform}" for platform in PLATFORMS]
    print(f"Locking the providers of {name} for {len(PLATFORMS)} platforms ...")
    output(COMMAND, f"-chdir=terraform/{name}", "providers", "lock", *platforms, *options, timeout=3600)


def prepare() -> None:
    """Write the lock files that are missing, and check the others."""
    missing = [root.name for root in ROOTS if not (ROOT / "terraform" / root.name / LOCK).exists()]
    check(root.name for root in ROOTS if root.name not in missing)
    for name in missing:
        write(name)
    if missing:
        written = ", ".join(f"terraform/{name}/{LOCK}" for name in missing)
        print(f"Wrote {written}: commit it, the pipeline needs the same.")
