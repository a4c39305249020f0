"""What the cluster never does, or refuses at the next release, of workloads, and nothing else tells at once."""

from collections.abc import Iterator

from .documents import Problem, Repository
from .objects import Environment, Workload, environments, is_own_image

# What lets Argo CD replace a Job.
_REPLACED = ("argocd.argoproj.io/hook:", "helm.sh/hook:", "Force=true", "Replace=true")


def check(repository: Repository) -> Iterator[Problem]:
    """Check every environment."""
    for environment in environments(repository):
        yield from _check_selectors(environment)
        for item in environment.workloads:
            yield from _check_jobs(item)
            yield from _check_containers(item)


def _check_selectors(environment: Environment) -> Iterator[Problem]:
    """Each workload has pods of its own: two of one selector would take them from each other."""
    seen: dict[str, Workload] = {}
    for item in environment.workloads:
        labels = item.document.map("spec", "selector", "matchLabels")
        if not labels or item.document.maps("spec", "selector", "matchExpressions"):
            continue
        place = item.document.where("spec", "selector", "matchLabels")
        other = seen.setdefault(str(sorted(labels.items())), item)
        if other is not item and other.kind == item.kind:  # A Rollout takes over from a Deployment.
            what = f"{item.kind} {item.name} selects the pods of {other.kind} {other.name}"
            yield Problem(*place, f"{what}: give it and its pods a label of their own")


def _check_jobs(item: Workload) -> Iterator[Problem]:
    notes = " ".join(f"{key}: {value}" for key, value in item.document.map("metadata", "annotations").items())
    if item.kind == "Job" and not any(one in notes for one in _REPLACED):
        for image in (one.where("image") for one in item.containers if is_own_image(one.get("image"))):
            what = f"the next release would change Job {item.name}, which Kubernetes refuses"
            yield Problem(*image, f"{what}: add the annotation argocd.argoproj.io/hook: Sync")


def _check_containers(item: Workload) -> Iterator[Problem]:
    for container in item.containers:
        ports = [entry.text("name") for entry in container.maps("ports")]
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            for at in ((probe, "httpGet", "port"), (probe, "tcpSocket", "port")):
                if container.text(*at) and container.text(*at) not in ports:
                    cure = f"use {' or '.join(ports)}" if ports else "add it to ports"
                    yield Problem(
                        *container.where(*at), f"{probe} asks port {container.text(*at)}, which is not there: {cure}"
                    )
