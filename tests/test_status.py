"""`make status`, with a stand-in for kubectl that says what a test wants it to."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests import support

DIGEST = "sha256:" + "ab" * 32
OLD = "sha256:" + "cd" * 32
COMMIT = "1234567" + "0" * 33
# The answer is in a file by kind, or by context and kind; without one the cluster is away.
KUBECTL = """\
#!/bin/sh
echo "$*" >>"$0.calls"
context=
[ "$1" = --context ] && context=$2.
for kind in applications.argoproj.io pods replicasets.apps events; do
  case " $* " in *" get $kind "*)
    for file in "$0.$context$kind" "$0.$kind"; do
      [ -f "$file" ] && { cat "$file"; exit 0; }
    done
    [ -f "$0.refuses" ] && { cat "$0.refuses" >&2; exit 1; }
    [ -f "$0.hangs" ] && sleep 20
    ;;
  esac
done
echo "Unable to connect to the server: dial tcp: i/o timeout" >&2
exit 1
"""


def application(revision: str, health: str = "Healthy", sync: str = "Synced", **more: Any) -> dict[str, Any]:
    return {"status": {"sync": {"status": sync, "revision": revision}, "health": {"status": health}, **more}}


def pod(service: str, image: str, *, ready: bool = True, reason: str = "") -> dict[str, Any]:
    state = (
        {"waiting": {"reason": reason, "message": "no such image"}}
        if reason
        else {"running": {"startedAt": "2026-11-26T09:00:00Z"}}
    )
    return {
        "metadata": {"name": f"{service}-x"},
        "spec": {"containers": [{"name": service, "image": f"registry.example:5000/shop/{service}:{image}"}]},
        "status": {"containerStatuses": [{"name": service, "ready": ready, "restartCount": 0, "state": state}]},
    }


@dataclass
class Cluster:
    """A product with a remote, whose dev is released and prod is not, and the cluster that it asks."""

    product: Path
    remote: Path
    program: Path
    tip: str
    environment: dict[str, str] = field(default_factory=dict)

    def says(self, kind: str, what: Any) -> None:
        Path(f"{self.program}.{kind}").write_text(json.dumps(what))

    def status(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        path = f"{self.program.parent}{os.pathsep}{support.TOOLS_FIRST}"
        return support.run(sys.executable, "scripts/status", *arguments, cwd=self.product, PATH=path, **environment)

    def dev(self) -> dict[str, Any]:
        done = self.status("dev", "--json")
        assert "Traceback" not in done.stderr, done.stderr
        [environment] = json.loads(done.stdout)["environments"]
        return environment  # type: ignore[no-any-return]


def released(product: Path, folder: Path) -> Cluster:
    """Commit and push a product, and deploy to dev."""
    remote = folder / "remote.git"
    support.git("init", "-q", "--bare", "-b", "main", str(remote), cwd=folder)
    support.git("init", "-q", "-b", "main", cwd=product)
    for name, value in (("user.name", "Ann"), ("user.email", "ann@example.com")):
        support.git("config", name, value, cwd=product)
    support.git("add", "-A", cwd=product)
    support.git("commit", "-q", "-m", "Begin", cwd=product)
    support.git("remote", "add", "origin", str(remote), cwd=product)
    support.git("push", "-q", "-u", "origin", "main", cwd=product)
    images = [f"{name}=sha-{COMMIT}@{DIGEST}" for name in ("frontend", "backend")]
    done = support.run(sys.executable, "scripts/bump-image", "dev", *images, cwd=product, GIT_AUTHOR_NAME="Ann")
    assert done.returncode == 0, done.stderr
    program = folder / "bin" / "kubectl"
    program.parent.mkdir()
    program.write_text(KUBECTL)
    program.chmod(0o755)
    return Cluster(product, remote, program, support.git("rev-parse", "HEAD", cwd=product))


@pytest.fixture(scope="module")
def made(rendered: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    folder = tmp_path_factory.mktemp("status")
    parts = shutil.ignore_patterns("src", ".github", "terraform")
    return released(shutil.copytree(rendered("defaults"), folder / "product", ignore=parts), folder)


@pytest.fixture
def cluster(made: Cluster) -> Cluster:
    """A cluster in which all is well; tests only read the product."""
    for path in made.program.parent.glob("kubectl.*"):
        path.unlink()
    made.says("applications.argoproj.io", application(made.tip))
    made.says("pods", {"items": [pod(name, f"sha-{COMMIT}@{DIGEST}") for name in ("frontend", "backend")]})
    made.says("replicasets.apps", {"items": []})
    return made


def test_one_screen_says_what_git_wants_what_runs_since_when_and_by_whom(cluster: Cluster) -> None:
    done = cluster.status()
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith(f"goal-tracker: Git is at {cluster.tip[:7]}")
    at = lines.index(f"dev on aks-goal-tracker: healthy, at {cluster.tip[:12]}")
    assert lines[at + 1].split() == ["service", "Git", "wants", "runs"]
    assert lines[at + 2].split() == ["backend", "sha-123456700000", "abababab", "the", "same,", "1", "pod"]
    assert lines[at + 4].startswith("  since 20")
    assert " by Ann: deploy(dev): frontend sha-" in lines[at + 4]
    assert f"prod on aks-goal-tracker: unreleased, at {cluster.tip[:12]}" in lines
    assert all(len(line) <= 160 for line in lines)
    assert len(lines) < 24


@pytest.mark.parametrize(
    ("state", "says", "reason"),
    [
        ("healthy", {}, None),
        (
            "progressing",
            {"health": "Progressing", "pods": [pod("frontend", f"sha-{COMMIT}@{DIGEST}", ready=False)]},
            "Pod frontend-x: running since 2026-11-26T09:00:00Z, but its probes do not succeed",
        ),
        ("progressing", {"operationState": {"phase": "Running"}}, None),
        (
            "degraded",
            {
                "health": "Degraded",
                "resources": [
                    {"kind": "Deployment", "name": "backend", "health": {"status": "Degraded", "message": "no progress"}}
                ],
            },
            "Deployment backend: Degraded: no progress",
        ),
        (
            "degraded",
            {"health": "Progressing", "pods": [pod("backend", "v1", ready=False, reason="ImagePullBackOff")]},
            "Pod backend-x: ImagePullBackOff: no such image",
        ),
        (
            "degraded",
            {"conditions": [{"type": "ComparisonError", "message": "no such path"}]},
            "ComparisonError: no such path",
        ),
        (
            "out of sync",
            {"sync": "OutOfSync", "resources": [{"kind": "Service", "name": "backend", "status": "OutOfSync"}]},
            "Service backend: OutOfSync",
        ),
        ("drifted", {"pods": [pod("backend", f"v9@{OLD}")]}, f"backend runs v9@{OLD}, not what Git wants"),
        ("behind", {"revision": "HEAD^"}, "run scripts/refresh dev, or wait for Argo CD to look"),
    ],
)  # fmt: skip
def test_each_state_has_a_name_and_its_reason(
    state: str, says: dict[str, Any], reason: str | None, cluster: Cluster
) -> None:
    given = dict(says)
    if "pods" in given:
        cluster.says("pods", {"items": given.pop("pods")})
    revision = support.git("rev-parse", given.pop("revision", "HEAD"), cwd=cluster.product)
    cluster.says("applications.argoproj.io", application(revision, **given))
    found = cluster.dev()
    assert found["state"] == state
    assert (reason in found["reasons"]) if reason else not found["reasons"]
    assert found["behind"] == (state == "behind")


def test_a_commit_that_git_does_not_know_is_said_to_be_one(cluster: Cluster) -> None:
    cluster.says("applications.argoproj.io", application("f" * 40))
    assert cluster.dev()["behind"] is None
    assert "which is not in Git's history" in cluster.status("dev").stdout


@pytest.mark.parametrize(
    "words",
    [
        'Error from server (NotFound): applications.argoproj.io "goal-tracker-dev" not found',
        'error: the server doesn\'t have a resource type "applications"',
    ],
)
def test_an_application_that_is_not_there_is_missing(words: str, cluster: Cluster) -> None:
    Path(f"{cluster.program}.applications.argoproj.io").unlink()
    Path(f"{cluster.program}.refuses").write_text(words)
    done = cluster.status("dev")
    assert done.returncode == 0
    assert (
        "dev on aks-goal-tracker: missing\n  ! Argo CD has no Application goal-tracker-dev: run make up" in done.stdout
    )


def test_without_its_cluster_what_git_wants_is_there_and_the_status_is_1(cluster: Cluster) -> None:
    Path(f"{cluster.program}.applications.argoproj.io").unlink()
    done = cluster.status()
    assert done.returncode == 1
    assert done.stderr == "status: not reached: the cluster of dev, prod\n"
    assert "dev on aks-goal-tracker: unreachable\n  ! Unable to connect to the server" in done.stdout
    assert "sha-123456700000 abababab  ?" in done.stdout


def test_a_cluster_that_does_not_answer_is_waited_for_some_seconds_only(cluster: Cluster) -> None:
    Path(f"{cluster.program}.applications.argoproj.io").unlink()
    Path(f"{cluster.program}.hangs").touch()
    overview = cluster.product / "scripts" / "gitops" / "overview.py"
    text = overview.read_text()
    assert "PATIENCE = 10.0" in text
    try:
        overview.write_text(text.replace("PATIENCE = 10.0", "PATIENCE = -1.0"))
        done = cluster.status()
    finally:
        overview.write_text(text)
    assert done.returncode == 1
    assert done.stdout.count("! kubectl: no answer in 1 s") == 2


def test_only_reads_are_asked_for_and_each_has_a_limit(cluster: Cluster) -> None:
    assert cluster.status().returncode == 0
    calls = Path(f"{cluster.program}.calls").read_text().splitlines()
    assert len(calls) == 6
    for call in calls:
        assert call.startswith("--request-timeout=10s --namespace ")
        assert call.split()[3:5] in (["get", "applications.argoproj.io"], ["get", "pods"], ["get", "replicasets.apps"])


def test_without_the_right_to_read_pods_the_rest_is_told(cluster: Cluster) -> None:
    Path(f"{cluster.program}.pods").unlink()
    found = cluster.dev()
    assert found["state"] == "healthy"
    assert [service["running"] for service in found["services"]] == [{}, {}]


def test_json_has_the_shape_that_the_page_of_operations_documents(cluster: Cluster) -> None:
    cluster.says("pods", {"items": [pod("backend", f"sha-{COMMIT}@{DIGEST}"), pod("backend", "v1")]})
    shown = json.loads(cluster.status("--json").stdout)
    assert list(shown) == ["application", "commit", "fresh", "environments"]
    assert (shown["commit"], shown["fresh"]) == (cluster.tip, True)
    dev = shown["environments"][0]
    assert dev["deployed"]["commit"] == cluster.tip
    assert dev["services"][0] == {
        "name": "backend",
        "wanted": {"tag": f"sha-{COMMIT}", "digest": DIGEST},
        "running": {f"sha-{COMMIT}@{DIGEST}": 1, "v1": 1},
        "as_wanted": False,
    }
    section = support.ROOT / "includes" / "pages" / "operations" / "read-the-status-in-a-program.md"
    page = section.read_text(encoding="utf-8")
    for name in [*shown, *dev, *dev["services"][0]]:
        assert f"`{name}`" in page, name


def test_git_as_of_this_clone_does_where_the_server_is_away(cluster: Cluster) -> None:
    away = cluster.remote.rename(cluster.remote.with_suffix(".away"))
    try:
        done = cluster.status("dev")
    finally:
        away.rename(cluster.remote)
    assert done.returncode == 0
    assert "dev on aks-goal-tracker: healthy" in done.stdout
    assert done.stderr.startswith("status: as of this clone, because the server can't be asked")


def test_an_unknown_environment_is_named_with_those_there_are(cluster: Cluster) -> None:
    done = cluster.status("stage")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "status: there is no environment 'stage': choose one of dev, prod\n"


@pytest.mark.parametrize(
    ("answers", "order"),
    [
        ("own-images-on-ghcr-without-database", ["test", "staging", "prod"]),
        ("cluster-per-environment-with-gateway-and-database-of-azure", ["dev", "staging", "prod"]),
    ],
)
def test_environments_are_in_the_order_of_their_promotion(
    answers: str, order: list[str], rendered: Callable[[str], Path], tmp_path: Path
) -> None:
    product = shutil.copytree(rendered(answers), tmp_path / "product")
    support.git("init", "-q", cwd=product)
    wrong = support.run(sys.executable, "scripts/status", "stage", cwd=product)
    assert wrong.stderr == f"status: there is no environment 'stage': choose one of {', '.join(order)}\n"
    changed = support.run(sys.executable, "scripts/changed-environments", cwd=product)
    assert json.loads(changed.stdout) == order
    # One that a person has added in apps/ alone comes last.
    [overlay] = product.glob(f"apps/*/overlays/{order[0]}")
    shutil.copytree(overlay, overlay.with_name("a-new-one"))
    changed = support.run(sys.executable, "scripts/changed-environments", cwd=product)
    assert json.loads(changed.stdout) == [*order, "a-new-one"]


def test_words_of_others_are_no_commands_to_a_terminal_or_to_github(
    rendered: Callable[[str], Path], tmp_path: Path
) -> None:
    cluster = released(shutil.copytree(rendered("defaults"), tmp_path / "product"), tmp_path)
    # As a squash without trailers leaves it.
    [tags] = cluster.product.glob("apps/*/overlays/dev/imagetags/kustomization.yaml")
    tags.write_text(tags.read_text().replace("sha-1", "sha-2", 1))
    name = f"user.name=Ann{support.HOSTILE}"
    support.git("-c", name, "commit", "-qa", "--cleanup=verbatim", "-m", support.HOSTILE, cwd=cluster.product)
    support.git("commit", "-q", "--allow-empty", "-m", "Not it\n\nDeploy-Environment: dev", cwd=cluster.product)
    support.git("push", "-q", cwd=cluster.product)
    failed = {"operationState": {"phase": "Failed", "message": f"\n{support.HOSTILE}"}}
    cluster.says("applications.argoproj.io", application(support.HOSTILE, support.HOSTILE, support.HOSTILE, **failed))
    cluster.says("pods", {"items": [pod("frontend", f"x@{support.HOSTILE}")]})
    cluster.says("replicasets.apps", {"items": []})
    done = cluster.status("dev")
    assert done.returncode == 0, done.stderr
    support.assert_plain(done.stdout + done.stderr)
    assert "by Ann\\x1b]0;mine" in done.stdout
    assert json.loads(cluster.status("dev", "--json").stdout)["environments"][0]["deployed"]["by"].startswith("Ann\x1b")
    for file in cluster.program.parent.glob("kubectl.*"):
        file.unlink()
    Path(f"{cluster.program}.refuses").write_text(f"error: {support.HOSTILE}", errors="replace")
    for command in ("status", "wait-healthy", "refresh"):
        done = support.run(sys.executable, f"scripts/{command}", "dev", cwd=cluster.product,
                           PATH=f"{cluster.program.parent}:{support.TOOLS_FIRST}", PYTHONPATH=str(support.CLOCK))  # fmt: skip
        assert done.returncode == 1
        support.assert_plain(done.stdout + done.stderr)
        assert "Traceback" not in done.stderr


def test_each_environment_is_asked_of_its_own_cluster(rendered: Callable[[str], Path], tmp_path: Path) -> None:
    parts = shutil.ignore_patterns("src", ".github", "terraform")
    product = shutil.copytree(rendered("cluster-per-environment"), tmp_path / "product", ignore=parts)
    cluster = released(product, tmp_path)
    cluster.says("aks-goal-tracker-dev.applications.argoproj.io", application(cluster.tip))
    cluster.says("pods", {"items": []})
    cluster.says("replicasets.apps", {"items": []})
    done = cluster.status()
    assert done.returncode == 1
    assert f"dev on aks-goal-tracker-dev: healthy, at {cluster.tip[:12]}" in done.stdout
    assert "prod on aks-goal-tracker-prod: unreachable" in done.stdout
    assert done.stderr == "status: not reached: the cluster of prod\n"
