"""GitHub environments: an identity is taken by jobs of `main` alone, whatever a branch writes into its workflows."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import fakes as fakes_of
from tests import support
from tests.fakes import Fakes

CUSTOM = {"protected_branches": False, "custom_branch_policies": True}
PROTECTED = {"protected_branches": True, "custom_branch_policies": False}
REFS = ["refs/heads/feature", "refs/tags/main", "refs/pull/7/merge", "refs/heads/main/x"]


def table(product: Path) -> dict[str, list[str]]:
    """The environments of a product, with who may use each."""
    lines = (product / ".github" / "environments").read_text(encoding="utf-8").splitlines()
    return {words[0]: words[1:] for line in lines if (words := line.partition("#")[0].split())}


def trusted(product: Path) -> dict[str, set[str]]:
    """The environments whose jobs Azure lets be an identity, by the identity's name in the workflows."""
    [*environments] = sorted(path.name for path in product.glob("apps/*/overlays/*"))
    found: dict[str, set[str]] = {}
    for path in product.glob("terraform/*/*.tf"):
        text = path.read_text(encoding="utf-8")
        for line in re.findall(r".*:environment:.*\"$", text, re.MULTILINE):
            [subject] = re.findall(r":environment:([^\"]+)\"", line)
            name = re.findall(r"^\s+(\w+) += ", line)[0]
            identity = name if name != "subject" else path.stem.rpartition("_")[2]
            found[identity] = {subject.replace("${var.environments[0]}", one) for one in environments}
    return found


def attacked(fakes: Fakes) -> list[str]:
    """The environments that a branch, a tag or a pull request gets a token of although Azure trusts it."""
    names = set().union(*trusted(fakes.product).values())
    return [f"{ref} {name}" for name in sorted(names) for ref in REFS if fakes.token(ref, name)]


@pytest.mark.parametrize("fakes", ["faked", "faked_clusters"])
def test_no_branch_can_take_an_identity_once_up_has_run(fakes: str, request: pytest.FixtureRequest) -> None:
    faked: Fakes = request.getfixturevalue(fakes)
    done = faked.run("up")
    assert done.returncode == 0, done.stderr
    assert attacked(faked) == []
    for name, (refs, *_) in table(faked.product).items():
        assert faked.token(f"refs/heads/{refs}", name) == f"environment:{name}"


def test_an_environment_that_a_branch_has_made_first_is_closed_before_azure_trusts_it(faked: Fakes) -> None:
    assert faked.token("refs/heads/feature", "infrastructure")
    assert faked.token("refs/heads/feature", "deploy")
    done = faked.run("up")
    assert done.returncode == 0, done.stderr
    assert attacked(faked) == []
    calls = faked.calls()
    closed = [number for number, line in enumerate(calls) if line.startswith("gh ") and "POST" in line]
    assert max(closed) < next(
        n for n, line in enumerate(calls) if line.startswith("terraform -chdir=terraform/platform apply")
    )


# What a person has set, and what is said of it.
OPEN: dict[str, tuple[dict[str, bool] | None, list[tuple[str, str]], str]] = {
    "protected branches, while none is": (PROTECTED, [], "lets every protected branch in"),
    "a wildcard": (CUSTOM, [("branch", "*")], "lets * in"),
    "another branch": (CUSTOM, [("branch", "main"), ("branch", "release/*")], "lets release/* in"),
    "a tag": (CUSTOM, [("branch", "main"), ("tag", "main")], "lets the tag main in"),
    "pull requests": (CUSTOM, [("branch", "refs/pull/*/merge"), ("branch", "main")], "lets refs/pull/*/merge in"),
}


def github(fakes: Fakes, **facts: Any) -> None:
    fakes.change(github={**fakes.world["github"], **facts})


COMMANDS = ["up", "ci-variables", "check-environments", "doctor"]


def closed(fakes: Fakes) -> None:
    """Set every environment as `make up` does."""
    for name, (refs, *_) in table(fakes.product).items():
        fakes.environment_of(name, CUSTOM, ("branch", refs), reviewers=[1])


def said(fakes: Fakes, command: str, name: str) -> list[str]:
    """Run a command; the lines in which it says that something is wrong with an environment."""
    done = fakes.run(command)
    found = done.stdout if command == "doctor" else done.stderr
    lines = [line for line in found.splitlines() if f"the environment {name} " in line]
    assert done.returncode == 1 or not lines
    assert not lines or lines[0].startswith(("failure  GitHub: ", f"{command}: GitHub: "))
    return lines


