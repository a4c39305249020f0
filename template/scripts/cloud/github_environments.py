"""GitHub environments: Azure trusts a job by the environment it names, so each must be closed to all refs but its own.

GitHub makes an environment that does not exist when a job first names it, open to every branch.
"""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gitops.process import CommandError, output
from gitops.repository import ROOT

from .report import Line, failure, ok, warning

_TABLE = ROOT / ".github" / "environments"
_CLOSED = {"protected_branches": False, "custom_branch_policies": True}


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
        rules: its other protection rules, as GitHub takes them.
    """

    policy: dict[str, bool] | None
    refs: frozenset[tuple[str, str]] = frozenset()
    rules: dict[str, Any] = field(default_factory=dict)


def wanted() -> list[Wanted]:
    """Return the environments that the workflows' jobs run in."""
    rows = [line.partition("#")[0].split() for line in _TABLE.read_text(encoding="utf-8").splitlines()]
    return [Wanted(row[0], row[1], "reviewed" in row, "proposes" in row) for row in rows if row]


def _rules(listed: list[dict[str, Any]]) -> dict[str, Any]:
    """Return protection rules in the form in which GitHub takes them, without those about refs."""
    taken: dict[str, Any] = {}
    for rule in listed:
        if rule["type"] == "wait_timer":
            taken["wait_timer"] = rule["wait_timer"]
        elif rule["type"] == "required_reviewers":
            taken["prevent_self_review"] = rule.get("prevent_self_review", False)
            taken["reviewers"] = [{"type": one["type"], "id": one["reviewer"]["id"]} for one in rule["reviewers"]]
    return taken


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
        found[name] = Found(policy, refs, _rules(given["protection_rules"]))
    return found


def _unfinished(there: Found | None) -> bool:
    """Tell whether nobody has said yet which refs may use an environment."""
    return there is None or there.policy is None or not (there.policy["protected_branches"] or there.refs)


def _problem(one: Wanted, there: Found | None) -> tuple[str, str] | None:
    """Return what is wrong with an environment and the cure; None where it is closed."""
    if there is None or there.policy is None or _unfinished(there):
        state = "is missing" if there is None else "lets any branch in" if there.policy is None else "lets nobody in"
        return f"the environment {one.name} {state}", f"run make up, which sets it up for {one.refs} alone"
    more = sorted(there.refs - {("branch", one.refs)})
    others = ", ".join(f"the tag {name}" if kind == "tag" else name for kind, name in more)
    if others or there.policy["protected_branches"]:
        what = f"the environment {one.name} lets {others or 'every protected branch'} in"
        return what, f"under Settings, Environments, {one.name} leave only {one.refs}"
    return None


def require_closed(repository: str) -> None:
    """Check that no environment is open to other refs than its own."""
    try:
        there = find(repository)
    except CommandError as error:
        raise CommandError(
            f"can't ask GitHub for the environments of {repository}: run gh auth login ({error})"
        ) from error
    for one in wanted():
        if problem := _problem(one, there.get(one.name.lower())):
            raise CommandError(f"GitHub: {': '.join(problem)}")


def _put(path: str, rules: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        body = Path(folder, "environment.json")
        body.write_text(json.dumps({**rules, "deployment_branch_policy": _CLOSED}), encoding="utf-8")
        output("gh", "api", "--method", "PUT", path, "--input", str(body), "--silent")


def _close(path: str, one: Wanted, there: Found | None) -> None:
    """Make an environment, or close one that is open to any ref; what else is set on it stays."""
    if there is None or there.policy is None:
        _put(path, there.rules if there else {})
    name = f"name={one.refs}"
    output("gh", "api", "--method", "POST", f"{path}/deployment-branch-policies", "--raw-field", name, "--silent")
    print(f"Set up the GitHub environment {one.name}, for {one.refs} alone.")


def _review(path: str, one: Wanted, rules: dict[str, Any]) -> None:
    """Make whoever is signed in the reviewer of an environment that has none."""
    try:
        person = {"type": "User", "id": int(output("gh", "api", "user", "--jq", ".id"))}
        _put(path, {**rules, "reviewers": [person]})
    except CommandError as error:
        print(f"Nobody approves runs in the GitHub environment {one.name}: GitHub refuses reviewers ({error}).")


def set_up(repository: str, there: dict[str, Found]) -> None:
    """Make the environments that are missing, and close those that are open to any ref.

    Nothing that a person has set is weakened or replaced.

    Args:
        repository: OWNER/NAME.
        there: the environments that there are.
    """
    for one in wanted():
        now = there.get(one.name.lower())
        try:
            if _unfinished(now):
                _close(f"repos/{repository}/environments/{one.name}", one, now)
        except CommandError as error:
            what = f"GitHub does not let the environment {one.name} be closed to other branches"
            cure = "have an administrator run make up; a private repository needs GitHub Pro, Team or Enterprise"
            raise CommandError(f"{what}: {cure} ({error})") from error
    require_closed(repository)
    for one in wanted():
        now = there.get(one.name.lower())
        rules = now.rules if now else {}
        if one.reviewed and not rules.get("reviewers"):
            _review(f"repos/{repository}/environments/{one.name}", one, rules)


def checks(there: dict[str, Found], *, before_up: bool) -> Iterator[Line]:
    """Yield the findings of `make doctor` about a repository's environments; before the first `make up` it has none."""
    names = ", ".join(one.name for one in wanted())
    if before_up and not any(one.name.lower() in there for one in wanted()):
        yield ok(f"GitHub: make up sets up the environments {names}")
        return
    problems = [problem for one in wanted() if (problem := _problem(one, there.get(one.name.lower())))]
    for what, cure in problems:
        yield failure(f"GitHub: {what}", cure)
    if not problems:
        yield ok(f"GitHub: the environments {names} are closed to other branches")
    for one in wanted():
        now = there.get(one.name.lower())
        if one.reviewed and now and not now.rules.get("reviewers"):
            cure = "run make up, or set them under Settings, Environments; a private repository needs GitHub Enterprise"
            yield warning(f"GitHub: the environment {one.name} has no reviewers, so nobody approves its runs", cure)
