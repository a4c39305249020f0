"""Deployments to a protected main branch: one proposal holds all that nobody has decided on, on git servers over http."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import support
from tests.gitserver import GitServer
from tests.test_publish import assert_whole, clone, protect, tags

# Knows whether a pull request is open, and what it was told last.
GH = """#!{python}
import json, os, pathlib, sys
folder, verb = pathlib.Path(__file__).parent, sys.argv[2]
if verb == "list":
    state = folder / "state"
    painted = os.environ.get("CLICOLOR_FORCE", "0") != "0" or os.environ.get("GH_FORCE_TTY")
    print("\\033[1;38m" if painted else "", state.read_text() if state.exists() else "[]")
else:
    if verb == "create" and (folder / "text").exists():
        sys.exit("a pull request already exists")
    (folder / "text").write_text("\\n".join(sys.argv[sys.argv.index("--title") + 1 :: 2]))
    print("https://forge.example/pull/1")
"""

# Replaces a proposal as soon as it has been looked up, once.
GIT = """#!/bin/sh
PATH={path}
git "$@" || exit
case "$*" in
*"ls-remote origin refs/heads/deploy/dev")
  [ -e {replaced} ] || {{ git --git-dir={server} branch -f deploy/dev newer && touch {replaced}; }} ;;
esac
"""


@dataclass(frozen=True)
class Protected:
    """A product whose server refuses pushes of main."""

    product: Path
    server: GitServer
    programs: Path

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        path = f"{self.programs}{os.pathsep}{support.TOOLS_FIRST}"
        more = {"PATH": path, "PYTHONPATH": str(support.CLOCK), **environment}
        return support.run(sys.executable, f"scripts/{command[0]}", *command[1:], cwd=self.product, **more)

    def ran(self, *command: str, **environment: str) -> str:
        done = self.run(*command, **environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def bump(self, *images: str) -> str:
        return self.ran("bump-image", "dev", *images)

    def on_main(self, *command: str) -> None:
        """What somebody who may push main does."""
        hook = self.server.root / "demo" / "product.git" / "hooks" / "update"
        hook.rename(hook.with_suffix(".off"))
        self.ran(*command)
        hook.with_suffix(".off").rename(hook)

    def git(self, *arguments: str) -> str:
        return support.git(*arguments, cwd=self.product)

    def tip(self, branch: str = "deploy/dev") -> str:
        """The newest commit of a branch of the server, or nothing."""
        if not self.git("ls-remote", "origin", f"refs/heads/{branch}"):
            return ""
        self.git("fetch", "-q", "origin", branch)
        return self.git("rev-parse", "FETCH_HEAD")

    def proposed(self, branch: str = "deploy/dev", environment: str = "dev") -> dict[str, str]:
        """What a proposal changes; it is one commit on the newest main."""
        tip, main = self.tip(branch), self.tip("main")
        assert self.git("rev-list", "--count", f"{main}..{tip}") == "1"
        assert self.git("rev-parse", f"{tip}^") == main
        before = tags(self.product, main, environment)
        return {name: tag for name, tag in tags(self.product, tip, environment).items() if before[name] != tag}

    def push_main(self) -> None:
        """A person merges what is checked out."""
        hook = self.server.root / "demo" / "product.git" / "hooks" / "update"
        hook.rename(hook.with_suffix(".off"))
        self.git("push", "-q", "origin", "HEAD:main")
        hook.with_suffix(".off").rename(hook)

    def says(self, state: str, commit: str, *, fork: bool = False) -> None:
        """The forge has a pull request of that commit."""
        listed = [{"state": state, "headRefOid": commit, "isCrossRepository": fork}]
        (self.programs / "state").write_text(json.dumps(listed))


@pytest.fixture
def protected(own_product: Path, tmp_path: Path) -> Iterator[Protected]:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "gh").write_text(GH.format(python=sys.executable))
    (programs / "gh").chmod(0o755)
    with GitServer(tmp_path) as server:
        support.git("remote", "add", "origin", server.create("demo/product"), cwd=own_product)
        support.git("push", "-q", "-u", "origin", "main", cwd=own_product)
        protect(server, "error: GH006: Protected branch update failed for refs/heads/main.")
        yield Protected(own_product, server, programs)


def test_two_bumps_are_one_proposal_that_says_both(protected: Protected) -> None:
    assert "proposed https://forge.example/pull/1" in protected.bump("frontend=v2")
    assert "proposed https://forge.example/pull/1" in protected.bump("backend=v3")
    assert protected.proposed() == {"frontend": "v2", "backend": "v3"}
    message = protected.git("log", "-1", "--format=%B", protected.tip())
    title, *body = (protected.programs / "text").read_text().splitlines()
    assert title == message.splitlines()[0] == "deploy(dev): frontend v2, backend v3"
    assert {"Deploy-Image: frontend=v2", "Deploy-Image: backend=v3"} <= set(message.splitlines())
    assert {"| frontend | `unreleased` | `v2` |", "| backend | `unreleased` | `v3` |"} <= set(body)
    first = protected.tip()
    protected.bump("backend=v3")
    assert protected.tip() == first, "nothing is newer: no push"
    assert_whole(protected.product, protected.server.root / "demo" / "product.git")


def test_a_proposal_that_is_replaced_while_it_is_fetched_is_added_to(protected: Protected, tmp_path: Path) -> None:
    fresh = clone(protected.product, "fresh")
    server, replaced = protected.server.root / "demo" / "product.git", tmp_path / "replaced"
    for tag in ("v1", "v2"):
        protected.bump(f"frontend={tag}")
        support.git("branch", "-f", {"v1": "older", "v2": "newer"}[tag], "deploy/dev", cwd=server)
    support.git("branch", "-f", "deploy/dev", "older", cwd=server)
    program = protected.programs / "git"
    program.write_text(GIT.format(path=support.TOOLS_FIRST, server=server, replaced=replaced))
    program.chmod(0o755)
    Protected(fresh, protected.server, protected.programs).bump("backend=v3")
    program.unlink()
    assert replaced.exists()
    assert protected.proposed() == {"frontend": "v2", "backend": "v3"}


@pytest.mark.slow
def test_a_build_older_than_the_proposed_one_is_kept_out(protected: Protected) -> None:
    older = protected.tip("main")
    protected.git("commit", "-q", "--allow-empty", "-m", "Build")
    protected.push_main()
    newer = protected.tip("main")
    protected.bump(f"frontend=sha-{newer}")
    assert f"frontend sha-{newer} is newer than sha-{older}: kept" in protected.bump(
        f"frontend=sha-{older}", "backend=v1"
    )
    assert protected.proposed() == {"frontend": f"sha-{newer}", "backend": "v1"}


@pytest.mark.slow
@pytest.mark.parametrize("how", [("--squash",), ("--no-ff", "--no-edit"), ("--ff-only",)])
def test_what_was_merged_is_not_proposed_again_even_after_a_rollback(
    protected: Protected, how: tuple[str, ...]
) -> None:
    """The branch may stay after the merge."""
    protected.on_main("bump-image", "dev", "frontend=v1")
    protected.bump("frontend=v2")
    tip = protected.tip()
    protected.git("merge", "-q", *how, tip)
    if "--squash" in how:
        protected.git("commit", "-q", "-m", "Deploy (#1)")
    protected.push_main()
    protected.on_main("rollback", "dev")
    assert tags(protected.product, protected.tip("main"), "dev")["frontend"] == "v1"
    protected.bump("backend=v3")
    assert protected.proposed() == {"backend": "v3"}


@pytest.mark.slow
@pytest.mark.parametrize(("state", "fork", "kept"), [("CLOSED", False, False), ("MERGED", False, False),
    ("OPEN", False, True), ("CLOSED", True, True)])  # fmt: skip
def test_what_was_declined_is_not_proposed_again(protected: Protected, state: str, fork: bool, kept: bool) -> None:
    """A fork's pull request is for nobody to decide here."""
    protected.bump("frontend=v2")
    protected.says(state, protected.tip(), fork=fork)
    # What a shell may have for terminals.
    protected.ran("bump-image", "dev", "backend=v3", CLICOLOR_FORCE="1", GH_FORCE_TTY="80")
    assert protected.proposed() == {"backend": "v3", **({"frontend": "v2"} if kept else {})}


