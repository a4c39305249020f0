"""Sets up the GitHub environments of the workflows, and looks at how they are."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cloud.github_environments import Found, Wanted, problem, require_closed, unfinished, wanted
from gitops.process import CommandError, output

from .report import Line, failure, ok, warning

_CLOSED = {"protected_branches": False, "custom_branch_policies": True}


def _rules(there: Found | None) -> dict[str, Any]:
    """Return the protection rules of an environment as GitHub takes them, without those about refs."""
    taken: dict[str, Any] = {}
    for rule in there.rules if there else ():
        if rule["type"] == "wait_timer":
            taken["wait_timer"] = rule["wait_timer"]
        elif rule["type"] == "required_reviewers":
            taken["prevent_self_review"] = rule.get("prevent_self_review", False)
            taken["reviewers"] = [{"type": one["type"], "id": one["reviewer"]["id"]} for one in rule["reviewers"]]
    return taken


def _put(path: str, rules: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        body = Path(folder, "environment.json")
        body.write_text(json.dumps({**rules, "deployment_branch_policy": _CLOSED}), encoding="utf-8")
        output("gh", "api", "--method", "PUT", path, "--input", str(body), "--silent")


def _close(path: str, one: Wanted, there: Found | None) -> None:
    """Make an environment, or close one that is open to any ref; what else is set on it stays."""
    if there is None or there.policy is None:
        _put(path, _rules(there))
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
            if unfinished(now):
                _close(f"repos/{repository}/environments/{one.name}", one, now)
        except CommandError as error:
            what = f"GitHub does not let the environment {one.name} be closed to other branches"
            cure = "have an administrator run make up; a private repository needs GitHub Pro, Team or Enterprise"
            raise CommandError(f"{what}: {cure} ({error})") from error
    require_closed()
    for one in wanted():
        now = there.get(one.name.lower())
        rules = _rules(now)
        if one.reviewed and not rules.get("reviewers"):
            _review(f"repos/{repository}/environments/{one.name}", one, rules)


def checks(there: dict[str, Found], *, before_up: bool) -> Iterator[Line]:
    """Yield the findings of `make doctor` about a repository's environments; before the first `make up` it has none."""
    names = ", ".join(one.name for one in wanted())
    if before_up and not any(one.name.lower() in there for one in wanted()):
        yield ok(f"GitHub: make up sets up the environments {names}")
        return
    problems = [wrong for one in wanted() if (wrong := problem(one, there.get(one.name.lower())))]
    for what, cure in problems:
        yield failure(f"GitHub: {what}", cure)
    if not problems:
        yield ok(f"GitHub: the environments {names} are closed to other branches")
    for one in wanted():
        now = there.get(one.name.lower())
        if one.reviewed and now and not _rules(now).get("reviewers"):
            cure = "run make up, or set them under Settings, Environments; a private repository needs GitHub Enterprise"
            yield warning(f"GitHub: the environment {one.name} has no reviewers, so nobody approves its runs", cure)