@pytest.mark.costly
@pytest.mark.parametrize("name", OPEN)
def test_what_a_person_has_opened_is_refused_with_the_cure_and_left_alone(faked: Fakes, name: str) -> None:
    policy, names, words = OPEN[name]
    closed(faked)
    faked.environment_of("infrastructure", policy, *names, reviewers=[1])
    before = faked.world["github"]
    for command in COMMANDS:
        [line] = said(faked, command, "infrastructure")
        assert f"{words}: under Settings, Environments, infrastructure leave only main" in line
    assert faked.world["github"] == before
    assert faked.calls("terraform") == ["terraform version"]
    assert faked.world["variables"] == ""


@pytest.mark.costly
@pytest.mark.parametrize("how", ["gone", "missing", "open", "half-made"])
def test_an_environment_that_is_missing_or_open_is_cured_by_up(faked: Fakes, how: str) -> None:
    closed(faked)
    if how == "gone":
        assert faked.run("up").returncode == 0
        github(faked, environments={})
    elif how == "missing":
        there = faked.world["github"]["environments"]
        github(faked, environments={name: there[name] for name in there if name != "deploy"})
    else:
        faked.environment_of("deploy", CUSTOM if how == "half-made" else None)
    for command in COMMANDS[1:]:
        [line] = said(faked, command, "deploy")
        assert line.endswith(": run make up, which sets it up for main alone")
    assert faked.run("up").returncode == 0
    for command in COMMANDS[1:]:
        assert said(faked, command, "deploy") == []
    assert attacked(faked) == []


def test_the_infrastructure_waits_for_a_person_and_what_a_person_has_set_stays(faked: Fakes) -> None:
    faked.environment_of("deploy", None, reviewers=[5, 6], wait_timer=30, prevent_self_review=True)
    faked.environment_of("push", CUSTOM, ("branch", "main"), reviewers=[5], wait_timer=10)
    push = faked.world["github"]["environments"]["push"]
    assert faked.run("up").returncode == 0
    environments = faked.world["github"]["environments"]
    assert environments["infrastructure"]["reviewers"] == [7]
    kept = {key: environments["deploy"][key] for key in ("reviewers", "wait_timer", "prevent_self_review")}
    assert kept == {"reviewers": [5, 6], "wait_timer": 30, "prevent_self_review": True}
    assert environments["push"] == push
    faked.environment_of("infrastructure", CUSTOM, ("branch", "main"), reviewers=[9])
    assert faked.run("up").returncode == 0
    assert faked.world["github"]["environments"]["infrastructure"]["reviewers"] == [9]


def test_a_private_repository_of_a_free_plan_is_refused_before_anything_is_made(faked: Fakes) -> None:
    github(faked, private=True)
    failed = faked.run("up")
    assert failed.returncode == 1
    [line] = failed.stderr.splitlines()
    assert "a private repository needs GitHub Pro, Team or Enterprise" in line
    assert faked.calls("terraform") == []


def test_who_is_no_administrator_is_told_to_ask_one(faked: Fakes) -> None:
    github(faked, admin=False)
    failed = faked.run("up")
    assert failed.returncode == 1
    assert "have an administrator run make up" in failed.stderr
    assert faked.calls("terraform") == []


def test_a_plan_without_reviewers_closes_environments_all_the_same_and_says_so(faked: Fakes) -> None:
    github(faked, private=True, plan="team")
    done = faked.run("up")
    assert done.returncode == 0, done.stderr
    assert "Nobody approves runs in the GitHub environment infrastructure: GitHub refuses" in done.stdout
    assert attacked(faked) == []
    [line] = [line for line in faked.run("doctor").stdout.splitlines() if "approves" in line]
    assert line.startswith("warning  GitHub: the environment infrastructure has no reviewers")


def test_what_github_can_not_keep_from_branches_is_a_warning(rendered: Callable[[str], Path], tmp_path: Path) -> None:
    product = shutil.copytree(rendered("own-images-on-ghcr-without-database"), tmp_path / "product")
    faked = fakes_of.around(product, tmp_path / "fakes")
    [line] = [line for line in faked.run("doctor").stdout.splitlines() if "packages" in line]
    assert line.startswith("warning  GitHub: a workflow of any branch can push packages, which no setting forbids: ")


