"""Objects of the base agree with each other: selectors, ports, secrets; and they are safe to run."""

import posixpath
import re
from collections.abc import Iterator
from typing import Any

from .documents import Map, Problem, Repository

_WORKLOADS = ("Deployment", "StatefulSet")
_SERVICE_URL = re.compile(r"https?://([a-z0-9-]+):(\d+)")
_SECRET_NAME = re.compile(r"(password|passwd|secret|token|api_?key|private_?key)", re.IGNORECASE)


class _Workload:
    """A Deployment or StatefulSet, with what others refer to."""

    def __init__(self, path: str, document: Map) -> None:
        self.path = path
        self.document = document
        self.name = document.at("metadata", "name")
        self.labels: dict[str, Any] = document.at("spec", "template", "metadata", "labels") or {}
        self.containers = document.maps("spec", "template", "spec", "containers")
        self.ports: dict[Any, Map] = {}
        for container in self.containers:
            for port in container.maps("ports"):
                self.ports[port.get("name")] = port
                self.ports[port.get("containerPort")] = port


def _selected(workloads: list[_Workload], selector: Any) -> list[_Workload]:
    wanted = selector if isinstance(selector, dict) else {}
    return [w for w in workloads if all(w.labels.get(key) == value for key, value in wanted.items())]


def check(repository: Repository) -> Iterator[Problem]:
    """Check the objects of every base."""
    for base in sorted({"/".join(path.split("/")[:3]) for path in repository.files if path.startswith("apps/")}):
        if base.endswith("/base"):
            yield from _check_base(repository, base)


def _check_base(repository: Repository, base: str) -> Iterator[Problem]:
    objects = [(path, document) for path, document in repository.below(base + "/") if "metadata" in document]
    workloads = [_Workload(path, document) for path, document in objects if document.get("kind") in _WORKLOADS]
    services = {
        document.at("metadata", "name"): document for _, document in objects if document.get("kind") == "Service"
    }
    secrets = {
        document.at("spec", "target", "name") or document.at("metadata", "name")
        for _, document in objects
        if document.get("kind") == "ExternalSecret"
    }
    seen: dict[tuple[str, str], str] = {}
    for path, document in objects:
        kind, name = str(document.get("kind")), str(document.at("metadata", "name"))
        if (kind, name) in seen:
            yield Problem(path, document.line, f"{kind} {name} is in {seen[kind, name]} too: remove or rename one")
        seen[kind, name] = path
        if kind == "Secret" and ("data" in document or "stringData" in document):
            yield Problem(
                path, document.line, f"Secret {name} is in clear: keep it in Key Vault, with an ExternalSecret"
            )
        elif kind == "Service":
            yield from _check_service(path, document, workloads)
        elif kind == "PodDisruptionBudget":
            if not _selected(workloads, document.at("spec", "selector", "matchLabels")):
                yield Problem(
                    path, document.line_of("spec"), f"PodDisruptionBudget {name} selects no pod: mend its labels"
                )
        elif kind == "NetworkPolicy":
            yield from _check_network_policy(path, document, workloads)
    for workload in workloads:
        yield from _check_workload(workload, services, secrets)
        yield from _check_dockerfile(repository, workload)


def _check_service(path: str, service: Map, workloads: list[_Workload]) -> Iterator[Problem]:
    name = service.at("metadata", "name")
    selected = _selected(workloads, service.at("spec", "selector"))
    if not selected:
        yield Problem(path, service["spec"].line_of("selector"), f"Service {name} selects no pod: mend its selector")
        return
    for port in service.maps("spec", "ports"):
        target = port.get("targetPort", port.get("port"))
        if not any(target in workload.ports for workload in selected):
            has = ", ".join(str(key) for key in selected[0].ports if key is not None)
            yield Problem(path, port.line_of("targetPort"), f"no container has port {target!r}: use one of {has}")


def _check_network_policy(path: str, policy: Map, workloads: list[_Workload]) -> Iterator[Problem]:
    own = _selected(workloads, policy.at("spec", "podSelector", "matchLabels"))
    if not own:
        yield Problem(path, policy.line_of("spec"), f"NetworkPolicy {policy.at('metadata', 'name')} selects no pod")
    for direction, peers_key in (("ingress", "from"), ("egress", "to")):
        for rule in policy.maps("spec", direction):
            peers: list[_Workload] = []
            elsewhere = False
            for peer in rule.maps(peers_key):
                selected = _selected(workloads, peer.at("podSelector", "matchLabels"))
                elsewhere = elsewhere or "podSelector" not in peer or "namespaceSelector" in peer
                if not elsewhere and not selected:
                    yield Problem(path, peer.line, f"{peers_key} selects no pod: mend its labels, or remove it")
                peers += selected
            targets = own if direction == "ingress" else peers
            for port in rule.maps("ports"):
                number = port.get("port")
                if targets and not elsewhere and not any(number in workload.ports for workload in targets):
                    yield Problem(
                        path, port.line_of("port"), f"no container has port {number!r}: mend the number or name"
                    )


