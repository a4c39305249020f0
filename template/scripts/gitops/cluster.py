"""What a cluster says of an environment, by kubectl, with rights to read and no others."""

import json
import re
from datetime import UTC, datetime
from typing import Any

from . import process
from .process import CommandError
from .repository import application, argocd_namespace, cluster_folder, kubectl

# Argo CD takes it away once it has compared.
REFRESH = "argocd.argoproj.io/refresh"

# What kubectl says without a configuration, and with one that lacks a cluster.
_UNKNOWN = re.compile(r'The connection to the server localhost:8080 was refused|context ".*" does not exist')

# Answers that say nothing about what was asked for: the API server, a webhook or Git was not reached.
TRANSIENT = re.compile(
    r"connection re(fused|set)|timed? ?out|(context )?deadline exceeded|unavailable|currently unable|unexpected EOF"
    r"|TLS handshake|too many requests|no such host|no route to host|etcdserver|failed calling webhook"
    r"|Unable to connect|no answer in",
    re.IGNORECASE,
)

_STUCK_REASONS = {
    "CrashLoopBackOff",
    "CreateContainerConfigError",
    "CreateContainerError",
    "ErrImageNeverPull",
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "RunContainerError",
}


def run(environment: str, *arguments: str, timeout: float | None = None) -> str:
    """Return what kubectl prints about the environment's cluster.

    Args:
        environment: the one whose cluster is asked.
        arguments: what kubectl is called with.
        timeout: seconds to wait for an answer; without it as long as kubectl does.
    """
    bounded = [] if timeout is None else [f"--request-timeout={timeout:.0f}s"]
    try:
        # A sign-in that waits for a person is no request.
        limit = None if timeout is None else timeout + 2
        return process.output(*kubectl(environment), *bounded, *arguments, timeout=limit)
    except CommandError as error:
        if _UNKNOWN.search(str(error)):
            name = cluster_folder(environment)
            raise CommandError(
                f"kubectl knows no cluster {name}: run az aks get-credentials, as `make up` says at its end"
            ) from error
        raise


def ask(environment: str, *arguments: str, timeout: float | None = None) -> Any:
    """Return the JSON that kubectl prints; arguments and errors are those of `run`."""
    return json.loads(run(environment, *arguments, "--output=json", timeout=timeout))


def refresh(environment: str) -> str:
    """Tell Argo CD to compare an environment with Git anew; what kubectl says. Errors are those of `run`."""
    name = f"{application()}-{environment}"
    look = ("annotate", "--overwrite", "applications.argoproj.io", name, f"{REFRESH}=normal")
    return run(environment, "--namespace", argocd_namespace(), *look)


