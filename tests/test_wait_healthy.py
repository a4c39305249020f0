"""What `scripts/wait-healthy` waits for, and what it takes for a fault of the version: with a cluster and a clock of the test's own."""

import importlib.machinery
import importlib.util
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from tests import support

OLD, NEW = "a" * 40, "b" * 40
SCRIPTS = support.ROOT / "template" / "scripts"


@pytest.fixture(scope="module")
def command() -> Iterator[Any]:
    sys.path.insert(0, str(SCRIPTS))
    loader = importlib.machinery.SourceFileLoader("wait_healthy", str(SCRIPTS / "wait-healthy"))
    spec = importlib.util.spec_from_loader("wait_healthy", loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    yield module
    sys.path.remove(str(SCRIPTS))
    for name in [name for name in sys.modules if name.partition(".")[0] == "gitops"]:
        del sys.modules[name]


def pod(name: str, owner: str = "new", /, **status: Any) -> dict[str, Any]:
    metadata = {"name": name, "ownerReferences": [{"name": owner}]}
    return {"metadata": metadata, "spec": {"containers": []}, "status": {"phase": "Pending", **status}}


def container(ready: bool = False, **state: Any) -> dict[str, Any]:
    return {"state": state, "ready": ready, "restartCount": 0}


def running(seconds: float) -> list[dict[str, Any]]:
    return [container(running={"startedAt": (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()})]


def stuck(reason: str, message: str = "no such thing") -> list[dict[str, Any]]:
    return [container(waiting={"reason": reason, "message": message})]


def event(name: str, reason: str, message: str, at: str = "2026-11-26T10:00:00Z") -> dict[str, Any]:
    return {"involvedObject": {"name": name}, "reason": reason, "message": message, "lastTimestamp": at}


def replica_set(name: str, revision: int, **status: Any) -> dict[str, Any]:
    annotations = {"deployment.kubernetes.io/revision": str(revision)}
    owners = [{"name": "frontend"}]
    return {"metadata": {"name": name, "ownerReferences": owners, "annotations": annotations}, "status": status}


def migration(phase: str, at: int, job: str = "api-migration") -> dict[str, Any]:
    ended = {"exitCode": 3, "reason": "Error", "message": "Traceback\ncolumn x does not exist\n"}
    state = {"running": {"startedAt": "2026-11-26T10:00:00Z"}} if phase == "Running" else {"terminated": ended}
    made = pod(f"{job}-{at}", phase=phase, containerStatuses=[container(ready=phase == "Running", **state)])
    owners = [{"kind": "Job", "name": job}]
    labels = {"app.kubernetes.io/name": "api-migration"}
    made["metadata"] |= {"creationTimestamp": str(at), "ownerReferences": owners, "labels": labels}
    return made


REFUSED: dict[str, Any] = {
    "conditions": [{"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: pods"}]
}
UNPLACED: dict[str, Any] = {
    "conditions": [
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes are available"}
    ]
}
CREATING: dict[str, Any] = {"containerStatuses": [container(waiting={"reason": "ContainerCreating"})]}
GROWS = event("web", "TriggeredScaleUp", "pod triggered scale-up: 3->4")
STAYS = event("web", "NotTriggerScaleUp", "max node group size reached", "2026-11-26T10:00:09Z")
PULL = event("web", "Pulling", "Pulling image web")
ATTACH = event("web", "FailedAttachVolume", "Multi-Attach error for volume", "2026-11-26T10:00:05Z")
LATE = event("web", "FailedMount", "MountVolume.SetUp failed: timed out waiting for the condition")
LACKS = event("web", "FailedMount", 'MountVolume.SetUp failed: secret "database" not found')
READY = pod(
    "web", phase="Running", containerStatuses=[container(ready=True, running={"startedAt": "2026-11-26T10:00:00Z"})]
)
# Pods, ReplicaSets and events; what must be said of the wait. All the time, Argo CD says of the Deployment: Degraded.
WAITS: dict[str, tuple[list[Any], list[Any], list[Any], str]] = {
    "for a node": ([pod("web", **UNPLACED)], [], [], "Pod web: Unschedulable: 0/3 nodes are available"),
    "for a new node": ([pod("web", **UNPLACED)], [], [GROWS], "TriggeredScaleUp: pod triggered scale-up: 3->4"),
    "for a node that comes after all": (
        [pod("web", **UNPLACED)],
        [],
        [STAYS, {**GROWS, "lastTimestamp": None, "eventTime": "2026-11-26T10:00:10.123456Z"}],
        "TriggeredScaleUp: ",
    ),
    "for a volume": ([pod("web", **CREATING)], [], [PULL, ATTACH], "FailedAttachVolume: Multi-Attach error"),
    "for a volume's driver": ([pod("web", **CREATING)], [], [LATE], "FailedMount: "),
    "for an image": ([pod("web", **CREATING)], [], [PULL], "Pulling: Pulling image web"),
    "without the right to read events": ([pod("web", **CREATING)], [], [], "its container is being created"),
    "for a migration": ([migration("Failed", 1), migration("Running", 2)], [], [], "Job api-migration: runs"),
    "beside one whose database waits": (
        [pod("web", phase="Running", containerStatuses=running(900)), pod("database-0", **UNPLACED)],
        [],
        [],
        "Pod database-0: Unschedulable",
    ),
}
FAULTS: dict[str, tuple[list[Any], list[Any], list[Any], str]] = {
    "a node that does not come": ([pod("web", **UNPLACED)], [], [GROWS, STAYS], "max node group size reached"),
    "a Secret that is not there": ([pod("web", **CREATING)], [], [LACKS], 'secret "database" not found'),
    "a variable without a value": (
        [
            pod(
                "web",
                containerStatuses=stuck(
                    "CreateContainerConfigError", "couldn't find key STRIPE_KEY in Secret shop-dev/web"
                ),
            )
        ],
        [],
        [],
        "couldn't find key STRIPE_KEY in Secret shop-dev/web: make secret ENV=dev NAME=STRIPE_KEY",
    ),
    "a crash": ([pod("web", phase="Running", containerStatuses=stuck("CrashLoopBackOff"))], [], [], "CrashLoopBackOff"),
    "no such image": ([pod("web", containerStatuses=stuck("ImagePullBackOff"))], [], [], "ImagePullBackOff"),
    "no such image of an init container": (
        [pod("web", initContainerStatuses=stuck("ErrImagePull"), **CREATING)],
        [],
        [],
        "ErrImagePull",
    ),
    "a crash beside a pod that waits": (
        [pod("web", phase="Running", containerStatuses=stuck("CrashLoopBackOff")), pod("other", **UNPLACED)],
        [],
        [],
        "CrashLoopBackOff",
    ),
    "a migration": (
        [migration("Running", 1), migration("Failed", 2)],
        [],
        [],
        "Job api-migration: failed with exit code 3: Traceback; column x does not exist",
    ),
    "probes that fail": ([pod("web", phase="Running", containerStatuses=running(200))], [], [], "do not succeed"),
    "a quota": ([], [replica_set("new", 2, **REFUSED), replica_set("old", 1)], [], "exceeded quota"),
    "an object that is no pod": ([READY], [], [], "Deployment web: Degraded"),
}
# What is none, within the time that is given.
NONE: dict[str, tuple[list[Any], list[Any], list[Any]]] = {
    # A day from now: ages are counted by the real clock, and these tests may run long after they were collected.
    "a container that has just started": ([pod("web", phase="Running", containerStatuses=running(-86400))], [], []),
    "an autoscaler without figures": ([READY], [], []),
    "a pod of the version before": (
        [pod("web", "old", containerStatuses=stuck("ImagePullBackOff"))],
        [replica_set("old", 9), replica_set("new", 10)],
        [],
    ),
    "a migration before that succeeded at last": ([migration("Failed", 1), migration("Succeeded", 2), READY], [], []),
    "a run of a cron job before": ([migration("Failed", 1, "api-2934"), READY], [], []),
    "a quota of the version before": ([], [replica_set("old", 9, **REFUSED), replica_set("new", 10)], []),
}


class Cluster:
    """Argo CD and the pods of an environment, and a clock that moves by a second for each look."""

    def __init__(self, module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.seconds, self.failure = 0.0, 0.0, ""
        self.error = module.CommandError
        self.troubled: dict[str, Any] = {}
        self.state: tuple[list[Any], list[Any], list[Any]] = ([], [], [])
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: self.now, sleep=self.sleep))
        monkeypatch.setattr(module.cluster, "ask", self.ask)
        monkeypatch.setattr(module.cluster, "pods_replica_sets_and_events", lambda *_: self.state)
        for one in (module, module.cluster):
            monkeypatch.setattr(one, "application", lambda: "shop")
        monkeypatch.setattr(module, "images", dict)
        monkeypatch.setattr(module, "check_environment", lambda name: name)
        monkeypatch.setattr(module, "remote_tip", lambda: NEW)
        monkeypatch.setattr(module, "succeeds", lambda *_: True)
        monkeypatch.setattr(module, "is_ancestor", lambda first, second: (first, second) == (OLD, NEW))

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def ask(self, *_: str) -> Any:
        if self.now >= self.seconds:
            status = {"operationState": {"phase": "Succeeded", "syncResult": {"revision": NEW}}}
            return {
                "status": {"sync": {"status": "Synced", "revision": NEW}, "health": {"status": "Healthy"}, **status}
            }
        if self.failure:
            raise self.error(self.failure)
        health = {"status": "Degraded", "message": "exceeded its progress deadline"}
        resources = [{"kind": "Deployment", "name": "web", "health": health}]
        sync = {"status": "Synced", "revision": NEW}
        return {"status": {"sync": sync, "health": health, "resources": resources, **self.troubled}}


@pytest.fixture
def cluster(command: Any, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    return Cluster(command, monkeypatch)


def waited(command: Any, cluster: Cluster, monkeypatch: pytest.MonkeyPatch, seconds: float, timeout: int = 300) -> str:
    """Wait for a cluster that becomes healthy after so many seconds; the reason why that was given up, or ""."""
    cluster.seconds = seconds
    monkeypatch.setattr(sys, "argv", ["wait-healthy", "dev", "--timeout", str(timeout)])
    try:
        command.main()
    except SystemExit as error:
        return str(error)
    return ""


@pytest.mark.parametrize("what", WAITS)
def test_a_wait_is_no_fault_and_is_said_once(
    what: str, command: Any, cluster: Cluster, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pods, sets, events, words = WAITS[what]
    cluster.state = (pods, sets, events)
    assert waited(command, cluster, monkeypatch, 900) == ""
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 2
    assert said[0].startswith("dev: waits: ")
    assert words in said[0]


def test_a_wait_has_an_end_and_the_time_before_it_counts(
    command: Any, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.state = ([pod("web", **UNPLACED)], [], [])
    assert "dev is not healthy after 1201 s: Pod web: Unschedulable" in waited(command, cluster, monkeypatch, 5000)


@pytest.mark.parametrize("what", FAULTS)
def test_a_fault_is_said_within_seconds(
    what: str, command: Any, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    pods, sets, events, words = FAULTS[what]
    cluster.state = (pods, sets, events)
    reason = waited(command, cluster, monkeypatch, 900)
    assert words in reason
    assert cluster.now < 20


@pytest.mark.parametrize("what", NONE)
def test_what_is_no_fault_has_the_time_that_is_given(
    what: str, command: Any, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.state = NONE[what]
    cluster.troubled = {"health": {"status": "Progressing"}, "resources": []} if "before" in what else {}
    if "autoscaler" in what:
        health = {"status": "Degraded", "message": "the HPA was unable to compute the replica count"}
        cluster.troubled = {"resources": [{"kind": "HorizontalPodAutoscaler", "name": "web", "health": health}]}
    assert waited(command, cluster, monkeypatch, 100) == ""
    assert "dev is not healthy after 61 s" in waited(command, cluster, monkeypatch, 900, timeout=60)


def failed(message: str, revision: str = NEW) -> dict[str, Any]:
    resources = [{"kind": "Deployment", "name": "web", "status": "SyncFailed", "message": message}]
    operation = {"phase": "Running", "retryCount": 2, "syncResult": {"revision": revision, "resources": resources}}
    return {"health": {"status": "Healthy"}, "resources": [], "operationState": operation}


@pytest.mark.parametrize(
    "message",
    [
        'Internal error occurred: failed calling webhook "check": connection refused',
        "the server is currently unable to handle the request",
        "etcdserver: leader changed",
        "context deadline exceeded",
    ],
)
def test_a_server_that_is_not_reached_is_no_fault_of_the_version(
    message: str, command: Any, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.troubled = failed(message)
    assert waited(command, cluster, monkeypatch, 200) == ""
    cluster.now, cluster.failure = 0.0, f"Unable to connect to the server: {message}"
    assert waited(command, cluster, monkeypatch, 200) == ""


def test_a_manifest_that_is_refused_is_a_fault_and_not_of_the_version_that_mends_it(
    command: Any, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.troubled = failed("spec.replicas: must not be negative")
    assert "must not be negative" in waited(command, cluster, monkeypatch, 200)
    cluster.now = 0.0
    cluster.troubled = failed("spec.replicas: must not be negative", OLD)
    assert waited(command, cluster, monkeypatch, 70) == ""


def test_a_rollback_waits_until_the_failed_migration_has_ended(
    command: Any, cluster: Cluster, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.state = ([migration("Failed", 1)], [], [])
    job = {"kind": "Job", "name": "api-migration", "status": "Synced", "hookPhase": "Failed", "message": "gave up"}
    cluster.troubled = failed("")
    cluster.troubled["operationState"]["syncResult"] = {"revision": NEW, "resources": [job]}
    assert "Job api-migration: gave up" in waited(command, cluster, monkeypatch, 200)
    cluster.now = 0.0
    cluster.troubled["operationState"]["syncResult"]["revision"] = OLD
    assert waited(command, cluster, monkeypatch, 400) == ""
    assert "waits: the migration of an older version ends first" in capsys.readouterr().out


def test_why_a_migration_failed_is_said_though_it_is_being_tried_again(
    command: Any, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.troubled = failed("")
    cluster.troubled["operationState"]["syncResult"]["resources"] = []
    cluster.troubled["operationState"]["message"] = "Retrying operation with latest revisions. Attempt #1"
    # At the last look, Argo CD has removed the Job, and has not made it anew.
    look = "pods_replica_sets_and_events"
    monkeypatch.setattr(
        command.cluster, look, lambda *_: ([migration("Failed", 1)] if cluster.now < 16 else [], [], [])
    )
    said = waited(command, cluster, monkeypatch, 200)
    assert "Job api-migration: failed with exit code 3: Traceback; column x does not exist; sync: Retrying" in said
    # Once it has succeeded, what is wrong is something else.
    cluster.now = 0.0
    monkeypatch.setattr(
        command.cluster, look, lambda *_: ([migration("Failed" if cluster.now < 10 else "Succeeded", 1)], [], [])
    )
    cluster.troubled = {"health": {"status": "Progressing"}, "resources": []}
    assert "Job" not in waited(command, cluster, monkeypatch, 900, timeout=60)


def released(command: Any, monkeypatch: pytest.MonkeyPatch, digest: str = "sha256:1") -> None:
    """Git sets the image ghcr.io/acme/api to v2."""
    monkeypatch.setattr(command, "images", lambda: {"nightly": "ghcr.io/acme/api"})
    version = command.deployments.Version("v2", digest)
    monkeypatch.setattr(command.deployments, "readable", lambda *_: {"nightly": version})


def of_image(image: str, made: dict[str, Any]) -> dict[str, Any]:
    return {**made, "spec": {"containers": [{"name": "nightly", "image": image}]}}


# A run that begins while the sync has not come to its CronJob is of the version before.
@pytest.mark.parametrize(
    ("made", "image", "said"),
    [
        ("2026-11-26T03:00:00Z", "ghcr.io/acme/api:v2@sha256:1", ""),
        ("2026-11-26T10:00:09Z", "ghcr.io/acme/api:unreleased", ""),
        ("2026-11-26T10:00:09Z", "ghcr.io/acme/api:v2@sha256:0", ""),
        ("2026-11-26T10:00:09Z", "ghcr.io/acme/api:v2@sha256:1", "ImagePullBackOff"),
        ("2026-11-26T10:00:09Z", "ghcr.io/acme/api-tool:v1", "ImagePullBackOff"),
    ],
)
def test_a_run_of_a_cron_job_is_a_fault_only_of_the_version_that_it_began_with(
    made: str, image: str, said: str, command: Any, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    released(command, monkeypatch)
    run = of_image(image, pod("nightly-1-x", containerStatuses=stuck("ImagePullBackOff")))
    run["metadata"] |= {"creationTimestamp": made, "ownerReferences": [{"kind": "Job", "name": "nightly-1"}]}
    cluster.state = ([run], [], [])
    cluster.troubled = {"operationState": {"phase": "Running", "startedAt": "2026-11-26T10:00:05Z"}, "resources": []}
    message = waited(command, cluster, monkeypatch, 60)
    assert said in message
    assert bool(message) == bool(said)


@pytest.mark.parametrize(("digest", "image"), [("sha256:1", "v2@sha256:1"), ("", "v2"), ("", "v2@sha256:1")])
def test_a_pod_that_the_sync_has_not_come_to_yet_is_no_fault_of_the_new_version(
    digest: str, image: str, command: Any, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that waits for its first image while the migration of the first version runs."""
    released(command, monkeypatch, digest)
    one = pod("api", containerStatuses=stuck("ErrImagePull"))
    cluster.state = ([of_image("ghcr.io/acme/api:unreleased", one), migration("Running", 1)], [], [])
    assert waited(command, cluster, monkeypatch, 100) == ""
    cluster.now, cluster.state = 0.0, ([of_image(f"ghcr.io/acme/api:{image}", one)], [], [])
    assert "ErrImagePull" in waited(command, cluster, monkeypatch, 100)


def test_a_service_without_its_first_image_is_no_fault_of_the_others(
    command: Any, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its image is built elsewhere, or its build has failed: what others deploy meanwhile must not be put back."""
    released(command, monkeypatch)
    new = command.deployments.Version("unreleased")
    monkeypatch.setattr(command, "images", lambda: {"nightly": "ghcr.io/acme/api", "web": "ghcr.io/acme/web"})
    set_to = {"nightly": command.deployments.Version("v2"), "web": new}
    monkeypatch.setattr(command.deployments, "readable", lambda *_: set_to)
    cluster.state = (
        [of_image("ghcr.io/acme/web:unreleased", pod("web", containerStatuses=stuck("ErrImagePull")))],
        [],
        [],
    )
    cluster.troubled = {"operationState": {"phase": "Succeeded", "syncResult": {"revision": NEW}}}
    assert waited(command, cluster, monkeypatch, 900) == ""
    assert cluster.now < 60
    set_to["web"] = command.deployments.Version("v1")
    assert "Deployment web: Degraded" in waited(command, cluster, monkeypatch, 900)
