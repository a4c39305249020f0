"""What is Jenkins': nothing to prepare or to look at from here, since its agents are pods of the cluster."""

from collections.abc import Iterator

from .report import Line, Pool
from .tools import Tool

TOOLS: list[Tool] = []
NEXT = "the jobs and credentials of Jenkins, as README.md says"
REMOVED = "agents of Jenkins have no cluster to run in until the next make up"


def prepare() -> None:
    """Do nothing: service accounts and their identities come from terraform/."""


def checks(pool: Pool) -> Iterator[Line]:  # noqa: ARG001 (the other pipeline asks with it)
    """Yield nothing: Jenkins is reached from the cluster, not from here."""
    yield from ()