def pods_replica_sets_and_events(
    environment: str, namespace: str, timeout: float | None = None
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the pods, ReplicaSets and, where a pod does not run yet, events of a namespace.

    None where they may not be read, for they are a help only.
    """

    def items(*what: str) -> list[dict[str, Any]]:
        try:
            found: list[dict[str, Any]] = ask(environment, "--namespace", namespace, "get", *what, timeout=timeout)[
                "items"
            ]
        except CommandError:
            return []
        return found

    pods = items("pods")
    pending = any(pod["status"].get("phase") == "Pending" for pod in pods)
    return (
        pods,
        items("replicasets.apps"),
        items("events", "--field-selector=involvedObject.kind=Pod") if pending else [],
    )


def _replaced(replica_sets: list[dict[str, Any]]) -> set[str]:
    """Return the names of the ReplicaSets that a newer one of the same Deployment replaces."""
    newest: dict[str, tuple[int, str]] = {}
    for item in replica_sets:
        metadata = item["metadata"]
        for owner in metadata.get("ownerReferences", []):
            revision = int(metadata.get("annotations", {}).get("deployment.kubernetes.io/revision", 0))
            newest[owner["name"]] = max(newest.get(owner["name"], (0, "")), (revision, metadata["name"]))
    return {item["metadata"]["name"] for item in replica_sets} - {name for _, name in newest.values()}


def _pending(pod: dict[str, Any], events: list[dict[str, Any]]) -> tuple[str, bool]:
    """Return what a pod that does not run yet waits for, and whether waiting helps."""
    newest: dict[str, tuple[str, str]] = {}
    for event in events:
        if event["involvedObject"].get("name") == pod["metadata"]["name"]:
            series = (event.get("series") or {}).get("lastObservedTime")
            at = series or event.get("lastTimestamp") or event.get("eventTime") or ""
            seen = (at[:19], event.get("message", ""))
            newest[event["reason"]] = max(newest.get(event["reason"], seen), seen)
    never = ("", "")
    for condition in pod["status"].get("conditions", []):
        if (condition["type"], condition["status"]) == ("PodScheduled", "False"):
            grows, stays = (newest.get(reason, never) for reason in ("TriggeredScaleUp", "NotTriggerScaleUp"))
            if stays > grows:
                return f"NotTriggerScaleUp: {stays[1]}", False
            node = f"; TriggeredScaleUp: {grows[1]}" if grows > never else ""
            return f"{condition.get('reason')}: {condition.get('message')}{node}", True
    reasons = ("FailedAttachVolume", "FailedMount", "FailedCreatePodSandBox", "Pulling")
    (_, message), reason = max((newest.get(reason, never), reason) for reason in reasons)
    if not message:
        return "its container is being created", True
    return f"{reason}: {message}", not re.search("not found|non-existent", message)


def _cure(message: str) -> str:
    """Return the command that gives a variable the value for which a container waits."""
    key = re.search(r"couldn't find key ([A-Z][A-Z0-9_]*) in Secret ([^/]+)/", message)
    return f": make secret ENV={key[2].removeprefix(application() + '-')} NAME={key[1]}" if key else ""


def job_of(pod: dict[str, Any]) -> str | None:
    """Return the Job of Git that a pod belongs to, as a migration; those of a CronJob are named after their runs."""
    name = pod["metadata"].get("labels", {}).get("app.kubernetes.io/name")
    owners = [(owner.get("kind"), owner["name"]) for owner in pod["metadata"].get("ownerReferences", [])]
    return name if ("Job", name) in owners else None


def is_run(pod: dict[str, Any]) -> bool:
    """Tell whether a pod belongs to a run of a CronJob."""
    return job_of(pod) is None and any(one.get("kind") == "Job" for one in pod["metadata"].get("ownerReferences", []))


def _last_words(pod: dict[str, Any]) -> str:
    """Return why a pod has failed: the end of its log, which its container leaves where it may be read."""
    ended = [one["state"].get("terminated", {}) for one in pod["status"].get("containerStatuses", [])]
    failed: dict[str, Any] = next((state for state in ended if state.get("exitCode")), {})
    lines = (failed.get("message") or pod["status"].get("message") or "no details").strip().splitlines()
    return f"exit code {failed.get('exitCode', 'unknown')}: " + "; ".join(line.strip() for line in lines[-3:])


def pod_troubles(
    pods: list[dict[str, Any]], replica_sets: list[dict[str, Any]], events: list[dict[str, Any]]
) -> tuple[list[str], list[str], dict[str, float]]:
    """Return what keeps pods from being ready, a line for each.

    Pods of a version that is being replaced do not count: that they can't start may be why.

    Returns:
        What waiting does not mend; what waits for a node, a volume or an image; what runs and is not ready, with the
        seconds since it started.
    """
    old = _replaced(replica_sets)
    stuck = [
        f"ReplicaSet {item['metadata']['name']}: {condition.get('message', 'its pods are refused')}"
        for item in replica_sets
        if item["metadata"]["name"] not in old
        for condition in item.get("status", {}).get("conditions", [])
        if (condition["type"], condition["status"]) == ("ReplicaFailure", "True")
    ]
    waits: list[str] = []
    unready: dict[str, float] = {}
    made = sorted(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp")))
    for name, pod in {name: pod for pod in made if (name := job_of(pod))}.items():  # The newest pod of each.
        if pod["status"].get("phase") == "Failed":
            stuck.append(f"Job {name}: failed with {_last_words(pod)}")
        elif pod["status"].get("phase") == "Running":
            waits.append(f"Job {name}: runs")
    for pod in pods:
        owners = {owner["name"] for owner in pod["metadata"].get("ownerReferences", [])}
        if "deletionTimestamp" in pod["metadata"] or owners & old:
            continue
        name, status = f"Pod {pod['metadata']['name']}", pod["status"]
        begun = False
        for container in [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]:
            waiting = container["state"].get("waiting", {})
            last = container.get("lastState", {}).get("terminated", {}).get("reason", "")
            if waiting.get("reason") in _STUCK_REASONS:
                message = waiting.get("message") or last or "no details"
                stuck.append(f"{name}: {waiting['reason']}: {message}{_cure(message)}")
                begun = True
            elif "running" in container["state"] and not container["ready"]:
                restarts = f", restarted {container['restartCount']} times" if container["restartCount"] else ""
                since = container["state"]["running"]["startedAt"]
                age = (datetime.now(UTC) - datetime.fromisoformat(since)).total_seconds()
                unready[f"{name}: running since {since}{restarts}, but its probes do not succeed"] = age
                begun = True
        if status.get("phase") == "Pending" and not begun:
            reason, passes = _pending(pod, events)
            (waits if passes else stuck).append(f"{name}: {reason}")
    return stuck, waits, unready


def ready_images(pods: list[dict[str, Any]], service: str) -> dict[str, int]:
    """Return how many ready pods of a service run each image; the container is named after the service."""
    count: dict[str, int] = {}
    for pod in pods:
        containers = {container["name"]: container["image"] for container in pod.get("spec", {}).get("containers", [])}
        ready = any(c["name"] == service and c["ready"] for c in pod["status"].get("containerStatuses", []))
        if service in containers and ready and "deletionTimestamp" not in pod["metadata"]:
            count[containers[service]] = count.get(containers[service], 0) + 1
    return count


def unhealthy_objects(status: dict[str, Any]) -> list[str]:
    """Return a line for each object of the Application that is not in sync or not healthy."""
    lines = []
    for item in status.get("resources", []):
        health = item.get("health", {})
        if health.get("status", "Healthy") not in ("Healthy", "Suspended"):
            lines.append(f"{item['kind']} {item['name']}: {health['status']}: {health.get('message', 'no details')}")
        elif item.get("status") == "OutOfSync" and not item.get("requiresPruning"):
            lines.append(f"{item['kind']} {item['name']}: OutOfSync")
    return lines


def sync_errors(status: dict[str, Any]) -> list[str]:
    """Return a line for each error that Argo CD itself reports."""
    lines = [f"{c['type']}: {c['message']}" for c in status.get("conditions", []) if c["type"].endswith("Error")]
    operation = status.get("operationState", {})
    if operation.get("phase") in ("Failed", "Error") or operation.get("retryCount"):
        results = (operation.get("syncResult") or {}).get("resources", [])
        ended = ("Failed", "Error")
        failed = [item for item in results if item.get("status") == "SyncFailed" or item.get("hookPhase") in ended]
        lines += [f"{item['kind']} {item['name']}: {item.get('message', 'sync failed')}" for item in failed]
        lines = lines or [f"sync: {operation.get('message', operation.get('phase'))}"]
    return lines