@pytest.mark.slow
@pytest.mark.parametrize(
    "how",
    [("-m", "Add a note"), ("--amend", "--no-edit", "--date=2030-01-01")],
    ids=["a commit of its own", "an amended one"],
)
def test_the_work_of_a_person_on_a_proposal_is_built_upon(protected: Protected, how: tuple[str, ...]) -> None:
    protected.bump("frontend=v2")
    person = clone(protected.product, "person", "--branch=deploy/dev")
    (person / "NOTES.md").write_text("Mine.\n")
    support.git("add", "-A", cwd=person)
    support.git("commit", "-q", *how, cwd=person)
    support.git("push", "-q", "--force", "origin", "deploy/dev", cwd=person)
    theirs = protected.tip()
    protected.git("commit", "-q", "--allow-empty", "-m", "Something else")
    protected.push_main()
    protected.bump("backend=v3")
    tip = protected.tip()
    assert protected.git("rev-parse", f"{tip}^") == theirs
    assert tags(protected.product, tip, "dev") == {"frontend": "v2", "backend": "v3"}
    assert (protected.programs / "text").read_text().startswith("deploy(dev): frontend v2, backend v3\n")
    protected.bump("backend=v3")
    assert protected.tip() == tip
    protected.on_main("bump-image", "dev", "frontend=v2", "backend=v3")
    done = protected.run("bump-image", "dev", "backend=v4")
    assert "deploy/dev holds commits of somebody else: merge or delete it" in done.stderr
    assert protected.tip() == tip


