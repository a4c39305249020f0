"""Network policies select pods and ports that there are, and let through what the environment of containers names."""

import re
from collections.abc import Iterator
from typing import Any

from .applications import namespace_of, of_kind
from .documents import Map, Problem, Repository
from .objects import Environment, Workload, environments

_ADDRESS = re.compile(r"(?:[a-z][a-z0-9+.]*://(?:[^@/]*@)?)?(?P<host>[a-z0-9-]+)(?::(?P<port>\d+))?(?:/.*)?")
_SIDES = (("ingress", "from", "Ingress"), ("egress", "to", "Egress"))


def check(repository: Repository) -> Iterator[Problem]:
    """Check the policies of every environment."""
    # Istio runs the pods of a Gateway beside it; where others run theirs is not known.
    gateways = [one for one in of_kind(repository, "Gateway") if one.text("spec", "gatewayClassName").endswith("istio")]
    proxies = {namespace_of(repository, one) for one in gateways}
    for environment in environments(repository):
        if environment.complete:  # Policies of another kind may let through more.
            rules = _Rules(environment)
            for policy in rules.policies:
                yield from _check_policy(policy, environment)
            yield from _check_calls(environment, rules)
            yield from _check_outside(environment, rules, proxies)


def _check_policy(policy: Map, environment: Environment) -> Iterator[Problem]:
    own = environment.selected(policy.at("spec", "podSelector", "matchLabels"))
    if not own and environment.knows(policy.at("spec", "podSelector", "matchLabels")):
        place = policy.where("spec", "podSelector")
        yield Problem(*place, f"NetworkPolicy {policy.name} selects no pod: fix its labels, or remove it")
    for side, key, kind in _SIDES:
        if policy.maps("spec", side) and kind not in _types(policy):
            place = policy.where("spec", "policyTypes")
            yield Problem(*place, f"policyTypes lacks {kind}, so that {side} has no effect: add it")
        for rule in policy.maps("spec", side):
            peers: list[Workload] = []
            for peer in rule.maps(key):
                peers += environment.selected(peer.at("podSelector", "matchLabels"))
            # Peers that are not pods of this namespace have ports that nothing here knows.
            labelled = all(_is_by_label(peer, environment) for peer in rule.maps(key))
            targets = own if side == "ingress" else peers if labelled else []
            for port in rule.maps("ports"):
                wanted = port.get("port")
                every = policy.at("spec", "podSelector") == {}  # Meant for pods that have such a port, now or later.
                if (
                    isinstance(wanted, str)
                    and targets
                    and not every
                    and not any(wanted in one.ports for one in targets)
                ):
                    has = dict.fromkeys(
                        str(name) for item in targets for pair in item.ports.items() for name in pair if name
                    )
                    yield Problem(*port.where("port"), f"no container has port {wanted!r}: use one of {', '.join(has)}")


def _types(policy: Map) -> list[str]:
    types = policy.texts("spec", "policyTypes")
    return types or ["Ingress", *(["Egress"] if policy.at("spec", "egress") is not None else [])]


def _is_by_label(peer: Map, environment: Environment) -> bool:
    """Tell whether a peer is pods of this namespace, chosen by labels alone that are written here."""
    chosen = peer.map("podSelector")
    by_labels = set(peer) == {"podSelector"} and not chosen.maps("matchExpressions")
    return by_labels and environment.knows(chosen.at("matchLabels"))


class _Rules:
    """The rules of policies, by the pods that they are about and those that they let talk with them."""

    def __init__(self, environment: Environment) -> None:
        """Look at each rule once."""
        self.policies = environment.of_kind("NetworkPolicy")
        # By direction and workload; the peer is None for rules about others than pods of this namespace.
        self._of: dict[tuple[str, int], dict[int | None, list[Map]]] = {}
        # Workloads that a policy by expressions may be about.
        self._unknown: set[int] = set()
        for policy in self.policies:
            own = environment.selected(policy.at("spec", "podSelector", "matchLabels"))
            if policy.maps("spec", "podSelector", "matchExpressions"):
                self._unknown |= {id(item) for item in own}
                continue
            for side, key, kind in _SIDES:
                found = [self._of.setdefault((side, id(item)), {}) for item in own if kind in _types(policy)]
                for rule in policy.maps("spec", side) if found else ():
                    peers: list[int | None] = [None]
                    if rule.maps(key) and all(_is_by_label(peer, environment) for peer in rule.maps(key)):
                        chosen = (environment.selected(one.at("podSelector", "matchLabels")) for one in rule.maps(key))
                        peers = [id(item) for items in chosen for item in items]
                    for peer in peers:
                        for rules in found:
                            rules.setdefault(peer, []).append(rule)

    def of(self, item: Workload, side: str, other: Workload | None = None) -> list[Map] | None:
        """Return the rules about a workload's pods and another's, or everybody; None without a policy that is known."""
        rules = None if id(item) in self._unknown else self._of.get((side, id(item)))
        return None if rules is None else [*rules.get(None, []), *(rules.get(id(other), []) if other else [])]

    def let(self, item: Workload, other: Workload, ports: set[Any], side: str) -> bool:
        """Tell whether a workload may talk with another one on a side, on a port of the called one."""
        rules = self.of(item, side, other)
        return rules is None or any(_opens(rule, ports) for rule in rules)


