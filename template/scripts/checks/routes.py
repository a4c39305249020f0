"""Routes agree with what they join: hosts with listeners, listeners with environments, back ends with Services."""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .documents import Map, Problem, Repository

_NAMESPACE_LABEL = "kubernetes.io/metadata.name"


@dataclass(frozen=True)
class _Object:
    """A document, where it is and in which namespace it will be."""

    path: str
    document: Map
    namespace: Any

    @property
    def name(self) -> Any:
        return self.document.at("metadata", "name")


def _objects(repository: Repository, folder: str, kind: str) -> list[_Object]:
    found = []
    for path, document in repository.below(folder):
        if document.get("kind") == kind:
            beside = repository.first(f"{posixpath.dirname(path)}/kustomization.yaml")
            namespace = document.at("metadata", "namespace") or (beside.get("namespace") if beside else None)
            found.append(_Object(path, document, namespace))
    return found


def check(repository: Repository) -> Iterator[Problem]:
    """Check every HTTPRoute, and the Gateways in clusters/."""
    gateways = _gateways(repository, "clusters/")
    for route in _objects(repository, "clusters/", "HTTPRoute"):
        yield from _check_parents(route, gateways)
    for gateway in _objects(repository, "clusters/", "Gateway"):
        yield from _check_gateway(repository, gateway)
    owners: dict[str, str] = {}
    for overlay in _overlays(repository):
        application = "/".join(overlay.split("/")[:2])
        routes = _objects(repository, f"{application}/base/", "HTTPRoute")
        hosts = dict(_hosts(repository, overlay))
        cluster = repository.cluster(posixpath.basename(overlay))
        there, redirects = _gateways(repository, cluster), _objects(repository, cluster, "HTTPRoute")
        for route in routes:
            if route.name in hosts:
                path, spec = hosts[route.name]
                yield from _check_hosts(repository, overlay, path, spec, route, there, redirects, owners)
            elif "hostnames" not in (route.document.at("spec") or {}) and not _patched_otherwise(repository, overlay):
                cure = f"add them to {overlay}/hosts.yaml"
                yield Problem(f"{overlay}/kustomization.yaml", 0, f"HTTPRoute {route.name} has no hostnames: {cure}")
    for route in _objects(repository, "apps/", "HTTPRoute"):
        if "/base/" in route.path:
            yield from _check_parents(route, gateways)
            yield from _check_backends(repository, route)


def _gateways(repository: Repository, folder: str) -> dict[tuple[Any, Any], _Object]:
    return {(gateway.namespace, gateway.name): gateway for gateway in _objects(repository, folder, "Gateway")}


def _overlays(repository: Repository) -> list[str]:
    pattern = re.compile(r"(apps/[^/]+/overlays/[^/]+)/kustomization.yaml")
    return sorted(match[1] for path in repository.documents if (match := pattern.fullmatch(path)))


def _hosts(repository: Repository, overlay: str) -> Iterator[tuple[Any, tuple[str, Map]]]:
    """Yield the name of each route that the overlay patches, with the file and the `spec` there."""
    kustomization = repository.first(f"{overlay}/kustomization.yaml") or Map()
    for patch in kustomization.maps("patches"):
        path = posixpath.normpath(f"{overlay}/{patch.get('path')}")
        for document in repository.documents.get(path, []):
            spec = document.get("spec")
            if document.get("kind") == "HTTPRoute" and isinstance(spec, Map) and "hostnames" in spec:
                yield document.at("metadata", "name"), (path, spec)


def _patched_otherwise(repository: Repository, overlay: str) -> bool:
    """Tell whether a patch names routes by `target`, which may set hosts in ways not followed here."""
    kustomization = repository.first(f"{overlay}/kustomization.yaml") or Map()
    return any(patch.at("target", "kind") == "HTTPRoute" for patch in kustomization.maps("patches"))


