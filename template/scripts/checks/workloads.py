"""Workloads can start, are replaced without a gap, and have names of their own."""

import re
from collections.abc import Iterator
from typing import Any

from .documents import Map, Problem, Repository
from .objects import Pods, Workload, applications, group, is_own_image, objects, workload

_PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
_UNITS = {"": 1.0, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30}


def check(repository: Repository) -> Iterator[Problem]:
    """Check the workloads of every application."""
    for application in applications(repository):
        found = objects(repository, application)
        services = [document for _, document in found if document.text("kind") == "Service"]
        yield from _check_names(application, found)
        workloads = [item for path, document in found if (item := workload(path, document))]
        serving = Pods(workloads).selecting(services, "spec", "selector")
        for item in workloads:
            if not item.pod:
                yield Problem(item.path, item.document.line, "has no pod template: add spec.template.spec")
                continue
            yield from _check_workload(item, serving[id(item)])
            yield from _check_dockerfile(repository, item)


def _check_names(application: str, found: list[tuple[str, Map]]) -> Iterator[Problem]:
    seen: dict[tuple[str, ...], str] = {}
    for path, document in found:
        kind, name = document.text("kind"), document.text("metadata", "name")
        part = group(path)
        if part.startswith(f"{application}/components"):
            continue
        for where in {part, f"{application}/base"}:
            if other := seen.get((where, kind, name)):
                yield Problem(path, document.line, f"{kind} {name} is in {other} too: remove or rename one")
                break
        else:
            seen[part, kind, name] = path


def _check_workload(item: Workload, services: list[Map]) -> Iterator[Problem]:
    document, path = item.document, item.path
    if item.kind in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"):
        selector = document.at("spec", "selector", "matchLabels")
        matches = isinstance(selector, dict) and item.matches(selector)
        if not matches and not document.maps("spec", "selector", "matchExpressions"):
            cure = "make spec.selector.matchLabels those of spec.template.metadata.labels"
            line = document.line_at("spec", "selector")
            yield Problem(path, line, f"the selector does not match the template's labels: {cure}")
    yield from _check_strategy(item, services)
    seen: dict[str, int] = {}
    for container in item.all_containers():
        name = container.text("name")
        if name in seen:
            yield Problem(path, container.line, f"there are two containers {name}: rename one")
        seen[name] = container.line
        yield from _check_mounts(item, container)
    for container in item.containers:
        yield from _check_probes(item, container, services)
        yield from _check_resources(path, container)


def _check_strategy(item: Workload, services: list[Map]) -> Iterator[Problem]:
    strategy = item.document.at("spec", "strategy")
    if item.kind != "Deployment" or not isinstance(strategy, Map):
        return
    line = strategy.line_of("type")
    claims = [volume for volume in item.pod.maps("volumes") if "persistentVolumeClaim" in volume]
    rolling = strategy.at("rollingUpdate")
    if strategy.get("type") == "Recreate":
        if rolling is not None:
            yield Problem(item.path, line, "Recreate knows no rollingUpdate: remove it, or make the type RollingUpdate")
        elif services and not claims:
            cure = "make the type RollingUpdate"
            yield Problem(item.path, line, f"Recreate stops every pod before a new one starts: {cure}")
    elif isinstance(rolling, Map):
        surge, away = str(rolling.get("maxSurge", "25%")), str(rolling.get("maxUnavailable", "25%"))
        line = rolling.line_of("maxUnavailable")
        if surge in ("0", "0%") and away in ("0", "0%"):
            yield Problem(
                item.path, line, "maxSurge and maxUnavailable are both 0: nothing could move, set maxSurge: 1"
            )
        elif away == "100%" and services:
            yield Problem(item.path, line, "maxUnavailable 100% stops every pod at once: set it to 0, with maxSurge: 1")


