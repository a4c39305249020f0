"""What is GitHub's: environments, the subject that Azure trusts, variables for the workflows, and checks of them."""

import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from cloud import github_environments
from cloud.roots import PLATFORM, Root
from gitops.process import CommandError, output
from gitops.repository import ROOT, main_branch, own_clusters

from . import environments
from .azure import Subscription
from .owner import REGISTRY, ROOTS, Owner
from .programs import Tool, require
from .report import Line, Pool, failure, ok, warning

TOOLS = [
    # gh variable
    Tool("gh", "2.32", ("--version",), "https://cli.github.com"),
]
NEXT = "make ci-variables, which tells the workflows the names of what was made"
REMOVED = "the workflows' variables name what is gone: they fail until the next make up and make ci-variables"
# What Terraform says of a root that was not applied.
_NOT_MADE = 'Output "github_variables" not found'
_PROPOSALS_KEY = "PROPOSALS_KEY"
_WORKFLOWS = ROOT / ".github" / "workflows"
_SUBJECT = ROOT / "terraform" / "platform" / "github.auto.tfvars"


def _subject_prefix(repository: str) -> str:
    path = f"repos/{repository}/actions/oidc/customization/sub"
    return output("gh", "api", path, "--jq", ".sub_claim_prefix // empty", timeout=60).strip()


def prepare() -> None:
    """Close the workflows' environments, and write down the subject that GitHub presents for this repository, once.

    The subject holds the ids of owner and repository, for repositories made since July 2026, and Azure compares it
    letter by letter. So it is asked for and kept in Git.
    """
    repository = github_environments.repository()
    try:
        prefix = "" if _SUBJECT.exists() else _subject_prefix(repository)
        there = github_environments.find(repository)
    except CommandError as error:
        cure = "install gh (https://cli.github.com), push the repository, run gh auth login"
        raise CommandError(f"can't ask GitHub about {repository}: {cure} ({error})") from error
    environments.set_up(repository, there)
    if prefix:
        _SUBJECT.write_text(f"github_subject_prefix = {json.dumps(prefix)}\n", encoding="utf-8")
        print(f"Wrote {_SUBJECT.relative_to(ROOT)}: commit it, the pipeline needs the same.")


def _made(chosen: Subscription, root: Root, environment: str | None = None) -> dict[str, str]:
    """Return what a root has made for the workflows."""
    runner = Owner(chosen, environment)
    runner.init(root)
    made: dict[str, str] = json.loads(runner.outputs(root, "github_variables"))
    return made


def _variables(chosen: Subscription) -> dict[str, str]:
    """Return all variables; clusters of their own stand in one, by environment, as far as they have been made."""
    names = own_clusters()
    if not names:
        return _made(chosen, PLATFORM)
    shared = _made(chosen, REGISTRY) if REGISTRY in ROOTS else {}
    clusters: dict[str, dict[str, str]] = {}
    for environment in names:
        try:
            clusters[environment] = _made(chosen, PLATFORM, environment)
        except CommandError as error:
            if _NOT_MADE not in error.details:
                raise CommandError(f"{environment}: {error}") from error
            print(f"{environment}: nothing to tell yet, its workflows wait for make up")
    if not clusters:
        raise CommandError(_NOT_MADE)
    return {**shared, "CLUSTERS": json.dumps(clusters)}


def set_variables(chosen: Subscription) -> list[str]:
    """Set the variables of the repository, none of them a secret; return their names."""
    require("gh")
    github_environments.require_closed()
    try:
        variables = _variables(chosen)
    except CommandError as error:
        if _NOT_MADE not in error.details:
            raise
        raise CommandError("there is nothing to tell GitHub yet: run make up first") from error
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "variables")
        path.write_text("".join(f"{name}={value}\n" for name, value in variables.items()), encoding="utf-8")
        try:
            output("gh", "variable", "set", "--repo", github_environments.repository(), "--env-file", str(path))
        except CommandError as error:
            raise CommandError(f"GitHub refuses: ask for write access, run gh auth login ({error})") from error
    return sorted(variables)


