"""What kustomizations build: which objects belong together, and what is in the pods among them."""

import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from .documents import Map, Repository

KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
# Where the template of its pods is in a workload.
_TEMPLATES = {
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    "DaemonSet": ("spec", "template"),
    "Deployment": ("spec", "template"),
    "Job": ("spec", "template"),
    "Pod": (),
    "ReplicaSet": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
}


@dataclass
class Workload:
    """An object that makes pods, with what others refer to."""

    path: str
    document: Map
    kind: str = ""
    name: str = ""
    labels: dict[str, Any] = field(default_factory=dict)
    pod: Map = field(default_factory=Map)
    containers: list[Map] = field(default_factory=list)
    ports: dict[Any, Map] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Look into the template of the pods."""
        self.kind, self.name = self.document.text("kind"), self.document.text("metadata", "name")
        at = _TEMPLATES[self.kind]
        labels, pod = self.document.at(*at, "metadata", "labels"), self.document.at(*at, "spec")
        self.labels = labels if isinstance(labels, dict) else {}
        self.pod = pod if isinstance(pod, Map) else Map()
        self.containers = self.pod.maps("containers")
        for container in [*self.containers, *self.pod.maps("initContainers")]:
            for port in container.maps("ports"):
                for key in (port.get("name"), port.get("containerPort")):
                    if isinstance(key, (str, int)):
                        self.ports[key] = port

    def all_containers(self) -> list[Map]:
        """Return the containers, those that run before the others too."""
        return [*self.pod.maps("initContainers"), *self.containers]

    def matches(self, selector: Any) -> bool:
        """Tell whether a selector by labels takes its pods; an empty one takes all."""
        wanted = selector if isinstance(selector, dict) else {}
        return all(self.labels.get(key) == value for key, value in wanted.items())

    def has_port(self, port: Any) -> bool:
        """Tell whether a container has a port of that name or number."""
        return isinstance(port, (str, int)) and port in self.ports


def workload(path: str, document: Map) -> Workload | None:
    """Return the workload that a document is; None where it is something else."""
    return Workload(path, document) if document.text("kind") in _TEMPLATES else None


def is_own_image(image: Any) -> bool:
    """Tell whether an image has neither tag nor digest: the overlays set them."""
    return isinstance(image, str) and ":" not in image.rpartition("/")[2] and "@" not in image


class Pods:
    """The workloads of an application; a selector finds them by label, without a look at each."""

    def __init__(self, workloads: list[Workload]) -> None:
        """Note who has which label."""
        self.workloads = workloads
        self._labelled: dict[tuple[str, str], list[Workload]] = {}
        for item in workloads:
            for key, value in item.labels.items():
                self._labelled.setdefault((key, str(value)), []).append(item)

    def selected(self, selector: Any) -> list[Workload]:
        """Return the workloads whose pods a selector by labels takes; all, where it is empty."""
        if not isinstance(selector, dict) or not selector:
            return self.workloads
        fewest = min((self._labelled.get((key, str(value)), []) for key, value in selector.items()), key=len)
        return [item for item in fewest if item.matches(selector)]

    def selecting(self, documents: Iterable[Map], *selector: str) -> dict[int, list[Map]]:
        """Return the documents that select each workload, by its id; `selector` is where that stands in them."""
        found: dict[int, list[Map]] = {id(item): [] for item in self.workloads}
        for document in documents:
            for item in self.selected(document.at(*selector)):
                found[id(item)].append(document)
        return found


def patches(repository: Repository) -> set[str]:
    """Return the files that kustomizations name as patches: parts of objects, no objects."""
    if "patches" not in repository.known:
        repository.known["patches"] = _patches(repository)
    found: set[str] = repository.known["patches"]
    return found


def _patches(repository: Repository) -> set[str]:
    found = set()
    for path, document in [*repository.below("apps/"), *repository.below("clusters/")]:
        if posixpath.basename(path) in KUSTOMIZATIONS:
            for patch in document.maps("patches"):
                if patch.text("path"):
                    found.add(posixpath.normpath(posixpath.join(posixpath.dirname(path), patch.text("path"))))
            for name in document.texts("patchesStrategicMerge"):
                found.add(posixpath.normpath(posixpath.join(posixpath.dirname(path), name)))
    return found


def applications(repository: Repository) -> list[str]:
    """Return the folders of the applications, sorted."""
    return sorted({"/".join(path.split("/")[:2]) for path in repository.files if re.match(r"apps/[^/]+/.", path)})


def objects(repository: Repository, folder: str) -> list[tuple[str, Map]]:
    """Return every object in a folder and below, with its file: kustomizations and patches are none."""
    parts = patches(repository)
    found = []
    for path, document in repository.below(folder.rstrip("/") + "/"):
        if path not in parts and posixpath.basename(path) not in KUSTOMIZATIONS and document.text("kind"):
            items = document.maps("items") if document.text("kind") == "List" else [document]
            found += [(path, item) for item in items]
    return found


def kustomizations(repository: Repository, folder: str) -> Iterator[tuple[str, Map]]:
    """Yield every kustomization in a folder and below, with its file."""
    for path, document in repository.below(folder.rstrip("/") + "/"):
        if posixpath.basename(path) in KUSTOMIZATIONS:
            yield path, document


def group(path: str) -> str:
    """Return the part of an application that a file belongs to: its base, an overlay, a component."""
    parts = path.split("/")
    return "/".join(parts[:3] if parts[2:3] == ["base"] else parts[:4])


def replicas(repository: Repository, application: str, item: Workload) -> list[int]:
    """Return how many pods a workload has: in the base, and where overlays say otherwise."""
    base = item.document.at("spec", "replicas")
    key = f"replicas in {application}"
    if key not in repository.known:
        counts: dict[str, list[int]] = {}
        for _, kustomization in kustomizations(repository, f"{application}/overlays"):
            for entry in kustomization.maps("replicas"):
                if isinstance(count := entry.get("count"), int):
                    counts.setdefault(entry.text("name"), []).append(count)
        repository.known[key] = counts
    return [base if isinstance(base, int) else 1, *repository.known[key].get(item.name, [])]
