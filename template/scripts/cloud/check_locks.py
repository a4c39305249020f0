"""Are the providers locked, so that the pipeline runs the same as people do?"""

from collections.abc import Iterator

from gitops.repository import ROOT

from . import locks
from .report import Line, failure, ok, warning
from .roots import LOCK, ROOTS


def check() -> Iterator[Line]:
    """Check the lock file of every root."""
    wrong = False
    for root in ROOTS:
        if found := locks.problem(root.name):
            wrong = True
            there = (ROOT / "terraform" / root.name / LOCK).exists()
            yield (
                failure(f"providers: {found}", locks.CURE)
                if there
                else warning(
                    f"providers: {found}, which the pipeline needs", "make up or make lock writes it, commit it"
                )
            )
    if not wrong:
        yield ok(f"providers: locked for {len(locks.PLATFORMS)} platforms")
