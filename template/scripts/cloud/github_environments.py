"""GitHub environments: Azure trusts a job by the environment it names, so each must be closed to all refs but its own.

GitHub makes an environment that does not exist when a job first names it, open to every branch.
"""

import json
import os
from dataclasses import dataclass
from typing import Any

from gitops.process import CommandError, output
from gitops.repository import ROOT, own_clusters

from . import tfvars

# The repository is there, whatever host a person has set for gh.
os.environ["GH_HOST"] = "github.com"
_TABLE = ROOT / ".github" / "environments"


@dataclass(frozen=True)
class Wanted:
    """An environment as it must be: the refs that may use it, whether a person approves, whether its jobs propose."""

    name: str
    refs: str
    reviewed: bool
    proposes: bool


@dataclass(frozen=True)
class Found:
    """An environment as it is on GitHub.

    Attributes:
        policy: what GitHub says of refs: nothing where any may use it.
        refs: kinds (`branch` or `tag`) and patterns of the refs that may use it, where they are listed.
        rules: all its protection rules, as GitHub gives them.
    """

    policy: dict[str, bool] | None
    refs: frozenset[tuple[str, str]] = frozenset()
    rules: tuple[dict[str, Any], ...] = ()


def repository() -> str:
    """Return OWNER/NAME on GitHub."""
    return str(tfvars.values("platform", next(iter(own_clusters()), None))["github_repository"])


def wanted() -> list[Wanted]:
    """Return the environments that the workflows' jobs run in."""
    rows = [line.partition("#")[0].split() for line in _TABLE.read_text(encoding="utf-8").splitlines()]
    return [Wanted(row[0], row[1], "reviewed" in row, "proposes" in row) for row in rows if row]


def _ask(path: str, items: str) -> list[dict[str, Any]]:
    printed = output("gh", "api", "--paginate", f"{path}?per_page=100", "--jq", f".{items}[] | tojson", timeout=60)
    return [json.loads(line) for line in printed.splitlines()]


def find(repository: str) -> dict[str, Found]:
    """Return the environments of a repository by name, in lower case: GitHub does not tell cases apart."""
    ours = {one.name.lower() for one in wanted()}
    found = {}
    for given in _ask(f"repos/{repository}/environments", "environments"):
        name, policy = given["name"].lower(), given["deployment_branch_policy"]
        listed: list[dict[str, Any]] = []
        if name in ours and policy and policy["custom_branch_policies"]:
            listed = _ask(f"repos/{repository}/environments/{name}/deployment-branch-policies", "branch_policies")
        refs = frozenset((one.get("type", "branch"), one["name"]) for one in listed)
        found[name] = Found(policy, refs, tuple(given["protection_rules"]))
    return found


def unfinished(there: Found | None) -> bool:
    """Tell whether nobody has said yet which refs may use an environment."""
    return there is None or there.policy is None or not (there.policy["protected_branches"] or there.refs)


def problem(one: Wanted, there: Found | None) -> tuple[str, str] | None:
    """Return what is wrong with an environment and the cure; None where it is closed."""
    if there is None or there.policy is None or unfinished(there):
        state = "is missing" if there is None else "lets any branch in" if there.policy is None else "lets nobody in"
        return f"the environment {one.name} {state}", f"run make up, which sets it up for {one.refs} alone"
    more = sorted(there.refs - {("branch", one.refs)})
    others = ", ".join(f"the tag {name}" if kind == "tag" else name for kind, name in more)
    if others or there.policy["protected_branches"]:
        what = f"the environment {one.name} lets {others or 'every protected branch'} in"
        return what, f"under Settings, Environments, {one.name} leave only {one.refs}"
    return None


def require_closed() -> None:
    """Check that each environment of the workflows is closed to other refs than its own."""
    name = repository()
    try:
        there = find(name)
    except CommandError as error:
        raise CommandError(f"can't ask GitHub for the environments of {name}: run gh auth login ({error})") from error
    for one in wanted():
        if wrong := problem(one, there.get(one.name.lower())):
            raise CommandError(f"GitHub: {': '.join(wrong)}")
