"""The objects of an environment as others refer to them: workloads with their pods, and what runs beside them."""

import re
from functools import cached_property
from typing import Any

from . import applications, kustomize
from .documents import Map, Repository

# Groups whose objects make nothing that others name, or only as they say. An object of another group may be what an
# operator makes things from: then nothing counts as missing.
_MAKE_NOTHING = {
    *("", "admissionregistration.k8s.io", "apps", "argoproj.io", "autoscaling", "batch"),
    *("coordination.k8s.io", "external-secrets.io", "gateway.networking.k8s.io", "generators.external-secrets.io"),
    *("azmonitoring.coreos.com", "bitnami.com", "keda.sh", "monitoring.coreos.com", "networking.k8s.io", "policy"),
    *("rbac.authorization.k8s.io", "scheduling.k8s.io", "storage.k8s.io"),
}
# Kinds of these groups that make pods all the same.
_MAKERS = {
    *("Alertmanager", "Prometheus", "PrometheusAgent", "ThanosRuler"),
    *("AnalysisTemplate", "CronWorkflow", "EventBus", "EventSource", "ScaledJob", "Sensor"),
    *("Workflow", "WorkflowTemplate"),
}


class Workload:
    """An object that makes pods: of Kubernetes or of another group, as a Rollout, as long as it has their template."""

    def __init__(self, document: Map) -> None:
        """Look into the template of the pods."""
        self.document, self.kind, self.name = document, document.kind, document.name
        at = next(at for at in kustomize.PODS if document.maps(*at, "spec", "containers"))
        self.labels: dict[str, Any] = document.map(*at, "metadata", "labels")
        self.pod = document.map(*at, "spec")
        self.containers = [*self.pod.maps("initContainers"), *self.pod.maps("containers")]
        self.variables = [variable for container in self.containers for variable in container.maps("env")]
        found = [port for container in self.containers for port in container.maps("ports")]
        self.ports = {port.get("name"): port.get("containerPort") for port in found}

    def matches(self, selector: Any) -> bool:
        """Tell whether a selector by labels takes its pods; an empty one takes all."""
        return all(self.labels.get(key) == value for key, value in (selector or {}).items())

    def same_port(self, port: Any) -> set[Any]:
        """Return what else a port goes by: its number, or its names."""
        return {port, *(other for pair in self.ports.items() if port in pair for other in pair)} - {None}


def is_workload(document: Map) -> bool:
    """Tell whether a document has a template of pods, or is one; other kinds have containers that are patches."""
    return any(document.maps(*at, "spec", "containers") for at in kustomize.PODS if at or document.kind == "Pod")


def is_own_image(image: Any) -> bool:
    """Tell whether an image has neither tag nor digest: the overlays set them."""
    return isinstance(image, str) and bool(image) and ":" not in image.rpartition("/")[2] and "@" not in image


class Environment:
    """What an overlay, or the preview, builds."""

    def __init__(self, repository: Repository, folder: str) -> None:
        """Sort the objects."""
        built = kustomize.build(repository, folder)
        self.folder, self.objects, self.name = folder, built.objects, folder.rpartition("/")[2]
        self.kustomization = kustomize.kustomization(repository, folder)
        self.namespace = applications.target_of(repository, folder)
        self.workloads = [Workload(item) for item in built.objects if is_workload(item)]
        known = all(
            (item.group in _MAKE_NOTHING and item.kind not in _MAKERS) or is_workload(item) for item in built.objects
        )
        # Programs that may make pods make them with labels of their own.
        rules = [rule for item in built.objects if item.kind == "Role" for rule in item.maps("rules")]
        known &= not any(
            {"create", "*"} & set(rule.texts("verbs")) and {"jobs", "pods", "*"} & set(rule.texts("resources"))
            for rule in rules
        )
        # Whether what is not among the objects is nowhere: nothing else deploys to the namespace.
        self.complete = built.whole and known and not _has_guests(repository, folder, self.namespace)
        # What may be copied from elsewhere into every namespace, as trust-manager does.
        self.copied = repository.known("copied", lambda: _copied(repository))
        self._labelled: dict[tuple[str, str], list[Workload]] = {}
        for item in self.workloads:
            for key, value in item.labels.items():
                self._labelled.setdefault((key, str(value)), []).append(item)

    def of_kind(self, *kinds: str) -> list[Map]:
        """Return the objects of some kinds."""
        return [item for kind in kinds for item in self._by_kind.get(kind, ())]

    @cached_property
    def _by_kind(self) -> dict[str, list[Map]]:
        found: dict[str, list[Map]] = {}
        for item in self.objects:
            found.setdefault(item.kind, []).append(item)
        return found

    @cached_property
    def services(self) -> dict[str, Map]:
        """Return the Services by name."""
        return {item.name: item for item in self.of_kind("Service") if not item.group}

    def knows(self, selector: Any) -> bool:
        """Tell whether labels are written here: Kubernetes, a mesh and others write those of their own domains."""
        written = {key for key, _ in self._labelled}
        return all("/" not in key or key.startswith("app.kubernetes.io/") or key in written for key in selector or ())

    def selected(self, selector: Any) -> list[Workload]:
        """Return the workloads whose pods a selector by labels takes; all, where it is empty."""
        if not isinstance(selector, dict) or not selector:
            return self.workloads
        fewest = min((self._labelled.get((key, str(value)), []) for key, value in selector.items()), key=len)
        return [item for item in fewest if item.matches(selector)]


def _copied(repository: Repository) -> set[str]:
    """Return names of what programs of the cluster may copy, and what code beside them makes."""
    code = "".join(map(repository.text, repository.matching(r"terraform/.*[.]tf")))
    made = re.findall(r'^ +name += "([\w.-]+)"$', code if "kubernetes_" in code else "", re.MULTILINE)
    return {*made, *(one.name for _, one in repository.below("clusters/"))}


def _has_guests(repository: Repository, folder: str, namespace: str) -> bool:
    """Tell whether an Application brings something else to a namespace, as a chart does."""
    return any(
        kustomize.folder_of(source) != folder
        for application in applications.every(repository)
        if applications.may_be(application.text("spec", "destination", "namespace"), namespace)
        for source in applications.sources(application)
    )


def environments(repository: Repository) -> list[Environment]:
    """Return every environment, and the preview where there is one."""
    folders = [*repository.overlays(), *repository.matching(r"(apps/[^/]+/preview)/kustomization[.]yaml")]
    return repository.known("environments", lambda: [Environment(repository, folder) for folder in folders])
