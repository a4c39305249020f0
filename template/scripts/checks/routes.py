"""Routes agree with what they join: hosts with listeners, listeners with environments, back ends with Services."""

import difflib
from collections.abc import Iterator
from typing import Any

from . import services
from .applications import namespace_of, of_kind
from .documents import Map, Problem, Repository
from .environments import Platform, platforms
from .objects import Environment, environments

_NAMESPACE_LABEL = "kubernetes.io/metadata.name"
_Gateways = dict[tuple[str, str], Map]
# By host, and what tells requests apart: the environment and the name of a route.
_Seen = dict[tuple[str, str], tuple[str, str]]
# Each with the Gateways that it is of.
_Redirects = list[tuple[Map, list[Map]]]


def check(repository: Repository) -> Iterator[Problem]:
    """Check the routes of every environment, and the Gateways in clusters/ with theirs."""
    for platform in platforms(repository):
        yield from _check_address(repository, platform)
    clusters = {path.split("/")[1] for path in repository.matching(r"clusters/[^/]+/.+")}
    for cluster in sorted(clusters):
        gateways = {
            (namespace_of(repository, item), item.name): item
            for item in of_kind(repository, "Gateway", f"clusters/{cluster}")
        }
        for gateway in gateways.values():
            yield from _check_issuer(repository, gateway)
        folder = f"clusters/{cluster}"
        own = [one for one in environments(repository) if repository.exists(f"{folder}/environments/{one.name}.yaml")]
        routes = [(one, namespace_of(repository, one)) for one in of_kind(repository, "HTTPRoute", folder)]
        routes += [(route, one.namespace) for one in own for route in one.of_kind("HTTPRoute")]
        redirects: _Redirects = []
        for route, namespace in routes:
            yield from _check_parents(route, namespace, gateways)
            if any(one.get("type") == "RequestRedirect" for rule in _rules(route) for one in rule.maps("filters")):
                redirects.append((route, [one for _, _, one in _parents(route, namespace, gateways)]))
        seen: _Seen = {}
        for environment in own:
            for route in environment.of_kind("HTTPRoute"):
                yield from _check_backends(environment, route)
                yield from _check_hosts(environment, route, gateways, redirects)
                yield from _check_paths(environment, route, gateways, seen)


def _rules(route: Map) -> list[Map]:
    return route.maps("spec", "rules")


def _parents(route: Map, namespace: str, gateways: _Gateways) -> Iterator[tuple[Map, str, Map]]:
    """Yield each reference to a Gateway, its namespace, and the Gateway, which is empty where it is not here."""
    for parent in route.maps("spec", "parentRefs"):
        if parent.get("kind", "Gateway") == "Gateway":
            where = parent.text("namespace") or namespace
            yield parent, where, gateways.get((where, parent.text("name")), Map())


def _check_parents(route: Map, namespace: str, gateways: _Gateways) -> Iterator[Problem]:
    for parent, where, gateway in _parents(route, namespace, gateways):
        if not gateway:
            # What another repository makes is not known here; nearly the name of ours is misspelt.
            name, ours = parent.text("name"), ["/".join(one) for one in gateways]
            if difflib.get_close_matches(f"{where}/{name}", ours, 1, 0.94):
                what = f"there is no Gateway {name} in the namespace {where}"
                yield Problem(*parent.where("name"), f"{what}: fix parentRefs, or add it in clusters/")
            continue
        names = [listener.text("name") for listener in gateway.maps("spec", "listeners")]
        if "sectionName" in parent and parent["sectionName"] not in names:
            cure = f"use {' or '.join(names)}" if names else "add it in clusters/"
            yield Problem(*parent.where("sectionName"), f"the Gateway has no listener {parent['sectionName']}: {cure}")


def _check_backends(environment: Environment, route: Map) -> Iterator[Problem]:
    for rule in _rules(route):
        for backend in rule.maps("backendRefs"):
            if backend.get("kind", "Service") == "Service" and "namespace" not in backend:
                yield from services.require_port(environment, backend, backend.text("name"), backend.get("port"))


