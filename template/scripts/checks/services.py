"""What refers to something by name finds it: Services, addresses, Ingresses, autoscalers, secrets and their keys."""

import re
from collections.abc import Iterator
from typing import Any

from . import applications, secrets
from .documents import Map, Place, Problem, Repository
from .objects import Environment, Workload, environments

# The domain, where there is one, begins with the namespace.
_URL = re.compile(
    r"[a-z][a-z0-9+.]*://(?:[^@/]*@)?([a-z0-9-]+)(?:[.]([a-z0-9-]+)(?:[.]svc(?:[.]cluster[.]local)?)?)?:(\d+)(?:/.*)?"
)
# In every namespace without anybody making them.
_ALWAYS = {("ConfigMap", "kube-root-ca.crt"), ("ConfigMap", "istio-ca-root-cert"), ("ServiceAccount", "default")}
_CURES = {
    "ConfigMap": "add it, or a configMapGenerator",
    "Secret": "add an ExternalSecret that makes it",
    "ServiceAccount": "add it",
    "PersistentVolumeClaim": "add it",
}
# Keys of what is made, by kind and name; None where they are not known.
_Made = dict[tuple[str, str], set[str] | None]


def check(repository: Repository) -> Iterator[Problem]:
    """Check every environment."""
    for environment in environments(repository):
        for service in environment.services.values():
            yield from _check_service(environment, service)
        for ingress in environment.of_kind("Ingress"):
            yield from _check_ingress(environment, ingress)
        for budget in environment.of_kind("PodDisruptionBudget"):
            labels = budget.at("spec", "selector", "matchLabels")
            if environment.complete and environment.knows(labels) and not environment.selected(labels):
                what = f"PodDisruptionBudget {budget.name} selects no pod"
                yield Problem(*budget.where("spec", "selector"), f"{what}: fix its labels")
        for scaler in environment.of_kind("HorizontalPodAutoscaler"):
            yield from _check_autoscaler(repository, environment, scaler)
        made = _made(environment)
        for item in environment.workloads:
            yield from _check_addresses(environment, item)
            yield from _check_references(environment, item, made)


def _check_service(environment: Environment, service: Map) -> Iterator[Problem]:
    selector = service.at("spec", "selector")
    if not selector or service.at("spec", "type") == "ExternalName" or not environment.complete:
        return
    pods = environment.selected(selector)
    if not pods and environment.knows(selector):
        yield Problem(*service.where("spec", "selector"), f"Service {service.name} selects no pod: fix its selector")
    for port in service.maps("spec", "ports") if pods else ():
        target = port.get("targetPort")
        if isinstance(target, str) and not any(target in item.ports for item in pods):
            has = ", ".join(str(key) for item in pods for pair in item.ports.items() for key in pair if key) or "none"
            yield Problem(*port.where("targetPort"), f"no container has port {target!r}: use one of {has}")


def _check_ingress(environment: Environment, ingress: Map) -> Iterator[Problem]:
    backends = [place for rule in ingress.maps("spec", "rules") for place in rule.maps("http", "paths")]
    for backend in [*backends, ingress.map("spec")]:
        service = backend.map("backend" if "backend" in backend else "defaultBackend", "service")
        name, port = service.text("name"), service.map("port")
        if name:
            yield from require_port(environment, service, name, port.get("number") or port.get("name"))


def require_port(environment: Environment, where: Map, name: str, port: Any) -> Iterator[Problem]:
    """Check that an environment has a Service with a port, by number or name."""
    found = environment.services.get(name)
    if found is None:
        if environment.complete:
            yield Problem(*where.where("name"), f"there is no Service {name}: fix the name, or add it")
        return
    has = [entry.get(key) for entry in found.maps("spec", "ports") for key in ("port", "name") if key in entry]
    if port is not None and port not in has:
        cure = f"use {', '.join(map(str, has))}"
        yield Problem(*where.where("port"), f"the Service {name} has no port {port}: {cure}")


def _check_addresses(environment: Environment, item: Workload) -> Iterator[Problem]:
    for variable in item.variables:
        match = _URL.fullmatch(variable.text("value"))
        if not match or match[1] == "localhost" or match[2] not in (None, environment.namespace):
            continue
        place, service = variable.where("value"), environment.services.get(match[1])
        names = {"dnsConfig", "hostAliases"} & set(item.pod)  # More than those of the cluster.
        if service is None and environment.complete and not names:
            cure = f"use one of {', '.join(sorted(environment.services))}" if environment.services else "add it"
            what = f"{variable.get('name')} names the Service {match[1]}, which does not exist"
            yield Problem(*place, f"{what}: {cure}")
        # Behind these two, every port can be called.
        direct = service and (service.at("spec", "clusterIP") == "None" or service.at("spec", "externalName"))
        has = [port.get("port") for port in service.maps("spec", "ports")] if service and not direct else []
        if has and int(match[3]) not in has:
            what = f"{variable.get('name')}: the Service {match[1]} has no port {match[3]}"
            yield Problem(*place, f"{what}: use {', '.join(map(str, has))}")