def _check_probes(item: Workload, container: Map, services: list[Map]) -> Iterator[Problem]:
    own = {key for port in container.maps("ports") for key in (port.get("name"), port.get("containerPort"))}
    targets = [
        port.get("targetPort", port.get("port")) for service in services for port in service.maps("spec", "ports")
    ]
    served = any(isinstance(target, (str, int)) and target in own for target in targets)
    for probe in _PROBES:
        settings = container.at(probe)
        wanted = served and (probe == "readinessProbe" or is_own_image(container.get("image")))
        if settings is None:
            if wanted or (item.kind == "StatefulSet" and probe == "readinessProbe" and container is item.containers[0]):
                line = container.line
                yield Problem(item.path, line, f"container {container.get('name')} has no {probe}: add one")
            continue
        for way in ("httpGet", "tcpSocket", "grpc"):
            port = container.at(probe, way, "port")
            line = container.line_at(probe, way, "port")
            if isinstance(port, str) and port not in own:
                has = ", ".join(sorted(str(key) for key in own if isinstance(key, str))) or "none"
                cure = f"use one of {has}"
                yield Problem(item.path, line, f"{probe} asks port {port!r}, which the container does not have: {cure}")
            elif isinstance(port, int) and own and port not in own:
                has = ", ".join(sorted(str(key) for key in own if isinstance(key, str)))
                cure = f"use one of {has}"
                yield Problem(item.path, line, f"{probe} asks port {port!r}, which the container does not have: {cure}")
        if isinstance(settings, Map) and not {"httpGet", "tcpSocket", "grpc", "exec"} & set(settings):
            line = container.line_of(probe)
            yield Problem(item.path, line, f"{probe} asks nothing: give it httpGet, tcpSocket, grpc or exec")


def _amount(value: Any) -> float | None:
    match = re.fullmatch(r"(\d+(?:[.]\d+)?)([a-zA-Z]*)", str(value))
    return float(match[1]) * _UNITS[match[2]] if match and match[2] in _UNITS else None


def _check_resources(path: str, container: Map) -> Iterator[Problem]:
    if not container.at("resources", "requests") or not container.at("resources", "limits", "memory"):
        line = container.line_of("resources")
        cure = "add them below resources"
        yield Problem(path, line, f"container {container.get('name')} needs requests and a memory limit: {cure}")
    requests, limits = container.at("resources", "requests"), container.at("resources", "limits")
    if isinstance(requests, Map) and isinstance(limits, Map):
        for key, value in requests.items():
            least, most = _amount(value), _amount(limits.get(key))
            if least is not None and most is not None and least > most:
                cure = "raise the limit, or ask for less"
                yield Problem(path, requests.line_of(key), f"asks for more {key} than its limit {limits[key]}: {cure}")


def _check_mounts(item: Workload, container: Map) -> Iterator[Problem]:
    claims = item.document.maps("spec", "volumeClaimTemplates")
    volumes = [volume.text("name") for volume in item.pod.maps("volumes")]
    volumes += [claim.text("metadata", "name") for claim in claims]
    paths: set[str] = set()
    for mount in container.maps("volumeMounts"):
        name, where = mount.text("name"), mount.text("mountPath")
        if name not in volumes:
            cure = f"use one of {', '.join(volumes)}" if volumes else "add it to volumes"
            yield Problem(item.path, mount.line, f"mounts the volume {name!r}, which the pod does not have: {cure}")
        if where in paths:
            yield Problem(item.path, mount.line, f"mounts two volumes at {where}: mend one")
        paths.add(where)


def _check_dockerfile(repository: Repository, item: Workload) -> Iterator[Problem]:
    path = f"src/{item.name}/Dockerfile"
    for number, line in enumerate(repository.text(path).splitlines(), 1):
        exposed = re.fullmatch(r"EXPOSE (\d+)(/tcp)?", line.strip())
        if exposed and item.ports and int(exposed[1]) not in item.ports:
            cure = "make them the same"
            yield Problem(path, number, f"exposes port {exposed[1]}, but {item.path} has another: {cure}")
