"""A push can't hurt, on a real cluster: no request is lost, a bad version does not replace a good one, data stays."""

from __future__ import annotations

import json
import re
import textwrap
import time
from pathlib import Path

import pytest
import yaml

from tests import pages, support

from . import images
from .figures import Figures
from .processes import wait_for
from .world import APPLICATION, DEV, World

pytestmark = pytest.mark.live

ROLLOUTS = 20
STATEFUL_SET = f"/apis/apps/v1/namespaces/{DEV}/statefulsets/database"


def test_rollouts_under_load_lose_no_request(world: World, versions: dict[str, str], figures: Figures) -> None:
    backend = {"b1": world.release("backend", "b1"), "b2": world.release("backend", "b2")}
    names = list(versions)
    with world.load("dev") as load:
        time.sleep(2)
        for number in range(ROLLOUTS // 2):
            tags = {"frontend": names[number % len(names)], "backend": f"b{number % 2 + 1}"}
            world.run("scripts/bump-image", "dev", versions[tags["frontend"]], backend[tags["backend"]])
            world.run("scripts/refresh", "dev")
            for service, tag in tags.items():
                world.rolled_out("dev", service, tag)
                wait_for("one version is left", lambda s=service, t=tag: world.only_version("dev", s, t), 60)  # type: ignore[misc]
        time.sleep(2)
    figures.add(f"{ROLLOUTS} roll-outs under load, frontend and backend at once", str(load))
    assert load.failed == []


REFUSED = {
    "the Application's spec": ["patch", "--type=merge", "--patch", '{"spec": {"source": {"targetRevision": "other"}}}'],
    "an operation": ["patch", "--type=merge", "--patch", '{"operation": {"sync": {"revision": "other"}}}'],
    "the status": ["patch", "--type=merge", "--patch", '{"status": {"sync": {"status": "Unknown"}}}'],
    "another annotation": ["annotate", "argocd.argoproj.io/sync-wave=1"],
    "a label": ["label", "owner=me"],
    "the whole Application": ["delete"],
}


@pytest.mark.parametrize("what", REFUSED)
def test_the_pipeline_may_refresh_an_application_and_change_nothing_else_of_it(world: World, what: str) -> None:
    world.run("scripts/refresh", "dev")
    verb, *arguments = REFUSED[what]
    before = world.application("dev")["spec"]
    refused = world.run(
        "kubectl", f"--kubeconfig={world.deploy_kubeconfig}", "--namespace=argocd",
        verb, "applications.argoproj.io", DEV, *arguments, status=1,
    )  # fmt: skip
    assert re.search(r"deploy-refreshes-only.*denied request|forbidden: User", refused), refused
    assert world.application("dev")["spec"] == before


@pytest.mark.parametrize("kind", ["secrets", "configmaps", "externalsecrets.external-secrets.io"])
def test_the_pipeline_sees_no_secret_of_the_cluster(world: World, kind: str) -> None:
    for namespace in ("argocd", DEV):
        refused = world.run(
            "kubectl", f"--kubeconfig={world.deploy_kubeconfig}", f"--namespace={namespace}", "get", kind, status=1
        )
        assert "forbidden: User" in refused.replace("is forbidden: User", "forbidden: User"), refused


def test_an_image_that_does_not_exist_leaves_the_old_version_serving(world: World, figures: Figures) -> None:
    before = world.client("GET", world.address("dev") + "/version")[1]
    with world.load("dev") as load:
        world.pushes.clear()
        world.run("scripts/bump-image", "dev", "frontend=sha-doesnotexist")
        pushed = world.pushes[-1][1]
        world.run("scripts/refresh", "dev")
        reason = world.run("scripts/wait-healthy", "dev", "--timeout", "120", status=1)
        noticed = time.monotonic()
        world.run("scripts/rollback", "dev")
        world.run("scripts/refresh", "dev")
        world.run("scripts/wait-healthy", "dev", "--timeout", "60")
        healthy = time.monotonic()
    spent = f"noticed {noticed - pushed:.1f} s after the push, rolled back and healthy {healthy - noticed:.1f} s later"
    figures.add("an image that does not exist, under load", f"{spent}; {load}")
    assert re.search(r"Pod frontend-\S+: (ErrImagePull|ImagePullBackOff)", reason), reason
    assert world.client("GET", world.address("dev") + "/version")[1] == before
    assert load.failed == []


def test_an_image_that_never_becomes_ready_leaves_the_old_version_serving(
    world: World, tmp_path: Path, figures: Figures
) -> None:
    image = world.run("scripts/image-name", "frontend")
    (tmp_path / "Dockerfile").write_text(
        'FROM python:3.14-slim\nUSER 65532:65532\nENTRYPOINT ["python3", "-c", "import time; time.sleep(3600)"]\n'
    )
    images.build(tmp_path, f"{image}:mute")
    digest = images.push(f"{image}:mute")
    with world.load("dev") as load:
        world.run("scripts/bump-image", "dev", f"frontend=mute@{digest}")
        world.run("scripts/refresh", "dev")
        started = time.monotonic()
        reason = world.run("scripts/wait-healthy", "dev", "--timeout", "40", status=1)
        noticed = time.monotonic() - started
        world.run("scripts/rollback", "dev")
        world.run("scripts/refresh", "dev")
        world.run("scripts/wait-healthy", "dev", "--timeout", "60")
    figures.add("an image that never becomes ready", f"reported after {noticed:.0f} s (timeout 40 s): {reason[:200]}")
    assert "frontend" in reason
    assert load.failed == []


def test_a_manifest_that_the_server_rejects_leaves_the_running_version_alone(world: World) -> None:
    path = world.product / f"apps/{APPLICATION}/base/frontend/deployment.yaml"
    sound = path.read_text()
    before = world.deployment("dev", "frontend")["metadata"]["generation"]
    path.write_text(sound.replace("periodSeconds: 10", "periodSeconds: -1"))
    world.commit("A mistake")
    world.run("scripts/refresh", "dev")
    reason = world.run("scripts/wait-healthy", "dev", "--timeout", "60", status=1)
    assert "periodSeconds" in reason, reason
    assert "periodSeconds" in json.dumps(world.application("dev")["status"])
    assert world.deployment("dev", "frontend")["metadata"]["generation"] == before
    assert world.client("GET", world.address("dev") + "/")[0] == 200
    path.write_text(sound)
    world.commit("Mend it")
    world.run("scripts/refresh", "dev")
    world.run("scripts/wait-healthy", "dev", "--timeout", "90")


def test_a_change_by_hand_is_put_back(world: World, figures: Figures) -> None:
    path = f"/apis/apps/v1/namespaces/{DEV}/deployments/backend"
    taken = []
    for _ in range(3):
        world.cluster.kubectl("-n", DEV, "scale", "deployment/backend", "--replicas=3")
        started = time.monotonic()
        wait_for("the Deployment is as Git says", lambda: world.cluster.api.get(path)["spec"]["replicas"] == 1, 120)
        taken.append(time.monotonic() - started)
        wait_for("the Application is settled", lambda: world.settled("dev"), 60)
    figures.add_times("a change by hand is put back", taken)


def test_goals_survive_a_rollout_and_the_deletion_of_the_database_pod(world: World, versions: dict[str, str]) -> None:
    world.add_goal("dev", "outlive a pod")
    before = world.goals("dev")
    world.run("scripts/bump-image", "dev", versions["v2"])
    world.run("scripts/refresh", "dev")
    world.rolled_out("dev", "frontend", "v2")
    assert world.goals("dev") == before
    world.cluster.kubectl("-n", DEV, "delete", "pod", "database-0", timeout=180)
    wait_for("the goals are back", lambda: world.answers("dev", before), 120)


def test_goals_survive_the_deletion_of_the_application(world: World, figures: Figures) -> None:
    before = world.goals("dev")
    database = world.cluster.api.get(STATEFUL_SET)["metadata"]["uid"]
    started = time.monotonic()
    world.cluster.kubectl("-n", "argocd", "delete", "application", DEV, timeout=180)
    # The bootstrap Application makes it again: that is what self-healing is for.
    wait_for("the Application is back", lambda: world.application("dev") is not None, 120)
    world.run("scripts/wait-healthy", "dev", "--timeout", "120")
    wait_for("the goals are back", lambda: world.answers("dev", before), 60)
    figures.add("Application deleted to healthy again, with its goals", f"{time.monotonic() - started:.1f} s")
    assert world.cluster.api.get(STATEFUL_SET)["metadata"]["uid"] == database


def test_goals_survive_when_the_database_leaves_git(world: World) -> None:
    before = world.goals("dev")
    base = world.product / f"apps/{APPLICATION}/base/kustomization.yaml"
    overlay = world.product / f"apps/{APPLICATION}/overlays/dev/kustomization.yaml"
    kept = base.read_text(), overlay.read_text()
    base.write_text(kept[0].replace("  - database\n", ""))
    for path in world.product.glob(f"apps/{APPLICATION}/overlays/*/kustomization.yaml"):
        content = yaml.safe_load(path.read_text())
        del content["patches"]
        path.write_text(yaml.safe_dump(content, sort_keys=False))
    commit = world.commit("Remove the database")
    world.run("scripts/refresh", "dev")
    wait_for("dev is at that commit", lambda: world.application("dev")["status"]["sync"]["revision"] == commit, 60)
    time.sleep(10)
    assert world.cluster.api.get(STATEFUL_SET)["status"]["readyReplicas"] == 1
    assert sorted(world.sql("dev", "select text from goals").splitlines()) == sorted(before)
    assert world.goals("dev") == before
    support.git("revert", "--no-edit", "HEAD", cwd=world.product)
    support.git("push", "-q", "origin", "HEAD:main", cwd=world.product)
    world.run("scripts/refresh", "dev")
    world.run("scripts/wait-healthy", "dev", "--timeout", "90")
    assert world.goals("dev") == before


def test_promotion_brings_the_same_digest_to_prod(world: World) -> None:
    print(world.run("scripts/promote", "dev", "prod"))
    support.git("fetch", "-q", "origin", "promote/dev-to-prod", cwd=world.product)
    support.git("merge", "-q", "--ff-only", "FETCH_HEAD", cwd=world.product)
    support.git("push", "-q", "origin", "HEAD:main", cwd=world.product)
    world.run("scripts/refresh", "prod")
    world.run("scripts/wait-healthy", "prod", "--timeout", "180")

    def image(environment: str) -> str:
        deployment = world.cluster.api.get(f"/apis/apps/v1/namespaces/{APPLICATION}-{environment}/deployments/frontend")
        return str(deployment["spec"]["template"]["spec"]["containers"][0]["image"])

    assert image("prod") == image("dev")
    assert "@sha256:" in image("prod")
    assert world.goals("prod") == []


def commands(world: World, heading: str) -> list[str]:
    """The blocks of shell below a heading of the product's page of operations, for dev."""
    page = world.product / "docs" / "operations.md"
    text = page.read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]
    names = pages.names(page).replace("environment=prod\n", "environment=dev\n")
    return [names + textwrap.dedent(block) for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL)]


