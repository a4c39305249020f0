"""What points at pods finds them: Services, addresses in the environment, Ingresses, budgets and autoscalers."""

import re
from collections.abc import Iterator
from typing import Any

from . import argocd
from .documents import Map, Problem, Repository
from .objects import Pods, Workload, applications, objects, replicas, workload

_SERVICE_URL = re.compile(r"[a-z][a-z0-9+.]*://(?:[^@/]*@)?([a-z0-9-]+):(\d+)(?:/.*)?")


def check(repository: Repository) -> Iterator[Problem]:
    """Check every application."""
    for application in applications(repository):
        found = objects(repository, application)
        workloads = [item for path, document in found if (item := workload(path, document))]
        pods = Pods(workloads)
        services = {document.text("metadata", "name"): document for _, document in found if _is(document, "Service")}
        for path, document in found:
            kind = document.get("kind")
            if kind == "Service":
                yield from _check_service(path, document, pods)
            elif kind == "Ingress":
                yield from _check_ingress(path, document, services)
            elif kind == "PodDisruptionBudget":
                yield from _check_budget(repository, application, path, document, pods)
            elif kind == "HorizontalPodAutoscaler":
                yield from _check_autoscaler(repository, application, path, document, workloads)
        for item in workloads:
            for container in item.all_containers():
                yield from _check_addresses(item.path, container, services)
            if (
                item.kind == "StatefulSet"
                and (name := item.document.at("spec", "serviceName"))
                and name not in services
            ):
                line = item.document.line_at("spec", "serviceName")
                yield Problem(item.path, line, f"there is no Service {name}: add it, or mend serviceName")


def _is(document: Map, kind: str) -> bool:
    return document.get("kind") == kind


def _check_service(path: str, service: Map, known: Pods) -> Iterator[Problem]:
    name, selector = service.at("metadata", "name"), service.at("spec", "selector")
    if service.at("spec", "type") == "ExternalName" or (selector is None and service.maps("spec", "ports") == []):
        return
    pods = known.selected(selector) if isinstance(selector, dict) and selector else []
    if not pods:
        line = service.line_at("spec", "selector")
        yield Problem(path, line, f"Service {name} selects no pod: mend its selector")
        return
    names: set[Any] = set()
    for port in service.maps("spec", "ports"):
        target = port.get("targetPort", port.get("port"))
        open_to = [item for item in pods if item.ports]
        if not any(item.has_port(target) for item in open_to) and (open_to or isinstance(target, str)):
            has = ", ".join(str(key) for item in open_to[:1] for key in item.ports) or "none"
            yield Problem(path, port.line_of("targetPort"), f"no container has port {target!r}: use one of {has}")
        label = port.text("name")
        if label in names:
            yield Problem(path, port.line, f"there are two ports {label!r}: name each port, and each otherwise")
        names.add(label)


def _check_ingress(path: str, ingress: Map, services: dict[str, Map]) -> Iterator[Problem]:
    backends = [place for rule in ingress.maps("spec", "rules") for place in rule.maps("http", "paths")]
    named = [place.at("backend", "service") for place in backends]
    for service in [*named, ingress.at("spec", "defaultBackend", "service")]:
        if not isinstance(service, Map):
            continue
        found = services.get(service.text("name"))
        if found is None:
            line = service.line_of("name")
            yield Problem(path, line, f"there is no Service {service.get('name')}: mend the name, or add it")
            continue
        for key in ("name", "number"):
            wanted = service.at("port", key)
            has = [port.get("port" if key == "number" else "name") for port in found.maps("spec", "ports")]
            if wanted is not None and wanted not in has:
                line, cure = service.line_of("port"), f"use {', '.join(str(port) for port in has)}"
                yield Problem(path, line, f"the Service {service.get('name')} has no port {wanted}: {cure}")


