"""The lock files of all roots, for a person: written where they are missing, and looked at."""

from collections.abc import Iterator

from cloud.infrastructure import COMMAND
from cloud.locks import CURE, PLATFORMS, check, problem
from cloud.roots import LOCK
from gitops.process import output
from gitops.repository import ROOT

from .owner import ROOTS
from .report import Line, failure, ok, warning


def findings() -> Iterator[Line]:
    """Yield what `make doctor` says of the lock files."""
    wrong = [found for root in ROOTS if (found := problem(root.name))]
    for found in wrong:
        if found.endswith("missing"):
            cure = "make up or make lock writes it, commit it"
            yield warning(f"providers: {found}, which the pipeline needs", cure)
        else:
            yield failure(f"providers: {found}", CURE)
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
