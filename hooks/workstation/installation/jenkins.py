"""What is Jenkins' of `make up`, `make down` and `make doctor`. Jenkins is reached from the cluster, not from here.

What can be seen from here is what its accounts may do in the cluster, which terraform/gitops/jenkins_clouds.tf sets.
"""

import json
from collections.abc import Iterator
from typing import Any

from gitops.process import CommandError

from . import settings
from .programs import Tool
from .report import Line, Pool, failure, ok

TOOLS: list[Tool] = []
NEXT = "the jobs and credentials of Jenkins, as README.md says"
REMOVED = "agents of Jenkins have no cluster to run in until the next make up"

_CHANGES = "jenkins-changes"
_CLOUDS = ("changes", "infrastructure", "release")
_CURE = "remove the binding, or run make up"


def prepare() -> None:
    """Do nothing: service accounts and their identities come from terraform/."""


def checks(pool: Pool) -> Iterator[Line]:
    """Check that each account of Jenkins starts pods in its namespace alone, and that branches run as nobody."""
    cluster = settings.clusters()[0].cluster
    how = (f"--context={cluster}", "--all-namespaces", "--output=json", "--request-timeout=20s")
    asked = {
        kind: pool.ask("kubectl", "get", kind, *how)
        for kind in ("rolebindings", "clusterrolebindings", "serviceaccounts")
    }
    try:
        found = {kind: json.loads(answer.result())["items"] for kind, answer in asked.items()}
    except (CommandError, ValueError, KeyError):
        yield Line("skipped", f"Jenkins: what its accounts may do: kubectl does not reach {cluster}")
        return
    if not any(account["metadata"]["namespace"] == _CHANGES for account in found["serviceaccounts"]):
        yield Line(
            "skipped", f"Jenkins: what its accounts may do: {cluster} has no namespace {_CHANGES}, make up makes it"
        )
        return
    wrong = list(_wrong(found))
    yield from wrong or [
        ok("Jenkins: its accounts start pods in one namespace each, and change requests run as nobody")
    ]


def _wrong(found: dict[str, list[dict[str, Any]]]) -> Iterator[Line]:
    for binding in found["rolebindings"] + found["clusterrolebindings"]:
        place, name = binding["metadata"].get("namespace", ""), binding["metadata"]["name"]
        for subject in binding.get("subjects") or []:
            who = _account(subject)
            if who.startswith(f"{_CHANGES}:"):
                role = binding["roleRef"]["name"]
                text = f"Jenkins: {binding['kind']} {name} gives pods of change requests the role {role}"
                yield failure(text, _CURE)
            elif who in [f"jenkins:{cloud}" for cloud in _CLOUDS] and place != who.replace(":", "-"):
                where = f"in {place}" if place else "in every namespace"
                text = f"Jenkins: {binding['kind']} {name} gives the account {subject['name']} rights {where}"
                yield failure(text, _CURE)
    for account in found["serviceaccounts"]:
        name = account["metadata"]["name"]
        if account["metadata"]["namespace"] == _CHANGES and name != "default":
            text = f"Jenkins: any branch can run as the service account {name} of {_CHANGES}"
            yield failure(text, f"kubectl --namespace {_CHANGES} delete serviceaccount {name}")


def _account(subject: dict[str, Any]) -> str:
    """Return NAMESPACE:NAME of a service account, however a binding names it; a group of them has no name."""
    if subject["kind"] == "ServiceAccount":
        return f"{subject['namespace']}:{subject['name']}"
    name = str(subject["name"])
    if name.startswith("system:serviceaccounts:"):
        return f"{name.removeprefix('system:serviceaccounts:')}:"
    return name.removeprefix("system:serviceaccount:")
