"""What scripts/bump-image and scripts/promote withstand: rivals, kills and refusals, on git servers over http."""

import contextlib
import itertools
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import support
from tests.gitserver import GitServer

pytestmark = pytest.mark.slow

ENVIRONMENTS = ("dev", "prod")
SERVICES = ("backend", "frontend")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    with GitServer(tmp_path) as running:
        yield running


@pytest.fixture
def served(own_product: Path, server: GitServer) -> Path:
    """The default product, pushed to a repository of the server."""
    support.git("remote", "add", "origin", server.create("demo/product"), cwd=own_product)
    support.git("push", "-q", "-u", "origin", "main", cwd=own_product)
    return own_product


def clone(product: Path, name: str, *options: str) -> Path:
    url = support.git("remote", "get-url", "origin", cwd=product)
    support.git("clone", "-q", *options, url, str(product.parent / name), cwd=product.parent)
    return product.parent / name


def bump(product: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return support.run(sys.executable, "scripts/bump-image", *arguments, cwd=product, PYTHONPATH=str(support.CLOCK))


def start(product: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "scripts/bump-image", *arguments],
        cwd=product,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )


def fetched_tip(product: Path) -> str:
    support.git("fetch", "-q", "origin", "main", cwd=product)
    return support.git("rev-parse", "FETCH_HEAD", cwd=product)


def deployments(product: Path, tip: str) -> list[tuple[str, str, str]]:
    """Environment, service and tag of every deployment, oldest first."""
    log = support.git("log", "--reverse", "--format=%s", "--grep=^deploy(", tip, cwd=product)
    found = []
    for line in log.splitlines():
        match = re.fullmatch(r"deploy\((\w+)\): (.*)", line)
        assert match, line
        found += [(match[1], *image.split(" ")) for image in match[2].split(", ")]
    return found


def tags(product: Path, tip: str, environment: str) -> dict[str, str]:
    [path] = product.glob(f"apps/*/overlays/{environment}/imagetags/kustomization.yaml")
    text = support.git("show", f"{tip}:{path.relative_to(product)}", cwd=product)
    return dict(re.findall(r'/([\w-]+)"\n    newTag: "([\w.-]+)"', text))


def assert_whole(product: Path, bare: Path) -> None:
    """Neither the clone nor the server's repository is damaged, locked or dirty, and history is one line."""
    for folder in (product, bare):
        done = support.run("git", "fsck", "--strict", "--no-dangling", cwd=folder)
        assert done.returncode == 0, done.stderr
        assert not [line for line in done.stderr.splitlines() if "error" in line]
    git_folder = support.git("rev-parse", "--absolute-git-dir", cwd=product)
    assert [path for path in Path(git_folder).rglob("*.lock") if path.name != "deploy.lock"] == []
    assert support.git("status", "--porcelain", cwd=product) == ""
    assert support.git("rev-list", "--min-parents=2", "main", cwd=bare) == ""


