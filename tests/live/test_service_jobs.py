"""The sample's migration, worker and cron job on a real cluster: nothing passes a failed migration, and no reminder is lost."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import pages, support

from . import images
from .argocd import ArgoCD
from .cluster import Cluster
from .figures import Figures
from .load import Load
from .processes import wait_for
from .test_safety import commands
from .test_scale import clean
from .test_service_kinds import Meter, counted
from .world import APPLICATION, DEV, World, running

pytestmark = pytest.mark.live

JOB = f"/apis/batch/v1/namespaces/{DEV}/jobs/backend-migration"
REPLICA_SETS = f"/apis/apps/v1/namespaces/{DEV}/replicasets"


@pytest.fixture(scope="module")
def meter(cluster: Cluster) -> Meter:
    """What the pods of dev's backend use, by which they scale."""
    return Meter(cluster, "backend")


@pytest.fixture(scope="module")
def jobs(cluster: Cluster, argocd: ArgoCD, meter: Meter, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The sample with an autoscaler, a migration, a worker and a cron job, running in dev; prod has no version yet."""
    answers = support.answers("sample-with-worker-and-migration")
    del answers["git_repository"]
    by_name = {service["name"]: service for service in answers["services"]}
    by_name["backend"]["replicas"] = {"dev": {"min": 1, "max": 3, "cpu": 70}, "prod": 1}
    by_name["cleanup"]["schedule"] = "* * * * *"
    with meter, running(argocd, tmp_path_factory.mktemp("jobs"), **answers) as world:
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


def replica_sets(world: World, service: str) -> list[Any]:
    """What a Deployment ever rolled out, as far as it remembers."""
    return list(world.cluster.api.get(f"{REPLICA_SETS}?labelSelector=app.kubernetes.io%2Fname%3D{service}")["items"])


def image_of(item: Any) -> str:
    """The image in the template of pods of a Deployment, a ReplicaSet or a Job."""
    return str(item["spec"]["template"]["spec"]["containers"][0]["image"])


def drift(world: World) -> None:
    """Change a Deployment by hand, which self-healing puts back."""
    patch = '{"spec": {"revisionHistoryLimit": 7}}'
    world.cluster.kubectl("-n", DEV, "patch", "deployment/backend", "--patch", patch)


def test_the_first_sync_migrates_an_empty_database_before_anything_starts(jobs: World) -> None:
    assert jobs.sql("dev", "SELECT count(*) FROM schema_steps") == "3"
    job = jobs.cluster.api.get(JOB)
    for service in ("frontend", "backend", "worker"):
        assert jobs.deployment("dev", service)["metadata"]["creationTimestamp"] >= job["status"]["completionTime"]
    [pod] = jobs.cluster.api.get(f"/api/v1/namespaces/{DEV}/pods?labelSelector=job-name%3Dbackend-migration")["items"]
    endpoints = json.dumps(jobs.cluster.api.get(f"/apis/discovery.k8s.io/v1/namespaces/{DEV}/endpointslices"))
    assert f'"name": "{pod["metadata"]["name"]}"' not in endpoints


def test_an_environment_that_waits_for_its_first_image_is_not_kept_waiting(jobs: World, figures: Figures) -> None:
    wait_for("prod has its Deployments", lambda: bool(jobs.deployment("prod", "backend")), 300, 1)
    tags = yaml.safe_load((jobs.product / f"apps/{APPLICATION}/overlays/dev/imagetags/kustomization.yaml").read_text())
    images = [f"{one['name'].rpartition('/')[2]}={one['newTag']}@{one['digest']}" for one in tags["images"]]
    jobs.run("scripts/bump-image", "prod", *images)
    pushed = jobs.pushes[-1][1]
    jobs.run("scripts/refresh", "prod")
    jobs.run("scripts/wait-healthy", "prod", "--timeout", "300")
    figures.add("first version of an environment with a migration", f"{time.monotonic() - pushed:.0f} s")
    assert jobs.sql("prod", "SELECT count(*) FROM schema_steps") == "3"
    # Room for what follows.
    jobs.cluster.kubectl("-n", "argocd", "delete", "application", f"{APPLICATION}-prod", "--wait=false")


ROLLOUTS = 20
REMINDERS = 1000
"""That become due with each roll-out."""
PREPARED = """
INSERT INTO goals (text) VALUES ('cope');
UPDATE reminders SET due_at = 'infinity', sent_at = now() - interval '2 months';
-- A sequence counts what is rolled back too.
CREATE SEQUENCE sent;
CREATE FUNCTION count_sent() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM nextval('sent'); RETURN NEW; END $$;
CREATE TRIGGER sent BEFORE UPDATE ON reminders FOR EACH ROW EXECUTE FUNCTION count_sent();
"""
LEFT = "SELECT count(*) FROM reminders WHERE sent_at IS NULL AND due_at <= now()"
DUE = f"INSERT INTO reminders (goal_id, due_at) SELECT 1, now() FROM generate_series(1, {REMINDERS})"  # noqa: S608
# A change of the schema in each run, whatever was done before.
CHANGE = """
        connection.execute("CREATE TABLE IF NOT EXISTS migrations (at timestamptz NOT NULL DEFAULT now())")
        connection.execute("INSERT INTO migrations DEFAULT VALUES")
        [(number,)] = connection.execute("SELECT count(*) FROM migrations").fetchall()
        connection.execute(f"ALTER TABLE goals ADD COLUMN note{number} text")"""


def versions(world: World) -> list[list[str]]:
    """For each roll-out, what bump-image takes: of the frontend, and of a backend that changes the schema."""
    path = world.product / "src/backend/migrate.py"
    sound = path.read_text()
    path.write_text(sound.replace("done = migrate(connection)", f"done = migrate(connection){CHANGE}"))
    tags = [f"r{number}" for number in range(ROLLOUTS)]
    made = []
    for service in ("frontend", "backend"):
        first = world.release(service, "r").partition("@")[2]
        name = world.run("scripts/image-name", service)
        assert images.copy(f"{name}:r", *(f"{name}:{tag}" for tag in tags)) == first
        made.append([f"{service}={tag}@{first}" for tag in tags])
    path.write_text(sound)
    return [list(pair) for pair in zip(*made, strict=True)]


def kill_workers() -> int:
    """Kill the workers' processes on this machine, which is the node; how many."""
    killed = 0
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if path.read_bytes() == b"python\0worker.py\0":
                os.kill(int(path.parent.name), signal.SIGKILL)
                killed += 1
    return killed


def test_twenty_rollouts_under_load_lose_no_request_no_reminder_and_no_pod(
    jobs: World, meter: Meter, figures: Figures
) -> None:
    """Each changes the schema once, before its Deployment; the worker is killed now and then, and the cron job runs meanwhile."""
    pairs = versions(jobs)
    jobs.sql("dev", PREPARED)
    meter.cpu = 50
    wait_for("the autoscaler wants two pods", lambda: jobs.deployment("dev", "backend")["spec"]["replicas"] == 2, 60)
    meter.cpu = 35
    jobs.run("scripts/wait-healthy", "dev", "--timeout", "60")
    taken, killed, runs = [], 0, set()
    with Load(f"{jobs.address('dev')}/api/goals", rate=60) as load, counted(jobs, "backend") as seen:
        for number, pair in enumerate(pairs, 1):
            jobs.sql("dev", DUE)
            taken.append(deploy(jobs, *pair))
            job, backend = jobs.cluster.api.get(JOB), jobs.deployment("dev", "backend")
            runs.add(job["metadata"]["uid"])
            assert (job["status"].get("succeeded"), job["status"].get("failed")) == (1, None)
            assert jobs.sql("dev", "SELECT count(*) FROM migrations") == str(number) == str(len(runs))
            [image] = {image_of(one) for one in (job, backend, jobs.deployment("dev", "worker"))}
            assert f":r{number - 1}@" in image
            [new] = [item for item in replica_sets(jobs, "backend") if image_of(item) == image]
            assert new["metadata"]["creationTimestamp"] >= job["status"]["completionTime"]
            if number % 5 == 0:
                jobs.sql("dev", DUE)
                killed += kill_workers()
        wait_for("every reminder is sent", lambda: jobs.sql("dev", LEFT) == "0", 120, 1)
    figures.add_times(f"a version with a migration, push to healthy, {ROLLOUTS} in a row", taken)
    figures.add("requests meanwhile", f"{load}")
    total = (ROLLOUTS + ROLLOUTS // 5) * REMINDERS
    twice = int(jobs.sql("dev", "SELECT last_value FROM sent")) - total
    figures.add(f"{total} reminders, {killed} workers killed", f"all sent, {twice} taken twice")
    assert load.failed == []
    assert seen == [2]
    assert 0 <= twice <= killed >= ROLLOUTS // 5
    cron = jobs.cluster.api.get(
        f"/apis/batch/v1/namespaces/{DEV}/jobs?labelSelector=app.kubernetes.io%2Fname%3Dcleanup"
    )
    assert jobs.sql("dev", "SELECT count(*) FROM reminders WHERE due_at = 'infinity'") == "0"
    assert cron["items"]
    assert not any("failed" in item["status"] for item in cron["items"])


def test_nothing_passes_a_failed_migration_and_the_tags_are_put_back(jobs: World, figures: Figures) -> None:
    before = jobs.running_image("backend")
    image = release(jobs, "b3", "ALTER TABLE goals ADD COLUMN note text", "SELECT nonsense")
    with jobs.load("dev") as load:
        commit = set_tag(jobs, image)
        jobs.run("scripts/refresh", "dev")
        started = time.monotonic()
        wait_for("the migration has failed", lambda: "failed" in jobs.cluster.api.get(JOB).get("status", {}), 60)
        # What self-healing would put back.
        drift(jobs)
        said = jobs.run("scripts/roll-out", "--unsigned", "dev", commit, status=1)
        seconds = time.monotonic() - started
    figures.add("a failed migration: said, tags put back and healthy again", f"{seconds:.0f} s; {load}")
    assert re.search(r"Job backend-migration: failed with exit code 1: .*nonsense", said), said
    assert jobs.settled("dev")
    assert jobs.running_image("backend") == before
    assert not [one for one in replica_sets(jobs, "backend") if ":b3@" in image_of(one)]
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


def test_no_version_passes_the_migration_that_a_retry_of_self_healing_leaves_out(jobs: World) -> None:
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
        drift(jobs)
        wait_for("healing fails", lambda: jobs.application("dev")["status"].get("operationState", {}).get("retryCount", 0) > 0, 60)  # fmt: skip
        commit = set_tag(jobs, image)
    finally:
        jobs.cluster.kubectl("delete", "validatingadmissionpolicybindings/outage", "validatingadmissionpolicies/outage")
    said = jobs.run("scripts/roll-out", "--unsigned", "dev", commit, status=1)
    assert re.search(r"the migration of \S+:b4@\S+ has not run: roll back", said), said
    assert not [one for one in replica_sets(jobs, "backend") if ":b4@" in image_of(one)]
    assert jobs.settled("dev")
    assert jobs.running_image("backend") == before


def test_the_data_moves_to_another_major_version_of_postgres(jobs: World, tmp_path: Path, figures: Figures) -> None:
    """As docs/operations.md says, with the same version in the folder of another; a migration fills that one first."""
    _, *recipe = commands(jobs, "Upgrade Postgres")
    backup, restore, remove = (block.replace("$environment.dump", str(tmp_path / "dump")) for block in recipe)
    [patch] = [block.text for block in pages.example(jobs.product, "operations.md", "Upgrade Postgres").blocks if block.path.endswith("postgres.yaml")]  # fmt: skip
    image = image_of(jobs.cluster.api.get(f"/apis/apps/v1/namespaces/{DEV}/statefulsets/database"))
    overlay = jobs.product / f"apps/{APPLICATION}/overlays/dev"
    kustomization, sound = overlay / "kustomization.yaml", (overlay / "kustomization.yaml").read_text()
    stopped = sound.replace('  - name: "worker"\n    count: 1', '  - name: "worker"\n    count: 0')
    changed = stopped.replace("patches:\n", "patches:\n  - path: postgres.yaml\n")
    rows = "SELECT count(*) || ' ' || max(id) FROM reminders"
    jobs.add_goal("dev", "outlive the version")
    assert sound != stopped != changed
    before, started = jobs.sql("dev", rows), time.monotonic()
    jobs.cluster.kubectl("-n", DEV, "patch", "cronjob/cleanup", "--patch", '{"spec": {"suspend": true}}')
    jobs.cluster.kubectl("-n", DEV, "scale", "deployment/backend", "--replicas=0")
    for text, block in ((stopped, backup), (changed, restore), (changed.replace("count: 0", "count: 1"), remove)):
        (overlay / "postgres.yaml").write_text(re.sub("image: postgres.*", f"image: {image}", patch))
        kustomization.write_text(text)
        jobs.commit("Upgrade Postgres")
        jobs.run("scripts/refresh", "dev")
        jobs.run("scripts/wait-healthy", "dev", "--timeout", "120")
        jobs.run("sh", "-euc", block)
        assert jobs.sql("dev", rows) == before
    jobs.cluster.kubectl("-n", DEV, "scale", "deployment/backend", "--replicas=1")
    wait_for("the goals are back", lambda: "outlive the version" in jobs.goals("dev"), 60)
    assert "/19/" in jobs.sql("dev", "SHOW data_directory")
    figures.add("Postgres in the folder of another major version, with the data", f"{time.monotonic() - started:.0f} s")