def _check_addresses(path: str, container: Map, services: dict[str, Map]) -> Iterator[Problem]:
    seen: set[Any] = set()
    for variable in container.maps("env"):
        name, value = variable.text("name"), variable.get("value")
        if name in seen:
            yield Problem(path, variable.line, f"sets {name} twice: remove one")
        seen.add(name)
        if "value" in variable and "valueFrom" in variable:
            yield Problem(
                path, variable.line, f"{name} has a value and takes one from elsewhere too: remove one of them"
            )
        elif variable.get("value") is None and variable.get("valueFrom") is None:
            yield Problem(path, variable.line, f'{name} has no value: give it one, or write value: ""')
        match = _SERVICE_URL.fullmatch(value) if isinstance(value, str) else None
        if not match or match[1] == "localhost":
            continue
        line, service = variable.line_of("value"), services.get(match[1])
        if service is None:
            cure = f"use one of {', '.join(sorted(services))}" if services else "add it"
            yield Problem(path, line, f"{name} names the Service {match[1]}, which does not exist: {cure}")
        elif int(match[2]) not in (has := [port.get("port") for port in service.maps("spec", "ports")]):
            cure = f"use {', '.join(str(port) for port in has)}"
            yield Problem(path, line, f"{name}: the Service {match[1]} has no port {match[2]}: {cure}")


def _check_budget(repository: Repository, application: str, path: str, budget: Map, known: Pods) -> Iterator[Problem]:
    name, selector = budget.at("metadata", "name"), budget.at("spec", "selector", "matchLabels")
    pods = known.selected(selector)
    if not pods:
        yield Problem(path, budget.line_of("spec"), f"PodDisruptionBudget {name} selects no pod: mend its labels")
        return
    least, most = budget.at("spec", "minAvailable"), budget.at("spec", "maxUnavailable")
    line = budget.line_at("spec", "minAvailable" if least is not None else "maxUnavailable")
    fewest = min(min(replicas(repository, application, item)) for item in pods)
    blocks = most in (0, "0", "0%") or least == "100%" or (isinstance(least, int) and least >= fewest)
    if least is not None and most is not None:
        yield Problem(path, line, "has minAvailable and maxUnavailable: remove one")
    elif blocks:
        cure = "set maxUnavailable: 1 in its place"
        what = f"lets no pod of {pods[0].name} go, so that no node can be upgraded"
        yield Problem(path, line, f"PodDisruptionBudget {name} {what}: {cure}")


def _check_autoscaler(
    repository: Repository, application: str, path: str, scaler: Map, workloads: list[Workload]
) -> Iterator[Problem]:
    kind, name = scaler.at("spec", "scaleTargetRef", "kind"), scaler.at("spec", "scaleTargetRef", "name")
    found = [item for item in workloads if (item.kind, item.name) == (kind, name)]
    if not found:
        line = scaler.line_at("spec", "scaleTargetRef", "name")
        yield Problem(path, line, f"there is no {kind} {name} to scale: mend scaleTargetRef, or add it")
        return
    least, most = scaler.at("spec", "minReplicas"), scaler.at("spec", "maxReplicas")
    if isinstance(least, int) and isinstance(most, int) and least > most:
        yield Problem(path, scaler.line_at("spec", "minReplicas"), f"minReplicas is above maxReplicas {most}: lower it")
    overlays = [overlay for overlay in repository.overlays() if overlay.startswith(f"{application}/")]
    own = [overlay for overlay in overlays if path.startswith(f"{overlay}/")]
    for overlay in own or overlays:
        scaled = (repository.first(f"{overlay}/kustomization.yaml") or Map()).maps("replicas")
        counted = "replicas" in (found[0].document.at("spec") or {}) or name in [entry.get("name") for entry in scaled]
        if counted and not argocd.ignores_replicas(repository, overlay, kind, name):
            what = f"Argo CD would undo what the autoscaler in {path} does"
            cure = "make its Application ignore replicas, as 'Scale a service by load' in docs/operations.md says"
            yield Problem(f"{overlay}/kustomization.yaml", 0, f"{what}: {cure}")