def _check_hosts(
    repository: Repository,
    overlay: str,
    path: str,
    spec: Map,
    route: _Object,
    gateways: dict[tuple[Any, Any], _Object],
    redirects: list[_Object],
    owners: dict[str, str],
) -> Iterator[Problem]:
    line = spec.line_of("hostnames")
    namespace = (repository.first(f"{overlay}/kustomization.yaml") or Map()).get("namespace")
    for host in spec.texts("hostnames"):
        other = owners.setdefault(host, overlay)
        if other != overlay:
            yield Problem(path, line, f"{host} belongs to {other} already: give each environment a host of its own")
        for parent in route.document.maps("spec", "parentRefs"):
            gateway = gateways.get((parent.get("namespace", namespace), parent.get("name")))
            if gateway is None:
                continue
            listeners = [item for item in gateway.document.maps("spec", "listeners") if _covers(item, host)]
            if not listeners:
                yield Problem(path, line, f"no listener covers {host}: add one in {gateway.path}")
            elif not any(_admits(item, gateway, namespace) for item in listeners):
                where = listeners[0].line_of("allowedRoutes")
                yield Problem(
                    gateway.path, where, f"the listener of {host} does not let in {namespace}: mend allowedRoutes"
                )
        for redirect in redirects:
            named = redirect.document.texts("spec", "hostnames")
            if named and host not in named:
                at = redirect.document.line_at("spec", "hostnames")
                yield Problem(redirect.path, at, f"does not send {host} from HTTP to HTTPS: add it to hostnames")


def _covers(listener: Map, host: str) -> bool:
    hostname = listener.get("hostname")
    if listener.get("protocol") != "HTTPS":
        return False
    return hostname in (None, host) or (str(hostname).startswith("*.") and host.endswith(str(hostname)[1:]))


def _admits(listener: Map, gateway: _Object, namespace: Any) -> bool:
    allowed = listener.at("allowedRoutes", "namespaces", "from") or "Same"
    if allowed == "Same":
        return bool(gateway.namespace == namespace)
    labels = listener.at("allowedRoutes", "namespaces", "selector", "matchLabels")
    wanted = labels.get(_NAMESPACE_LABEL) if isinstance(labels, dict) else None
    return allowed == "All" or wanted in (None, namespace)


def _check_parents(route: _Object, gateways: dict[tuple[Any, Any], _Object]) -> Iterator[Problem]:
    for parent in route.document.maps("spec", "parentRefs"):
        gateway = gateways.get((parent.get("namespace", route.namespace), parent.get("name")))
        if gateway is None:
            what = f"there is no Gateway {parent.get('name')} in the namespace {parent.get('namespace')}"
            yield Problem(route.path, parent.line_of("name"), f"{what}: mend parentRefs, or add it in clusters/")
            continue
        names = [listener.get("name") for listener in gateway.document.maps("spec", "listeners")]
        if "sectionName" in parent and parent["sectionName"] not in names:
            line = parent.line_of("sectionName")
            cure = f"use {names[0]}" if names else "add it in clusters/"
            yield Problem(route.path, line, f"the Gateway has no listener {parent['sectionName']}: {cure}")


def _check_backends(repository: Repository, route: _Object) -> Iterator[Problem]:
    base = "/".join(route.path.split("/")[:3])
    services = {service.name: service.document for service in _objects(repository, base + "/", "Service")}
    for rule in route.document.maps("spec", "rules"):
        for backend in rule.maps("backendRefs"):
            service = services.get(backend.get("name"))
            if service is None:
                line = backend.line_of("name")
                yield Problem(route.path, line, f"there is no Service {backend.get('name')}: mend backendRefs")
                continue
            ports = [port.get("port") for port in service.maps("spec", "ports")]
            if backend.get("port") not in ports:
                has = ", ".join(str(port) for port in ports)
                line = backend.line_of("port")
                yield Problem(
                    route.path, line, f"the Service {backend.get('name')} has no port {backend.get('port')}: use {has}"
                )


def _check_gateway(repository: Repository, gateway: _Object) -> Iterator[Problem]:
    annotations = gateway.document.at("metadata", "annotations")
    annotations = annotations if isinstance(annotations, Map) else Map()
    issuer = annotations.get("cert-manager.io/issuer")
    issuers = {(item.namespace, item.name) for item in _objects(repository, "clusters/", "Issuer")}
    if issuer is not None and (gateway.namespace, issuer) not in issuers:
        line = annotations.line_of("cert-manager.io/issuer")
        yield Problem(gateway.path, line, f"there is no Issuer {issuer} beside this Gateway: add it, or mend the name")
    files = repository.platforms().items()
    folder = gateway.path.split("/")[1]
    own = [file for file in files if f'cluster_name = "{folder}"' in file[1]] or files
    path, text = next(iter(own), ("", ""))
    made = re.search(r'^gateway_address_name\s*=\s*"([^"]*)"', text, re.MULTILINE)
    wanted = gateway.document.at("spec", "infrastructure", "annotations")
    named = wanted.get("service.beta.kubernetes.io/azure-pip-name") if isinstance(wanted, Map) else None
    if made and named and named != made[1]:
        line = wanted.line_of("service.beta.kubernetes.io/azure-pip-name")
        yield Problem(gateway.path, line, f"is not the address {made[1]} of {path}: make them the same")