def _check_paths(environment: Environment, route: Map, gateways: _Gateways, seen: _Seen) -> Iterator[Problem]:
    """Two routes of one host tell requests apart by their matches; of the same ones, the newer route gets none."""
    # Gateways that are not here may be one for each environment.
    where = "" if any(one for _, _, one in _parents(route, environment.namespace, gateways)) else environment.folder
    for rule in _rules(route):
        for match in rule.maps("matches") or [Map.of(rule.place, {})]:
            path = match.text("path", "value") or "/"
            told = str([{"path": {"type": "PathPrefix", "value": path}} | match, route.at("spec", "parentRefs"), where])
            for host in (one for one in route.texts("spec", "hostnames") if "*" not in one):
                other = seen.setdefault((host, told), (environment.folder, route.name))
                if other != (environment.folder, route.name):
                    what = f"HTTPRoute {other[1]} of {other[0]} has {path} of {host} already"
                    yield Problem(
                        *route.where("spec", "hostnames"), f"{what}: give it another path, or a host of its own"
                    )


def _check_hosts(environment: Environment, route: Map, gateways: _Gateways, redirects: _Redirects) -> Iterator[Problem]:
    parents = [(parent, gateway) for parent, _, gateway in _parents(route, environment.namespace, gateways)]
    for host in route.texts("spec", "hostnames"):
        joined = [(parent, gateway, one) for parent, gateway in parents for one in _listeners(parent, gateway)]
        joined = [one for one in joined if _covers(one[2].text("hostname"), host)]
        if parents and not joined and all(gateway for _, gateway in parents):
            cure = f"add one in {parents[0][1].place[0]}"
            yield Problem(*route.where("spec", "hostnames"), f"no listener covers {host}: {cure}")
        elif joined and not any(_admits(one, gateway, environment.namespace) for _, gateway, one in joined):
            what = f"the listener of {host} does not let in {environment.namespace}"
            yield Problem(*joined[0][2].where("allowedRoutes"), f"{what}: fix allowedRoutes")
        # A host of one listener by its name may be meant to stay on plain HTTP.
        ways = [(parent, gateway) for parent, gateway, _ in joined] or parents
        every = [gateway for parent, gateway in ways if "sectionName" not in parent]
        sent = [one for one, of in redirects if any(gateway in of for gateway in every)]
        if sent and not any(_covers(name, host) for one in sent for name in one.texts("spec", "hostnames") or [""]):
            what = f"does not send {host} from HTTP to HTTPS"
            yield Problem(*sent[0].where("spec", "hostnames"), f"{what}: add it to hostnames")


def _listeners(parent: Map, gateway: Map) -> list[Map]:
    """Return the listeners that a reference chooses: without a name, those of plain HTTP only where they are all."""
    every = gateway.maps("spec", "listeners")
    chosen = [one for one in every if parent.get("sectionName") == one.get("name")]
    return chosen or [one for one in every if one.get("protocol") != "HTTP"] or every


def _covers(hostname: str, host: str) -> bool:
    pairs = ((hostname, host), (host, hostname))  # Either may be wider.
    return hostname in ("", host) or any(wide.startswith("*.") and one.endswith(wide[1:]) for wide, one in pairs)


def _admits(listener: Map, gateway: Map, namespace: str) -> bool:
    allowed = listener.at("allowedRoutes", "namespaces", "from") or "Same"
    labels: Any = listener.map("allowedRoutes", "namespaces", "selector", "matchLabels")
    own = gateway.text("metadata", "namespace")
    return bool(
        allowed == "All"
        or (allowed == "Same" and own == namespace)
        or (allowed == "Selector" and labels.get(_NAMESPACE_LABEL) in (None, namespace))
    )


def _check_issuer(repository: Repository, gateway: Map) -> Iterator[Problem]:
    at = ("metadata", "annotations", "cert-manager.io/issuer")
    issuer, beside = gateway.at(*at), of_kind(repository, "Issuer")
    if issuer and beside and issuer not in [item.name for item in beside]:
        what = f"there is no Issuer {issuer} beside this Gateway"
        yield Problem(*gateway.where(*at), f"{what}: add it, or fix the name")


def _check_address(repository: Repository, platform: Platform) -> Iterator[Problem]:
    """The address of a Gateway is the one that terraform/platform makes."""
    names = platform.values.get("names")
    made = {
        "pip-name": ("address", platform.values.get("gateway_address_name")),
        "load-balancer-ipv4": ("address", platform.values.get("gateway_address")),
        "load-balancer-resource-group": ("group", names.get("resource_group") if isinstance(names, dict) else None),
    }
    gateways = of_kind(repository, "Gateway", platform.folder)
    for annotation, (what, name) in made.items():
        at = ("spec", "infrastructure", "annotations", f"service.beta.kubernetes.io/azure-{annotation}")
        named = [one for one in gateways if one.at(*at) is not None]
        if name and named and name not in [one.at(*at) for one in named]:  # A second Gateway has its own.
            yield Problem(*named[0].where(*at), f"is not the {what} {name} of {platform.path}: make them the same")