@pytest.mark.slow
def test_where_main_has_moved_on_it_wins_and_the_proposal_can_be_merged(protected: Protected) -> None:
    protected.bump("frontend=v2", "backend=v2")
    protected.on_main("bump-image", "dev", "frontend=v9")
    assert "dev: frontend is v9 on main by now: v2 is left out" in protected.bump("backend=v3")
    assert protected.proposed() == {"backend": "v3"}


@pytest.mark.slow
def test_rollbacks_are_one_proposal(protected: Protected) -> None:
    for version in ("v1", "v2"):
        for service in ("frontend", "backend"):
            protected.on_main("bump-image", "dev", f"{service}={version}")
    commits = [protected.git("rev-parse", name) for name in ("HEAD", "HEAD^")]
    protected.ran("rollback", "dev")
    assert protected.proposed("rollback/dev") == {"backend": "v1"}
    protected.ran("rollback", "dev", "--commit", commits[0])
    assert protected.proposed("rollback/dev") == {"backend": "v1"}, "it is proposed already"
    subject = protected.git("log", "-1", "--format=%s", protected.tip("rollback/dev"))
    assert subject == "deploy(dev): roll back to backend v1"
    protected.ran("rollback", "dev")
    assert protected.proposed("rollback/dev") == {"backend": "v1", "frontend": "v1"}
    message = protected.git("log", "-1", "--format=%B", protected.tip("rollback/dev"))
    assert all(f"Deploy-Rollback-Of: {commit}" in message.splitlines() for commit in commits)
    protected.git("merge", "-q", "--ff-only", protected.tip("rollback/dev"))
    protected.push_main()
    assert "nothing to roll back" in protected.run("rollback", "dev").stdout


@pytest.mark.slow
def test_a_promotion_says_all_it_holds_and_follows_its_source(protected: Protected) -> None:
    protected.on_main("bump-image", "dev", "frontend=v1", "backend=v1")
    protected.on_main("bump-image", "prod", "frontend=v1", "backend=v1")
    protected.on_main("bump-image", "dev", "frontend=v2")
    protected.ran("promote", "dev", "prod")
    protected.on_main("bump-image", "dev", "backend=v2")
    protected.ran("promote", "dev", "prod")
    assert protected.proposed("promote/dev-to-prod", "prod") == {"frontend": "v2", "backend": "v2"}
    title = (protected.programs / "text").read_text().splitlines()[0]
    assert title == "deploy(prod): promote dev: frontend v2, backend v2"
    protected.on_main("rollback", "dev")
    protected.on_main("rollback", "dev")
    assert "nothing is left to propose" in protected.ran("promote", "dev", "prod")
    assert protected.tip("promote/dev-to-prod") == ""


@pytest.mark.slow
def test_who_opens_it_says_whether_its_checks_begin(protected: Protected) -> None:
    protected.ran("bump-image", "dev", "frontend=v2", GITHUB_TOKEN="run", GH_TOKEN="run")
    assert "Its checks wait for a person" in (protected.programs / "text").read_text()
    protected.ran("bump-image", "dev", "frontend=v3", GITHUB_TOKEN="run", GH_TOKEN="app")
    assert "Its checks wait for a person" not in (protected.programs / "text").read_text()


def test_a_rule_that_an_identity_is_let_past_is_said(protected: Protected) -> None:
    hook = protected.server.root / "demo" / "product.git" / "hooks" / "update"
    hook.write_text("#!/bin/sh\necho 'Bypassed rule violations for refs/heads/main:' >&2\n")
    assert "origin: Bypassed rule violations for refs/heads/main:" in protected.bump("frontend=v2")


@pytest.mark.slow
def test_fifty_bumpers_at_once_are_one_proposal(protected: Protected) -> None:
    builds = []
    for number in range(25):
        protected.git("commit", "-q", "--allow-empty", "-m", f"Build {number}")
        builds.append(protected.git("rev-parse", "HEAD"))
    protected.push_main()
    clones = [clone(protected.product, f"clone{index}") for index in range(10)]
    environment = {**os.environ, "PATH": f"{protected.programs}{os.pathsep}{support.TOOLS_FIRST}"}
    bumpers = [
        subprocess.Popen(
            [sys.executable, "scripts/bump-image", "dev", f"{service}=sha-{build}"],
            cwd=clones[index % 10], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for index, (build, service) in enumerate((build, name) for build in builds for name in ("frontend", "backend"))
    ]  # fmt: skip
    failed = [error for bumper in bumpers for _, error in [bumper.communicate(timeout=280)] if bumper.returncode]
    assert failed == []
    assert protected.proposed() == dict.fromkeys(("frontend", "backend"), f"sha-{builds[-1]}")