def _opens(rule: Map, ports: set[Any]) -> bool:
    entries = rule.maps("ports")
    return not entries or any("port" not in one or "endPort" in one or one.get("port") in ports for one in entries)


def _calls(item: Workload, services: dict[str, Map]) -> Iterator[tuple[Map, Map, Any]]:
    """Yield each variable that names a Service, the Service and its port there, where one is named."""
    for variable in item.variables:
        match = _ADDRESS.fullmatch(variable.text("value")) if "ORIGIN" not in variable.text("name").upper() else None
        named = variable.text("name").upper().endswith(("HOST", "SERVER", "ADDRESS", "ADDR"))
        if match and (match["port"] or named) and (service := services.get(match["host"])):
            ports = service.maps("spec", "ports")
            wanted = [port for port in ports if match["port"] is None or port.get("port") == int(match["port"])]
            if len(wanted) == 1:
                yield variable, service, wanted[0].get("targetPort", wanted[0].get("port"))


def _check_calls(environment: Environment, rules: _Rules) -> Iterator[Problem]:
    for item in environment.workloads:
        for variable, service, port in _calls(item, environment.services):
            for called in (
                environment.selected(service.at("spec", "selector")) if service.at("spec", "selector") else ()
            ):
                if called is item:  # It says how others call it.
                    continue
                place, what = variable.where("value"), f"{variable.get('name')} calls {called.name}"
                ports = called.same_port(port)
                if not rules.let(item, called, ports, "egress"):
                    cure = f"add {called.name} to egress of its policy"
                    yield Problem(*place, f"{what}, but no NetworkPolicy lets {item.name} do so: {cure}")
                if not rules.let(called, item, ports, "ingress"):
                    cure = f"add {item.name} to ingress of the policy of {called.name}"
                    yield Problem(*place, f"{what}, but no NetworkPolicy lets {item.name} in: {cure}")


def _check_outside(environment: Environment, rules: _Rules, proxies: set[str]) -> Iterator[Problem]:
    """Check that requests from outside reach the pods behind a load balancer or a Gateway."""
    parents = [(route, one) for route in environment.of_kind("HTTPRoute") for one in route.maps("spec", "parentRefs")]
    # Others are routes between services.
    parents = [(route, one) for route, one in parents if one.get("kind", "Gateway") == "Gateway"]
    rows = [rule for route, _ in parents for rule in route.maps("spec", "rules")]
    routed = {backend.text("name"): backend for rule in rows for backend in rule.maps("backendRefs")}
    gateways = {one.text("namespace") for _, one in parents}
    for service in environment.services.values():
        direct = service.at("spec", "type") in ("LoadBalancer", "NodePort")
        if not (direct or service.name in routed) or not service.at("spec", "selector"):
            continue
        for item in environment.selected(service.at("spec", "selector")):
            targets = [port.get("targetPort", port.get("port")) for port in service.maps("spec", "ports")]
            ports = {name for target in targets for name in item.same_port(target)}
            ways = rules.of(item, "ingress")
            if not direct and gateways <= proxies and ways is not None:
                ways = [
                    rule
                    for rule in ways
                    if not rule.maps("from") or any(_is_in(one, gateways) for one in rule.maps("from"))
                ]
            if ways is not None and not any(_opens(rule, ports) for rule in ways):
                who, cure = "anybody from outside", "add an ingress rule without `from` to its policy"
                place = service.where("spec", "type")
                if not direct:
                    who, cure = "the Gateway", "add its namespace to ingress of the policy"
                    place = routed[service.name].where("name")
                yield Problem(*place, f"no NetworkPolicy lets {who} reach {item.name}: {cure}")


def _is_in(peer: Map, namespaces: set[str]) -> bool:
    """Tell whether a peer may be a pod of some namespaces."""
    if "namespaceSelector" not in peer:
        return "ipBlock" in peer
    return peer.at("namespaceSelector", "matchLabels", "kubernetes.io/metadata.name") in {None, *namespaces}