def _proposals(pool: Pool, repository: str) -> Iterator[Line]:
    """Check that the jobs which propose have a key with which their pull requests are checked."""
    rules = pool.ask(
        *("gh", "api", f"repos/{repository}/rules/branches/{quote(main_branch(), safe='')}"),
        *("--jq", 'any(.[]; .type == "required_status_checks" or .type == "pull_request")'),
    )
    names = [one.name for one in github_environments.wanted() if one.proposes]
    listed = {
        name: pool.ask(
            "gh", "secret", "list", "--repo", repository, "--env", name, "--json", "name", "--jq", ".[].name"
        )
        for name in names
    }
    try:
        missing = [name for name, secrets in listed.items() if _PROPOSALS_KEY not in secrets.result().split()]
        required = "true" in rules.result()
    except CommandError as error:
        yield Line("skipped", f"GitHub: {_PROPOSALS_KEY} can't be looked for, as before the first make up ({error})")
        return
    if not missing:
        yield ok(f"GitHub: {_PROPOSALS_KEY} is in the environments {', '.join(names)}")
        return
    what = f"GitHub: {_PROPOSALS_KEY} is missing in {', '.join(missing)}: checks of what the pipeline proposes wait"
    if required:
        yield failure(f"{what}, and {main_branch()} requires them", "A token for proposals, in README.md")
    else:
        yield warning(f"{what} for a person", "A token for proposals, in README.md")


def checks(pool: Pool) -> Iterator[Line]:
    """Check that gh is signed in, may set variables, and that the subject is the one GitHub presents."""
    repository = github_environments.repository()
    signed_in = pool.ask("gh", "auth", "status", "--hostname", "github.com")
    seen = pool.ask("gh", "api", f"repos/{repository}", "--jq", ".permissions.push")
    listed = pool.ask("gh", "variable", "list", "--repo", repository, "--json", "name")
    subject = pool.ask(
        "gh", "api", f"repos/{repository}/actions/oidc/customization/sub", "--jq", ".sub_claim_prefix // empty"
    )
    there = pool.call(github_environments.find, repository)
    proposals = _proposals(pool, repository)
    try:
        signed_in.result()
    except CommandError as error:
        if "not on PATH" not in str(error):
            yield failure("GitHub: not signed in", "run gh auth login")
        yield Line("skipped", "GitHub, variables, environments and subject of the repository: gh is not signed in")
        return
    yield ok("GitHub: signed in")
    try:
        may_push = seen.result().strip() == "true"
    except CommandError as error:
        cure = "push the repository, or run gh auth login with an account that sees it"
        yield failure(f"GitHub: {repository} can't be seen ({error})", cure)
        return
    if not may_push:
        yield failure(f"GitHub: no write access to {repository}, which setting variables needs", "ask an owner for it")
    else:
        try:
            listed.result()
            yield ok(f"GitHub: variables of {repository} can be set")
        except CommandError as error:
            cure = "run gh auth refresh --scopes repo, or give the token the permission Variables"
            yield failure(f"GitHub: variables of {repository} can't be read ({error})", cure)
    try:
        yield from environments.checks(there.result(), before_up=not _SUBJECT.exists())
    except CommandError as error:
        cure = "run gh auth refresh --scopes repo, or give the token the permission Actions"
        yield failure(f"GitHub: environments of {repository} can't be read ({error})", cure)
    yield from proposals
    if any("packages: write" in path.read_text(encoding="utf-8") for path in _WORKFLOWS.glob("*.yml")):
        what_runs = f"what runs is named by digest, and only {main_branch()} may change it"
        yield warning("GitHub: a workflow of any branch can push packages, which no setting forbids", what_runs)
    try:
        prefix = subject.result().strip()
    except CommandError as error:
        yield warning(f"GitHub: the subject of {repository} can't be read ({error})", "make up will ask again")
        return
    kept = re.search(r'"(.*)"', _SUBJECT.read_text(encoding="utf-8")) if _SUBJECT.exists() else None
    if kept and prefix and kept[1] != prefix:
        name = _SUBJECT.relative_to(ROOT)
        cure = f"remove {name} and run make up, then commit it"
        yield failure(f"GitHub: presents {prefix}, but {name} says {kept[1]}: Azure refuses the workflows", cure)
    elif kept:
        yield ok("GitHub: the subject that Azure trusts is the one GitHub presents")
