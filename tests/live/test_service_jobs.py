"""The sample's migration, worker and cron job on a real cluster: nothing passes a failed migration, and no reminder is lost."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests import support

from .argocd import ArgoCD
from .cluster import Cluster
from .figures import Figures
from .processes import wait_for
from .test_scale import clean
from .world import APPLICATION, DEV, World, running

pytestmark = pytest.mark.live

JOB = f"/apis/batch/v1/namespaces/{DEV}/jobs/backend-migration"
REPLICA_SETS = f"/apis/apps/v1/namespaces/{DEV}/replicasets"


@pytest.fixture(scope="module")
def jobs(cluster: Cluster, argocd: ArgoCD, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The sample with a migration, a worker and a cron job, running in dev; prod has no version yet."""
    answers = support.answers("sample-with-worker-and-migration")
    del answers["git_repository"]
    with running(argocd, tmp_path_factory.mktemp("jobs"), **answers) as world:
        yield world
    clean(cluster)


def release(world: World, tag: str, *steps: str) -> str:
    """Build a version of the backend with further steps; what bump-image takes."""
    path = world.product / "src/backend/migrate.py"
    sound = path.read_text()
    more = "".join(f"{one!r}, " for one in steps)
    path.write_text(sound.replace("REMIND_OF_NEW_GOALS)\n", f"REMIND_OF_NEW_GOALS, {more})\n"))
    try:
        return world.release("backend", tag)
    finally:
        path.write_text(sound)


def set_tag(world: World, *images: str) -> str:
    """Set versions in dev; the commit."""
    world.run("scripts/bump-image", "dev", *images)
    return world.pushes[-1][0]


def deploy(world: World, *images: str) -> float:
    """Set versions in dev and wait until it is healthy; the seconds."""
    set_tag(world, *images)
    pushed = world.pushes[-1][1]
    world.run("scripts/refresh", "dev")
    world.run("scripts/wait-healthy", "dev", "--timeout", "120")
    return time.monotonic() - pushed


def images_rolled_out(world: World, service: str = "backend") -> list[str]:
    """The images that the Deployment ever had, as far as it remembers."""
    found = world.cluster.api.get(REPLICA_SETS)["items"]
    sets = [item for item in found if item["metadata"]["labels"]["app.kubernetes.io/name"] == service]
    return [str(item["spec"]["template"]["spec"]["containers"][0]["image"]) for item in sets]


def test_the_first_sync_migrates_an_empty_database_before_anything_starts(jobs: World) -> None:
    assert jobs.sql("dev", "SELECT count(*) FROM schema_steps") == "3"
    job = jobs.cluster.api.get(JOB)
    for service in ("frontend", "backend", "worker"):
        assert jobs.deployment("dev", service)["metadata"]["creationTimestamp"] >= job["status"]["completionTime"]
    [pod] = jobs.cluster.api.get(f"/api/v1/namespaces/{DEV}/pods?labelSelector=job-name%3Dbackend-migration")["items"]
    endpoints = json.dumps(jobs.cluster.api.get(f"/apis/discovery.k8s.io/v1/namespaces/{DEV}/endpointslices"))
    assert f'"name": "{pod["metadata"]["name"]}"' not in endpoints


def test_an_environment_that_waits_for_its_first_image_is_not_kept_waiting(jobs: World, figures: Figures) -> None:
    wait_for("prod has its Deployments", lambda: bool(jobs.deployment("prod", "backend")), 120, 1)
    tags = yaml.safe_load((jobs.product / f"apps/{APPLICATION}/overlays/dev/imagetags/kustomization.yaml").read_text())
    images = [f"{one['name'].rpartition('/')[2]}={one['newTag']}@{one['digest']}" for one in tags["images"]]
    jobs.run("scripts/bump-image", "prod", *images)
    pushed = jobs.pushes[-1][1]
    jobs.run("scripts/refresh", "prod")
    jobs.run("scripts/wait-healthy", "prod", "--timeout", "150")
    figures.add("first version of an environment with a migration", f"{time.monotonic() - pushed:.0f} s")
    assert jobs.sql("prod", "SELECT count(*) FROM schema_steps") == "3"
    # Room for what follows.
    jobs.cluster.kubectl("-n", "argocd", "delete", "application", f"{APPLICATION}-prod", "--wait=false")


def test_the_schema_changes_under_load_without_a_failed_request(jobs: World, figures: Figures) -> None:
    image = release(jobs, "b2", "ALTER TABLE goals ADD COLUMN note text")
    with jobs.load("dev") as load:
        seconds = deploy(jobs, image)
    figures.add("a version with a migration, from push to healthy", f"{seconds:.1f} s; {load}")
    assert jobs.sql("dev", "SELECT count(note) FROM goals") == "0"
    assert jobs.running_image("backend").startswith(jobs.run("scripts/image-name", "backend") + ":b2@")
    assert jobs.deployment("dev", "worker")["spec"]["template"]["spec"]["containers"][0]["image"] == jobs.running_image("backend")  # fmt: skip
    assert load.failed == []
    other = [deploy(jobs, jobs.release("frontend", f"f{number}")) for number in range(3)]
    figures.add_times("a version of the frontend beside a migration that has nothing to do", other)