def _check_workload(workload: _Workload, services: dict[Any, Map], secrets: set[Any]) -> Iterator[Problem]:
    document, path = workload.document, workload.path
    selector = document.at("spec", "selector", "matchLabels")
    if not isinstance(selector, dict) or not _selected([workload], selector):
        yield Problem(path, document["spec"].line_of("selector"), "the selector does not match the template's labels")
    pod = document.at("spec", "template", "spec")
    if not isinstance(pod, Map):
        yield Problem(path, document.line, "has no pod template: add spec.template.spec")
        return
    volumes = {volume.get("name") for volume in pod.maps("volumes")}
    volumes |= {claim.at("metadata", "name") for claim in document.maps("spec", "volumeClaimTemplates")}
    if pod.at("securityContext", "runAsNonRoot") is not True:
        yield Problem(path, pod.line_of("securityContext"), "may run as root: set securityContext.runAsNonRoot to true")
    for container in workload.containers:
        name = container.get("name")
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            settings = container.at(probe)
            port = container.at(probe, "httpGet", "port")
            if settings is None:
                yield Problem(path, container.line, f"container {name} has no {probe}: add one")
            elif port is not None and port not in workload.ports:
                yield Problem(path, settings.line, f"{probe} asks port {port!r}, which the container does not have")
        if not container.at("resources", "requests") or not container.at("resources", "limits", "memory"):
            yield Problem(path, container.line_of("resources"), f"container {name} needs requests and a memory limit")
        if container.at("securityContext", "allowPrivilegeEscalation") is not False:
            line = container.line_of("securityContext")
            yield Problem(path, line, f"container {name} may gain privileges: set allowPrivilegeEscalation to false")
        for mount in container.maps("volumeMounts"):
            if mount.get("name") not in volumes:
                yield Problem(path, mount.line, f"mounts the volume {mount.get('name')!r}, which the pod does not have")
        yield from _check_environment(path, container, services, secrets)


def _check_environment(path: str, container: Map, services: dict[Any, Map], secrets: set[Any]) -> Iterator[Problem]:
    seen: set[Any] = set()
    for variable in container.maps("env"):
        name, value = variable.get("name"), variable.get("value")
        if name in seen:
            yield Problem(path, variable.line, f"sets {name} twice: remove one")
        seen.add(name)
        if value is not None and not isinstance(value, str):
            yield Problem(path, variable.line_of("value"), f"{name} is not a text: quote its value")
        elif isinstance(value, str) and value and _SECRET_NAME.search(str(name)) and "://" not in value:
            line = variable.line_of("value")
            yield Problem(
                path, line, f"{name} looks like a secret in clear: keep it in Key Vault, with an ExternalSecret"
            )
        match = _SERVICE_URL.fullmatch(value.rstrip("/")) if isinstance(value, str) else None
        if match and "." not in match[1]:
            service = services.get(match[1])
            if service is None:
                yield Problem(
                    path, variable.line_of("value"), f"{name} names the Service {match[1]}, which does not exist"
                )
            elif int(match[2]) not in {port.get("port") for port in service.maps("spec", "ports")}:
                yield Problem(path, variable.line_of("value"), f"{name}: the Service {match[1]} has no port {match[2]}")
        secret = variable.at("valueFrom", "secretKeyRef", "name")
        if secret is not None and secret not in secrets:
            yield Problem(path, variable.line, f"{name} comes from the Secret {secret}, which no ExternalSecret makes")


def _check_dockerfile(repository: Repository, workload: _Workload) -> Iterator[Problem]:
    path = f"src/{workload.name}/Dockerfile"
    if path not in repository.files:
        return
    for number, line in enumerate(repository.text(path).splitlines(), 1):
        exposed = re.fullmatch(r"EXPOSE (\d+)", line.strip())
        if exposed and int(exposed[1]) not in workload.ports:
            where = posixpath.relpath(workload.path)
            yield Problem(path, number, f"exposes port {exposed[1]}, but {where} has another: make them the same")
