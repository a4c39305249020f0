"""The pipeline's plans: what a person approves is a digest of the changes, and no others are made.

A saved plan is code, and holds the state. Handed from job to job, it would run with the rights of the job that applies
it, and could be read by whoever may read the build. So each job makes the plan of the same commit, and digests are
compared.
"""

import argparse
import hashlib
import json
import re
from typing import Any

from gitops.process import CommandError
from gitops.repository import own_clusters

from . import kept, locks
from .roots import GITOPS, PLATFORM, Root, Runner

# What of a plan changes something; the rest of it is the state and the code.
_CHANGES = ("resource_changes", "output_changes", "action_invocations", "deferred_changes")
_APART = "-"


def parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser that takes an environment where each has a cluster of its own."""
    made = argparse.ArgumentParser(description=description)
    if known := own_clusters():
        made.add_argument("environment", choices=known, metavar="ENVIRONMENT", help=f"one of {', '.join(known)}")
    made.set_defaults(environment=None)
    return made


def join(digests: list[str]) -> str:
    """Return the digests of the platform and of Argo CD as one word."""
    return _APART.join(digests)


def split(word: str) -> list[str]:
    """Return the digests that `join` has made one word of."""
    if not re.fullmatch(rf"[0-9a-f]{{64}}{_APART}([0-9a-f]{{64}}|none)", word):
        raise CommandError(f"{word!r} is no digest of scripts/plan, so nothing was approved: start a new run")
    return word.split(_APART)


def _does_nothing(entry: dict[str, Any]) -> bool:
    return entry.get("change", {}).get("actions") == ["no-op"] and "previous_address" not in entry


def digest(plan: dict[str, Any]) -> str:
    """Return the digest of all changes of a plan, as `show -json` prints it."""
    changes = {}
    for kind in _CHANGES:
        entries = plan.get(kind) or []
        if isinstance(entries, dict):
            entries = [{"name": name, "change": change} for name, change in entries.items()]
        changes[kind] = [entry for entry in entries if not _does_nothing(entry)]
    return hashlib.sha256(json.dumps(changes, sort_keys=True).encode()).hexdigest()


NO_CHANGES = digest({})


class Plans:
    """Makes the plans of a cluster, as the identity that the environment names."""

    def __init__(self, environment: str | None) -> None:
        """Remember the cluster."""
        locks.check(root.name for root in (PLATFORM, GITOPS))
        self._runner = Runner(environment)

    def show(self, root: Root) -> str:
        """Show what would change in a root, and return the digest of it.

        A change request can run any code, so the identity that plans may not lock the state.
        """
        return self._plan(root, "-lock=false")

    def apply(self, root: Root, approved: str) -> None:
        """Make the changes of a root if they are those that were approved."""
        if self._plan(root) != approved:
            cure = "start a new run, which plans and asks again; if that ends here too, a person runs make up"
            raise CommandError(
                f"{root.name}: these are not the changes that were approved, none of them was made: {cure}"
            )
        self._runner.apply_plan(root)

    def _plan(self, root: Root, *options: str) -> str:
        """Return the digest of what would change, compared with the state alone.

        Azure isn't asked: whoever plans may read neither secrets nor credentials.
        """
        print(f"\n== {root.name}: {root.makes}")
        self._runner.init(root)
        plan = self._runner.plan(root, "-refresh=false", *options)
        if lost := kept.destroyed(plan):
            raise CommandError(
                f"{root.name}: this would destroy {', '.join(lost)}, which the pipeline never does: take the change"
                " back, or if it is meant, a person runs make up, which shows it and asks"
            )
        return digest(plan)