def test_nothing_passes_a_failed_migration_and_the_tags_are_put_back(jobs: World, figures: Figures) -> None:
    before = jobs.running_image("backend")
    image = release(jobs, "b3", "ALTER TABLE goals ADD COLUMN note text", "SELECT nonsense")
    with jobs.load("dev") as load:
        commit = set_tag(jobs, image)
        jobs.run("scripts/refresh", "dev")
        started = time.monotonic()
        wait_for("the migration has failed", lambda: "failed" in jobs.cluster.api.get(JOB).get("status", {}), 60)
        # What self-healing would put back.
        jobs.cluster.kubectl("-n", DEV, "scale", "deployment/backend", "--replicas=2")
        said = jobs.run("scripts/roll-out", "--unsigned", "dev", commit, status=1)
        seconds = time.monotonic() - started
    figures.add("a failed migration: said, tags put back and healthy again", f"{seconds:.0f} s; {load}")
    assert re.search(r"Job backend-migration: failed with exit code 1: .*nonsense", said), said
    assert jobs.settled("dev")
    assert jobs.running_image("backend") == before
    assert not [one for one in images_rolled_out(jobs) if ":b3" in one]
    assert load.failed == []


def test_an_image_that_does_not_exist_does_not_hold_up_its_rollback(jobs: World, figures: Figures) -> None:
    before = jobs.running_image("backend")
    commit = set_tag(jobs, "backend=sha-doesnotexist")
    started = time.monotonic()
    said = jobs.run("scripts/roll-out", "--unsigned", "dev", commit, status=1)
    figures.add("a migration without an image: said, put back and healthy again", f"{time.monotonic() - started:.0f} s")
    assert re.search(r"Pod backend-migration-\S+: (ErrImagePull|ImagePullBackOff)", said), said
    assert jobs.settled("dev")
    assert jobs.running_image("backend") == before


def worker_processes() -> list[int]:
    """The processes of workers on this machine, which is the node."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes() == b"python\0worker.py\0":
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def test_the_worker_loses_no_reminder_over_rollouts_and_kills(jobs: World, figures: Figures) -> None:
    versions = [release(jobs, f"w{number}", "ALTER TABLE goals ADD COLUMN note text") for number in range(2)]
    total = 20000
    jobs.sql("dev", f"INSERT INTO goals (text) SELECT 'goal ' || n FROM generate_series(1, {total}) n")  # noqa: S608
    left = "SELECT count(*) FROM reminders WHERE sent_at IS NULL AND due_at <= now()"
    killed = 0
    with jobs.load("dev", "/version") as load:
        jobs.sql("dev", "UPDATE reminders SET due_at = now()")
        for number in range(4):
            deploy(jobs, versions[number % 2])
            for process in worker_processes():
                os.kill(process, signal.SIGKILL)
                killed += 1
        wait_for("every reminder is sent", lambda: jobs.sql("dev", left) == "0", 180, 1)
    figures.add(f"{total} reminders, 4 roll-outs of the worker, {killed} kills", f"all sent; {load}")
    assert killed >= 4
    assert jobs.sql("dev", "SELECT count(DISTINCT goal_id) FROM reminders WHERE sent_at IS NOT NULL") == str(total)
    assert load.failed == []


def test_the_cron_job_deletes_what_is_old(jobs: World) -> None:
    jobs.sql("dev", "UPDATE reminders SET sent_at = now() - interval '2 months' WHERE id <= 7")
    jobs.cluster.kubectl("-n", DEV, "create", "job", "--from=cronjob/cleanup", "cleanup-by-hand")
    jobs.cluster.kubectl("-n", DEV, "wait", "--for=condition=Complete", "job/cleanup-by-hand", "--timeout=60s")
    assert jobs.cluster.kubectl("-n", DEV, "logs", "job/cleanup-by-hand").strip() == "deleted 7 old reminders"


def test_a_migration_that_a_retry_of_self_healing_left_out_is_not_taken_for_done(jobs: World) -> None:
    """A partial sync runs no hooks; a retry of it takes the newest commit."""
    before = jobs.running_image("backend")
    image = release(jobs, "b4", "ALTER TABLE goals ADD COLUMN note text", "SELECT nonsense")
    rules = [{"apiGroups": ["apps"], "apiVersions": ["*"], "operations": ["UPDATE"], "resources": ["deployments"]}]
    spec = {
        "matchConstraints": {"resourceRules": rules},
        "matchConditions": [{"name": "real", "expression": f"!request.dryRun && request.namespace == '{DEV}' && request.userInfo.username.contains('argocd')"}],
        "validations": [{"expression": "false", "message": "an outage"}],
    }  # fmt: skip
    kind = {"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": "outage"}}
    jobs.cluster.apply(
        [
            {**kind, "kind": "ValidatingAdmissionPolicy", "spec": spec},
            {**kind, "kind": "ValidatingAdmissionPolicyBinding", "spec": {"policyName": "outage", "validationActions": ["Deny"]}},
        ]
    )  # fmt: skip
    try:
        time.sleep(3)
        jobs.cluster.kubectl("-n", DEV, "scale", "deployment/backend", "--replicas=2")
        wait_for("healing fails", lambda: jobs.application("dev")["status"].get("operationState", {}).get("retryCount", 0) > 0, 60)  # fmt: skip
        commit = set_tag(jobs, image)
    finally:
        jobs.cluster.kubectl("delete", "validatingadmissionpolicybindings/outage", "validatingadmissionpolicies/outage")
    said = jobs.run("scripts/roll-out", "--unsigned", "dev", commit, status=1)
    assert re.search(r"whose migration has not run|Job backend-migration: failed", said), said
    assert jobs.settled("dev")
    assert jobs.running_image("backend") == before
