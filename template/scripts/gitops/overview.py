"""An environment as Git wants it and as its cluster runs it, side by side."""

import itertools
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from . import cluster, deployments
from .git import git, read, succeeds
from .imagetags import UNRELEASED, Version, parse
from .process import CommandError
from .repository import application, argocd_namespace, cluster_folder, imagetags_path, services

# Seconds for each question to a cluster: it is asked three, one after the other, and all clusters at the same time.
PATIENCE = 10.0


@dataclass
class Service:
    """A service: what Git wants, and how many ready pods run which version."""

    name: str
    wanted: Version
    running: dict[str, int] = field(default_factory=dict)

    @property
    def as_wanted(self) -> bool:
        """Tell whether what runs is what Git wants, and nothing else."""
        return set(self.running) == {str(self.wanted)}


@dataclass
class Deployment:
    """The commit that set the images of an environment last."""

    commit: str
    time: str
    by: str
    subject: str


@dataclass
class Environment:
    """One environment. Without `revision`, health and sync are unknown, and `reasons` say why."""

    name: str
    cluster: str
    state: str = "unknown"
    health: str = ""
    sync: str = ""
    revision: str = ""
    behind: int | None = None
    reasons: list[str] = field(default_factory=list)
    deployed: Deployment | None = None
    services: list[Service] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return the environment in the shape that docs/operations.md documents."""
        found = asdict(self)
        for given, service in zip(found["services"], self.services, strict=True):
            given["as_wanted"] = service.as_wanted
        return found


def wanted(name: str, tip: str) -> Environment:
    """Return an environment as a commit of Git wants it."""
    path = imagetags_path(name)
    versions = parse(read(tip, path) or "", path)
    found = [Service(service, versions.get(service, Version(UNRELEASED))) for service in services()]
    released = any(service.wanted.tag != UNRELEASED for service in found)
    return Environment(
        name, cluster_folder(name), services=found, deployed=next(history(name, tip, 1), None) if released else None
    )


def history(name: str, tip: str, count: int) -> Iterator[Deployment]:
    """Yield the newest deployments of an environment: by what changed its image tags, whatever the messages say."""
    shape = "%H%x00%cI%x00%an%x00%s"
    log = git("log", "-z", f"--format={shape}", tip, "--", imagetags_path(name))
    fields = iter(log.split("\0"))
    commits = (Deployment(*deployment) for deployment in zip(fields, fields, fields, fields, strict=False))
    return itertools.islice((one for one in commits if deployments.deploys(one.commit, name)), count)


def _version(image: str) -> str:
    """Return tag and digest of an image reference."""
    name, _, digest = image.partition("@")
    return str(Version(name.rpartition("/")[2].partition(":")[2], digest))


def _behind(revision: str, tip: str) -> int | None:
    """Return how many commits of the main branch the cluster has not seen; None where Git does not know its commit."""
    if revision == tip:
        return 0
    if not revision or not succeeds("merge-base", "--is-ancestor", "--end-of-options", revision, tip):
        return None
    return int(git("rev-list", "--count", "--end-of-options", f"{revision}..{tip}"))


def look(found: Environment, tip: str) -> Environment:
    """Add what the cluster says of an environment: its state in a word, and reasons where that is not a good one."""
    name = f"{application()}-{found.name}"
    try:
        answer = cluster.ask(
            found.name, "--namespace", argocd_namespace(), "get", "applications.argoproj.io", name, timeout=PATIENCE
        )
    except CommandError as error:
        missing = "NotFound" in str(error) or "the server doesn't have a resource type" in str(error)
        found.state = "missing" if missing else "unreachable"
        found.reasons = [f"Argo CD has no Application {name}: run make up" if missing else str(error)]
        return found
    status = answer.get("status", {})
    pods, *others = cluster.pods_replica_sets_and_events(found.name, name, timeout=PATIENCE)
    for service in found.services:
        for image, count in cluster.ready_images(pods, service.name).items():
            service.running[_version(image)] = service.running.get(_version(image), 0) + count
    found.health = status.get("health", {}).get("status", "Unknown")
    found.sync = status.get("sync", {}).get("status", "Unknown")
    found.revision = status.get("sync", {}).get("revision", "")
    found.behind = _behind(found.revision, tip)
    errors = cluster.sync_errors(status)
    stuck, waits, unready = cluster.pod_troubles(pods, *others)
    objects = cluster.unhealthy_objects(status)
    drifted = [
        f"{service.name} runs {', '.join(service.running)}, not what Git wants"
        for service in found.services
        if service.running and not service.as_wanted
    ]
    if all(service.wanted.tag == UNRELEASED for service in found.services):
        found.state = "unreleased"
    elif errors or found.health in ("Degraded", "Missing") or stuck:
        found.state, found.reasons = "degraded", [*errors, *stuck, *waits, *unready, *objects]
    elif status.get("operationState", {}).get("phase") == "Running" or found.health != "Healthy":
        found.state, found.reasons = "progressing", [*waits, *unready, *objects]
    elif found.behind != 0:
        found.state, found.reasons = "behind", [f"run scripts/refresh {found.name}, or wait for Argo CD to look"]
    elif found.sync != "Synced":
        found.state, found.reasons = "out of sync", objects + drifted
    elif drifted:
        found.state, found.reasons = "drifted", drifted
    else:
        found.state = "healthy"
    found.reasons = list(dict.fromkeys(found.reasons))
    return found