def jobs(product: Path) -> list[tuple[str, str, dict[str, Any], dict[str, Any]]]:
    """Every job of a product's workflows: file, name, the workflow and the job."""
    found = []
    for path in sorted(product.glob(".github/workflows/*.yml")):
        workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
        found += [(path.name, name, workflow, job) for name, job in workflow["jobs"].items()]
    return found


def test_each_identity_is_for_jobs_of_its_own_environments_alone(product: Path) -> None:
    if not (product / ".github").exists():
        return
    azure = trusted(product)
    rows = table(product)
    assert set().union(*azure.values()) <= set(rows)
    environments = sorted(path.name for path in product.glob("apps/*/overlays/*"))
    assert sum(map(len, azure.values())) == len(set().union(*azure.values())), "no environment stands for two"
    for file, name, _, job in jobs(product):
        for identity in set(re.findall(r"AZURE_(\w+?)_CLIENT_ID", str(job.get("steps")) + str(job.get("env")))):
            where = {re.sub(r"\$\{\{.*\}\}", one, job.get("environment", "")) for one in environments}
            if identity == "PLAN":
                assert where == {""}
                # It only reads. On main, its subject is the branch.
                assert "pull_request" in job["if"]
            else:
                assert where == azure[identity.lower()], f"{file}: {name}"
    for name, (ref, *_) in rows.items():
        assert ref == ("refs/pull/*/merge" if name == "previews" else support.branch(product))


def test_the_pipeline_applies_nothing_while_an_environment_is_open(product: Path) -> None:
    """An apply makes Azure trust environments by name: `make up` may not have seen those that an update brought."""
    for file, name, _, job in jobs(product):
        runs = [step.get("run", "") for step in job.get("steps", [])]
        applies = [number for number, run in enumerate(runs) if run.startswith("scripts/apply")]
        assert not applies or runs.index("scripts/check-environments") < min(applies), f"{file}: {name}"


def test_what_may_write_packages_or_has_a_secret_runs_for_the_main_branch_alone(product: Path) -> None:
    """Called from another repository, a job is there: only its own condition and that repository's rules hold."""
    rows = table(product) if (product / ".github").exists() else {}
    for file, name, workflow, job in jobs(product) if rows else []:
        # `on` is a truth value to YAML.
        elsewhere = set(dict(workflow)[True]) == {"workflow_call"}  # type: ignore[index]
        pushes = job.get("permissions", {}).get("packages") == "write" or "docker/login-action" in str(job.get("steps"))
        if pushes:
            assert job["if"] == f"github.ref == 'refs/heads/{support.branch(product)}'", f"{file}: {name}"
        if re.search(r"secrets\.\w+", str(job.get("steps"))) or (pushes and not elsewhere):
            assert "environment" in job, f"{file}: {name}"


def test_one_key_for_all_that_is_proposed_and_no_action_but_the_apps_gets_a_token_of_it(product: Path) -> None:
    """Other actions have run before on that machine, and none runs after; a checkout keeps no token."""
    holders = set()
    environments = sorted(path.name for path in product.glob("apps/*/overlays/*"))
    for file, name, _, job in jobs(product):
        steps = job.get("steps", [])
        users = [number for number, step in enumerate(steps) if "PROPOSALS_KEY" in str(step)]
        proposes = any(
            re.search(r"scripts/(deploy|bump-image|promote|rollback|template-propose|roll-out \S+ \S)", str(s))
            for s in steps
        )
        assert bool(users) == proposes, f"{file}: {name}"
        if users:
            holders |= {re.sub(r"\$\{\{.*\}\}", one, job["environment"]) for one in environments}
            app, *others = steps[users[0] :]
            assert app["uses"].startswith("actions/create-github-app-token@")
            assert app["if"] == "vars.PROPOSALS_APP != ''", "a fine-grained token needs none"
            assert {key for key in app["with"] if key.startswith("permission-")} >= {"permission-contents"}
            assert not [step for step in others if "uses" in step]
            assert "PROPOSALS_KEY" not in str(job.get("env"))
        for step in steps:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False, f"{file}: {name}"
    assert holders == {name for name, row in (table(product) if holders else {}).items() if "proposes" in row}