def test_the_database_gets_a_new_password_as_the_product_says(world: World) -> None:
    [block] = commands(world, "New passwords for the database")
    goals = world.goals("dev")
    world.operator.renew("dev-database-password")
    # Times in objects are whole seconds.
    time.sleep(1)
    world.run("sh", "-euc", block)
    world.run("kubectl", "--namespace", DEV, "rollout", "status", "deployment", "--timeout=120s")
    wait_for("the goals are read with the new password", lambda: world.answers("dev", goals), 60)
    wait_for("Argo CD sees no difference in the restart", lambda: world.settled("dev"), 60)


GROWN = """\
patches:
  - target:
      kind: StatefulSet
      name: database
    patch: |
      - op: add
        path: /metadata/annotations/gitops~1recreated
        value: "2026-11-26"
      - op: replace
        path: /spec/volumeClaimTemplates/0/spec/resources/requests/storage
        value: 20Gi
"""


def test_the_volume_of_the_database_grows_without_a_restart(world: World) -> None:
    """The recipe of docs/operations.md, but for the wait: the stand-in for the disk driver resizes nothing."""
    overlay = world.product / f"apps/{APPLICATION}/overlays/dev/kustomization.yaml"
    sound, goals = overlay.read_text(), world.goals("dev")
    pod = world.cluster.api.get(f"/api/v1/namespaces/{DEV}/pods/database-0")["metadata"]["uid"]
    size = '{"spec": {"resources": {"requests": {"storage": "20Gi"}}}}'
    world.cluster.kubectl("-n", DEV, "patch", "pvc", "data-database-0", "--patch", size)
    for text, expected in ((sound.replace("patches:\n", GROWN), "20Gi"), (sound, "10Gi")):
        overlay.write_text(text)
        world.commit(f"Make the volume {expected}")
        world.run("scripts/refresh", "dev")
        reason = world.run("scripts/wait-healthy", "dev", "--timeout", "30", status=1)
        assert "forbidden" in reason.lower(), reason
        world.cluster.kubectl("-n", DEV, "delete", "--cascade=orphan", "statefulset/database")
        world.run("scripts/wait-healthy", "dev", "--timeout", "120")
        [claim] = world.cluster.api.get(STATEFUL_SET)["spec"]["volumeClaimTemplates"]
        assert claim["spec"]["resources"]["requests"]["storage"] == expected
        assert world.cluster.api.get(f"/api/v1/namespaces/{DEV}/pods/database-0")["metadata"]["uid"] == pod
        assert world.goals("dev") == goals
