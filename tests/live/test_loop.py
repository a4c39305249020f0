"""The loop, on a real cluster: what is pushed to Git is what runs, within seconds.

The tests share one world and run in order; each leaves dev healthy. Figures are printed at the end and written to
build/live-figures.md.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests import support

from .argocd import explain
from .figures import Figures
from .processes import LiveError, say, wait_for
from .world import DEV, RUNS, World

pytestmark = pytest.mark.live

POLLING_RUNS = 2


def test_only_bootstrap_was_applied_and_everything_else_came_from_git(world: World) -> None:
    found = world.cluster.api.get("/apis/argoproj.io/v1alpha1/namespaces/argocd/applications")["items"]
    # Those of the products that were beside it may still be on their way out.
    listed = [item for item in found if "deletionTimestamp" not in item["metadata"]]
    assert {item["metadata"]["name"] for item in listed} == {
        "aks-goal-tracker", "goal-tracker-dev", "goal-tracker-prod", "external-secrets", "secret-store",
    }  # fmt: skip
    applied_by_hand = [
        item["metadata"]["name"]
        for item in listed
        if "kubectl.kubernetes.io/last-applied-configuration" in item["metadata"].get("annotations", {})
        and "argocd.argoproj.io/tracking-id" not in item["metadata"]["annotations"]
    ]
    assert applied_by_hand == ["aks-goal-tracker"]


def test_the_three_tiers_are_healthy_under_the_restricted_level(world: World) -> None:
    labels = world.cluster.api.get(f"/api/v1/namespaces/{DEV}")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    status = world.application("dev")["status"]
    assert (status["sync"]["status"], status["health"]["status"]) == ("Synced", "Healthy"), explain(
        world.application("dev")
    )
    pods = world.cluster.api.get(f"/api/v1/namespaces/{DEV}/pods")["items"]
    assert {pod["metadata"]["labels"]["app.kubernetes.io/name"] for pod in pods} == {"frontend", "backend", "database"}
    for pod in pods:
        assert pod["status"]["phase"] == "Running"


def test_a_goal_written_through_the_frontend_is_in_postgres(world: World) -> None:
    world.add_goal("dev", "see it work")
    assert "see it work" in world.goals("dev")
    assert world.sql("dev", "select text from goals") == "see it work"


def test_the_server_accepts_every_generated_object_strictly(world: World) -> None:
    folders = [*support.overlays(world.product), *world.product.glob("clusters/*"), world.product / "bootstrap"]
    folders += [path.parent for path in world.product.glob("clusters/*/*/kustomization.yaml")]
    for folder in folders:
        built = support.kustomize(folder)
        # A dry run can't see the namespace that it would have made.
        names = {d["metadata"]["name"] for d in built if d["kind"] == "Namespace"}
        for name in names:
            world.cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        text = "\n---\n".join(json.dumps(document) for document in built)
        arguments = ("apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "-f", "-")
        output = world.cluster.kubectl(*arguments, stdin=text)
        assert len(output.strip().splitlines()) == len(built)


def test_network_policies_let_through_what_is_needed_and_nothing_else(world: World) -> None:
    if not world.cluster.policies_enforced:
        pytest.skip("no network policy engine in this cluster")

    def reaches(service: str, host: str, port: int) -> bool:
        code = f"import socket; socket.create_connection(({host!r}, {port}), 2)"
        try:
            world.cluster.kubectl("-n", DEV, "exec", f"deployment/{service}", "--", "python3", "-c", code)
        except LiveError:
            return False
        return True

    assert reaches("frontend", "backend", 8080)
    assert reaches("backend", "database", 5432)
    assert not reaches("frontend", "database", 5432)
    assert not reaches("backend", "frontend", 80)
    assert not reaches("backend", "kubernetes.default", 443)
    backend = world.cluster.api.get(f"/api/v1/namespaces/{DEV}/services/backend")["spec"]["clusterIP"]
    assert world.client("GET", f"http://{backend}:8080/health")[0] == 0
    assert world.client("GET", f"{world.address('dev')}/")[0] == 200


def test_a_change_of_the_source_is_live_after_build_bump_and_refresh(world: World, figures: Figures) -> None:
    page = world.product / "src/frontend/static/index.html"
    page.write_text(page.read_text().replace("</title>", " (changed)</title>"))
    commit = world.commit("Change the title")
    started = time.monotonic()
    released = world.release("frontend", f"sha-{commit}")
    world.run("scripts/bump-image", "dev", released)
    world.run("scripts/refresh", "dev")
    world.rolled_out("dev", "frontend", f"sha-{commit}")
    figures.add("source change to live, with the build", f"{time.monotonic() - started:.1f} s")
    world.run("scripts/wait-healthy", "dev", "--timeout", "60")
    # Old pods serve on while kube-proxy forgets them.
    wait_for("the old pods are gone", lambda: world.only_version("dev", "frontend", f"sha-{commit}"), 30)
    assert "(changed)</title>" in world.client("GET", world.address("dev") + "/")[1]
    assert f"sha-{commit}" in world.client("GET", world.address("dev") + "/version")[1]


def seconds_to_live(
    world: World, versions: dict[str, str], count: int, tell: Callable[[], Any], timeout: float
) -> list[float]:
    """Push a bump of the frontend, tell Argo CD, and take the time from the end of the push to all new pods ready."""
    taken = []
    for tag in list(versions)[:count]:
        world.pushes.clear()
        world.run("scripts/bump-image", "dev", versions[tag])
        tell()
        live = world.rolled_out("dev", "frontend", tag, timeout)
        taken.append(live - world.pushes[-1][1])
        say(f"{tag} live after {taken[-1]:.2f} s")
        wait_for("the Application is settled", lambda: world.settled("dev"), 60)
    return taken


def test_a_push_is_live_within_seconds_of_the_refresh(world: World, versions: dict[str, str], figures: Figures) -> None:
    taken = seconds_to_live(world, versions, RUNS, lambda: world.run("scripts/refresh", "dev"), 60)
    figures.add_times("end of `git push` to all new pods ready, by scripts/refresh", taken)


def test_a_push_is_live_within_seconds_of_the_webhook(world: World, versions: dict[str, str], figures: Figures) -> None:
    world.webhook = True
    try:
        taken = seconds_to_live(world, versions, RUNS, lambda: None, 60)
    finally:
        world.webhook = False
    figures.add_times("end of `git push` to all new pods ready, by webhook", taken)


def test_a_push_that_nobody_tells_of_is_found_by_polling(
    world: World, versions: dict[str, str], figures: Figures
) -> None:
    names = list(versions)
    others = {name: versions[name] for name in names[1 : 1 + POLLING_RUNS]}
    taken = seconds_to_live(world, others, POLLING_RUNS, lambda: None, 200)
    figures.add_times("end of `git push` to all new pods ready, by polling as configured", taken)