def test_fifty_bumpers_at_once_lose_nothing_and_never_go_back(served: Path, server: GitServer) -> None:
    """Two builds of each of 24 pairs of clone, environment and service, and two that bump both services at once."""
    builds = [fetched_tip(served)]
    for number in range(1, 14):
        support.git("commit", "-q", "--allow-empty", "-m", f"Build {number}", cwd=served)
        builds.append(support.git("rev-parse", "HEAD", cwd=served))
    support.git("push", "-q", "origin", "main", cwd=served)
    clones = [clone(served, f"clone{index}") for index in range(9)]
    clones.append(clone(served, "shallow", "--depth=1"))

    wanted = [
        (environment, [f"{service}=sha-{build}"])
        for environment, service, build in itertools.product(ENVIRONMENTS, SERVICES, builds[:12])
    ]
    wanted += [(environment, [f"{service}=sha-{builds[-1]}" for service in SERVICES]) for environment in ENVIRONMENTS]
    assert len(wanted) == 50
    random.Random(5).shuffle(wanted)
    began = time.monotonic()
    bumpers = [
        start(clones[index % len(clones)], environment, *images) for index, (environment, images) in enumerate(wanted)
    ]
    outputs = [bumper.communicate(timeout=280) for bumper in bumpers]
    took = time.monotonic() - began
    assert [bumper.returncode for bumper in bumpers] == [0] * 50, [error for _, error in outputs if error]

    tip = fetched_tip(served)
    landed = deployments(served, tip)
    kept = sum("is newer than" in output for output, _ in outputs)
    assert len(landed) == len(set(landed)), "a bump landed twice"
    commits = support.git("log", "--format=%H", "--grep=^deploy(", tip, cwd=served).splitlines()
    assert len(commits) + kept == 50
    order = {f"sha-{build}": index for index, build in enumerate(builds)}
    for environment, service in itertools.product(ENVIRONMENTS, SERVICES):
        sequence = [order[tag] for e, s, tag in landed if (e, s) == (environment, service)]
        assert sequence == sorted(sequence), f"{environment}: {service} went back to an older build"
        assert tags(served, tip, environment)[service] == f"sha-{builds[-1]}"
    for folder in clones:
        assert_whole(folder, server.root / "demo" / "product.git")
    print(f"\n50 bumpers: {len(commits)} landed, {kept} kept a newer build, 0 lost, in {took:.0f} s")


def test_fifty_bumpers_whose_tags_name_no_commit_all_land_each_once_and_alone(pushed_product: Path) -> None:
    """No tag is older than another, so none may be kept back."""
    served = pushed_product
    pairs = list(itertools.product(ENVIRONMENTS, SERVICES))
    wanted = [(*pairs[number % len(pairs)], f"v{number}") for number in range(50)]
    clones = [clone(served, f"clone{index}") for index in range(10)]
    began = time.monotonic()
    bumpers = [start(clones[n % 10], e, f"{s}={tag}") for n, (e, s, tag) in enumerate(wanted)]
    took = [0.0] * 50
    while any(bumper.poll() is None for bumper in bumpers):
        took = [t or (time.monotonic() - began) * (b.poll() is not None) for t, b in zip(took, bumpers, strict=True)]
        time.sleep(0.05)
    failed = [bumper.communicate() for bumper in bumpers if bumper.wait()]
    assert failed == []
    tip = fetched_tip(served)
    landed = deployments(served, tip)
    assert sorted(landed) == sorted(wanted)
    before = {environment: dict.fromkeys(SERVICES, "unreleased") for environment in ENVIRONMENTS}
    commits = support.git("log", "--reverse", "--format=%H", "--grep=^deploy(", tip, cwd=served).splitlines()
    for commit, (environment, service, tag) in zip(commits, landed, strict=True):
        before[environment][service] = tag
        assert {e: tags(served, commit, e) for e in ENVIRONMENTS} == before, "somebody else's tag changed"
    print(
        f"\n50 bumpers: 50 landed, 0 lost, the last after {max(took):.0f} s, half of them in {sorted(took)[25]:.0f} s"
    )


def test_a_bumper_killed_at_any_moment_leaves_all_whole_and_is_repeatable(served: Path, server: GitServer) -> None:
    began = time.monotonic()
    assert bump(served, "dev", "frontend=v0").returncode == 0
    whole = time.monotonic() - began
    chance = random.Random(7)
    killed = 0
    for number in range(1, 13):
        bumper = start(served, "dev", f"frontend=v{number}", f"backend=v{number}")
        time.sleep(chance.uniform(0.1, 1.0) * whole)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(bumper.pid, signal.SIGKILL)
        bumper.communicate()
        killed += bumper.returncode == -signal.SIGKILL
        time.sleep(0.2)  # What the server has begun it ends by itself.
        began = time.monotonic()
        done = bump(served, "dev", f"frontend=v{number}", f"backend=v{number}")
        whole = min(whole, time.monotonic() - began)  # The first one of all takes longer.
        assert done.returncode == 0, done.stderr
        assert tags(served, fetched_tip(served), "dev") == {"frontend": f"v{number}", "backend": f"v{number}"}
        assert_whole(served, server.root / "demo" / "product.git")
    assert killed >= 6, "the kills came too late to mean anything"
    landed = deployments(served, fetched_tip(served))
    assert len(landed) == len(set(landed)) == 1 + 2 * 12