def _check_autoscaler(repository: Repository, environment: Environment, scaler: Map) -> Iterator[Problem]:
    kind, name = scaler.text("spec", "scaleTargetRef", "kind"), scaler.text("spec", "scaleTargetRef", "name")
    target = next((item for item in environment.of_kind(kind) if item.name == name), None)
    if target is None:
        if environment.complete:
            place = scaler.where("spec", "scaleTargetRef", "name")
            yield Problem(*place, f"there is no {kind} {name} to scale: fix scaleTargetRef, or add it")
    elif (
        environment.folder in repository.overlays()
        and "replicas" in target.map("spec")
        and not applications.ignores_replicas(repository, environment.folder, target)
    ):
        what = f"Argo CD would undo what the autoscaler in {scaler.place[0]} does"
        cure = "make its Application ignore replicas, as 'Scale a service by load' in docs/operations.md says"
        yield Problem(environment.kustomization.place[0], 0, f"{what}: {cure}")


def _made(environment: Environment) -> _Made:
    """Return the keys of what pods can refer to."""
    made: _Made = {}
    for item in environment.objects:
        kind, name = item.kind, item.name
        if kind == "ExternalSecret":
            keys = {entry.text("secretKey") for entry in item.maps("spec", "data")}
            template = item.map("spec", "target", "template")
            unknown = item.at("spec", "dataFrom") or ("templateFrom" in template and not secrets.leaves_out(item))
            secret = ("Secret", item.text("spec", "target", "name") or name)
            before = made.get(secret, set())  # Several may fill one.
            made[secret] = None if unknown or before is None else before | keys | set(template.map("data"))
        elif kind == "Certificate":
            made["Secret", item.text("spec", "secretName")] = None
        elif kind == "SealedSecret":
            made["Secret", item.text("spec", "template", "metadata", "name") or name] = None
        else:
            made[kind, name] = None
            for claim in item.maps("spec", "volumeClaimTemplates"):
                made["PersistentVolumeClaim", f"{claim.name}-{name}-"] = None
    return made


def _check_references(environment: Environment, item: Workload, made: _Made) -> Iterator[Problem]:
    for kind, name, keys, place in _references(item):
        if (kind, name) in made or (kind, name.rstrip("0123456789")) in made:  # The latter of a StatefulSet.
            has = made.get((kind, name))
            for key in keys:
                if has is not None and key not in has:
                    cure = f"use one of {', '.join(sorted(has))}" if has else "add it"
                    yield Problem(*place, f"the {kind} {name} has no key {key}: {cure}")
        elif environment.complete and (kind, name) not in _ALWAYS and name not in environment.copied:
            what = f"refers to the {kind} {name}, which does not exist"
            if kind == "Secret":
                what = f"comes from the Secret {name}, which no ExternalSecret makes"
            yield Problem(*place, f"{what}: {_CURES[kind]}, or fix the name")


def _references(item: Workload) -> Iterator[tuple[str, str, list[str], Place]]:
    """Yield kind, name, keys and place of everything of its namespace that a pod needs before it can start."""
    found: list[tuple[Map, str, str]] = [(item.pod, "ServiceAccount", "serviceAccountName")]
    for variable in item.variables:
        found.append((variable.map("valueFrom", "configMapKeyRef"), "ConfigMap", "name"))
        found.append((variable.map("valueFrom", "secretKeyRef"), "Secret", "name"))
    for container in item.containers:
        for source in container.maps("envFrom"):
            found += [(source.map("configMapRef"), "ConfigMap", "name"), (source.map("secretRef"), "Secret", "name")]
    volumes = item.pod.maps("volumes")
    projected = [source for volume in volumes for source in volume.maps("projected", "sources")]
    for volume in [*volumes, *projected]:
        found += [(volume.map("configMap"), "ConfigMap", "name"), (volume.map("secret"), "Secret", "secretName")]
        found += [(volume.map("secret"), "Secret", "name")]
        found += [(volume.map("persistentVolumeClaim"), "PersistentVolumeClaim", "claimName")]
    for where, kind, key in found:
        if where.text(key) and where.get("optional") is not True:
            keys = [where.text("key"), *(entry.text("key") for entry in where.maps("items"))]
            yield kind, where.text(key), [one for one in keys if one], where.where("key" if "key" in where else key)