REFUSALS = [
    "! [remote rejected] main -> main (cannot lock ref)",
    "error: try later",
    "fatal: internal server error",
    "remote: Resolving deltas: 100%, then no",
    "non-fast-forward",
    "stale info",
    "GitLab: the server is busy, please retry",
]


def test_a_server_that_refuses_in_ever_other_words_is_asked_again(served: Path, server: GitServer) -> None:
    bare = server.root / "demo" / "product.git"
    (bare / "words").write_text("".join(f"{words}\n" for words in REFUSALS))
    hook = bare / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\n[ -s words ] || exit 0\nhead -n 1 words >&2\nsed -i 1d words\nexit 1\n")
    hook.chmod(0o755)
    done = bump(served, "dev", "frontend=v3")
    assert done.returncode == 0, done.stderr
    assert not (bare / "words").read_text()
    assert tags(served, fetched_tip(served), "dev")["frontend"] == "v3"


def test_a_server_that_is_away_for_a_while_is_asked_again(served: Path, server: GitServer) -> None:
    statuses = iter([503, 502, 429, 500, 503])
    pushed: list[str] = []

    def trouble(path: str) -> int | None:
        if "receive-pack" in path:
            pushed.append(path)
        return next(statuses, None) if pushed else None

    server.trouble = trouble
    done = bump(served, "dev", "frontend=v3")
    assert done.returncode == 0, done.stderr
    assert next(statuses, None) is None
    assert tags(served, fetched_tip(served), "dev")["frontend"] == "v3"


def test_a_push_whose_answer_is_lost_is_not_made_twice(served: Path, server: GitServer) -> None:
    """The server takes the commit, and the connection breaks before it says so."""
    bare = server.root / "demo" / "product.git"
    hook = bare / "hooks" / "post-receive"
    hook.write_text("#!/bin/sh\nrm -f hooks/post-receive\nkill -9 $PPID\n")
    hook.chmod(0o755)
    done = bump(served, "dev", "frontend=v3")
    assert done.returncode == 0, done.stderr
    assert not hook.exists()
    tip = fetched_tip(served)
    assert deployments(served, tip) == [("dev", "frontend", "v3")]
    assert done.stdout == f"dev: frontend v3 in {tip[:12]}\n", "the roll-out needs to know the commit"


def protect(server: GitServer, words: str, also: str = "refs/heads/main") -> None:
    hook = server.root / "demo" / "product.git" / "hooks" / "update"
    hook.write_text(f'#!/bin/sh\ncase $1 in {also}) echo "{words}" >&2; exit 1 ;; esac\n')
    hook.chmod(0o755)


@pytest.mark.parametrize(
    "words",
    [
        "error: GH006: Protected branch update failed for refs/heads/main.",
        "error: GH013: Repository rule violations found for refs/heads/main.",
        "GitLab: You are not allowed to push code to protected branches on this project.",
        "Gitea: Not allowed to push to protected branch main",
        "TF402455: Pushes to this branch are not permitted; you must use a pull request to update this branch.",
        "policy 42 says no",
    ],
)
def test_a_protected_branch_gets_a_proposal_whatever_its_words(served: Path, server: GitServer, words: str) -> None:
    protect(server, words)
    before = fetched_tip(served)
    done = bump(served, "dev", "frontend=v3")
    assert done.returncode == 0, done.stderr
    assert "the server refuses direct pushes to main, so this is proposed" in done.stdout
    assert fetched_tip(served) == before
    support.git("fetch", "-q", "origin", "deploy/dev", cwd=served)
    assert tags(served, "FETCH_HEAD", "dev")["frontend"] == "v3"
    assert_whole(served, server.root / "demo" / "product.git")


@pytest.mark.parametrize(
    ("words", "cure"),
    [
        ("", "allow this identity to push to main, or to deploy/dev for a proposal"),
        ("- Commits must have verified signatures.", "sign its commits: git config commit.gpgSign true"),
    ],
)
def test_where_no_branch_may_be_pushed_one_line_says_what_to_do(
    words: str, cure: str, served: Path, server: GitServer
) -> None:
    protect(server, f"error: GH013: Repository rule violations found {words}", "*")
    done = bump(served, "dev", "frontend=v3")
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert cure in line


def test_a_shallow_clone_knows_which_build_is_older(served: Path) -> None:
    older = fetched_tip(served)
    support.git("commit", "-q", "--allow-empty", "-m", "Build", cwd=served)
    support.git("push", "-q", "origin", "main", cwd=served)
    newer = fetched_tip(served)
    assert bump(served, "dev", f"frontend=sha-{newer}").returncode == 0
    shallow = clone(served, "shallow", "--depth=1")
    done = bump(shallow, "dev", f"frontend=sha-{older}")
    assert done.returncode == 0, done.stderr
    assert f"frontend sha-{newer} is newer than sha-{older}: kept" in done.stdout


def test_a_dirty_working_tree_is_refused_and_untouched_by_every_command(served: Path) -> None:
    assert bump(served, "dev", "frontend=v1").returncode == 0
    tip = fetched_tip(served)
    [imagetags] = served.glob("apps/*/overlays/dev/imagetags/kustomization.yaml")
    imagetags.write_text(imagetags.read_text().replace("v1", "v9"))
    (served / "new.txt").write_text("mine\n")
    support.git("add", "new.txt", cwd=served)
    before = support.git("status", "--porcelain", cwd=served)
    for command in (["bump-image", "dev", "frontend=v2"], ["rollback", "dev"]):
        done = support.run(sys.executable, f"scripts/{command[0]}", *command[1:], cwd=served)
        assert done.returncode == 1
        assert "has changes that are not committed: commit or stash them first" in done.stderr
    assert support.git("status", "--porcelain", cwd=served) == before
    assert "v9" in imagetags.read_text()
    assert fetched_tip(served) == tip


def test_a_branch_whose_name_ends_like_that_of_main_is_not_taken_for_it(served: Path, server: GitServer) -> None:
    """Git lists it too, and first. Whoever may push a branch would have what they wrote proposed by the pipeline."""
    support.git("push", "-q", "origin", "main:refs/heads/a/refs/heads/main", cwd=served)
    assert bump(served, "dev", "frontend=v1").returncode == 0
    done = bump(served, "dev", "frontend=v2")
    assert done.stdout.startswith("dev: frontend v2 in "), done.stdout + done.stderr
    assert sorted(server.branches(server.root / "demo" / "product.git")) == ["a/refs/heads/main", "main"]


@pytest.mark.parametrize("times", [2, 99])
def test_a_rollback_withstands_a_moment_without_the_server_and_names_a_longer_one(
    times: int, served: Path, server: GitServer
) -> None:
    """In the clone that workflows make: Git fetches each older version of a file when it is read."""
    for version in ("v1", "v2", "v3"):
        assert bump(served, "dev", f"frontend={version}").returncode == 0
    support.git("config", "uploadpack.allowFilter", "true", cwd=server.root / "demo" / "product.git")
    partial = clone(served, "partial", "--filter=blob:none")
    for first in range(4):
        asked = itertools.count()
        server.trouble = lambda path, first=first, asked=asked: (
            503 if "upload-pack" in path and first <= next(asked) < first + times else None
        )
        done = support.run(sys.executable, "scripts/rollback", "dev", cwd=partial, PYTHONPATH=str(support.CLOCK))
        server.trouble = None
        if times == 2:
            assert "dev: back to frontend v2" in done.stdout, done.stderr
            support.git("push", "-q", "-f", "origin", "main", cwd=served)
        else:
            assert (done.returncode, done.stdout) == (1, "")
            assert "The requested URL returned error: 503" in done.stderr
