"""Network policies select pods and ports that there are, and let through what the environment of containers names."""

import re
from collections.abc import Iterator
from typing import Any

from .documents import Map, Problem, Repository
from .objects import Pods, Workload, applications, objects, workload

_ADDRESS = re.compile(r"(?:[a-z][a-z0-9+.]*://(?:[^@/]*@)?)?(?P<host>[a-z0-9-]+)(?::(?P<port>\d+))?(?:/.*)?")
_SIDES = (("ingress", "from", "Ingress"), ("egress", "to", "Egress"))


def check(repository: Repository) -> Iterator[Problem]:
    """Check the policies of every application."""
    for application in applications(repository):
        found = objects(repository, application)
        workloads = [item for path, document in found if (item := workload(path, document))]
        policies = [(path, document) for path, document in found if document.get("kind") == "NetworkPolicy"]
        services = [document for _, document in found if document.get("kind") == "Service"]
        pods = Pods(workloads)
        for path, policy in policies:
            yield from _check_policy(path, policy, pods)
        rules = _Rules(pods, [policy for _, policy in policies])
        yield from _check_calls(pods, services, rules)
        yield from _check_outside(found, pods, rules)
        yield from _check_names(policies, workloads)


def _check_policy(path: str, policy: Map, pods: Pods) -> Iterator[Problem]:
    name = policy.at("metadata", "name")
    own = pods.selected(policy.at("spec", "podSelector", "matchLabels"))
    if not own:
        line = policy.line_at("spec", "podSelector")
        yield Problem(path, line, f"NetworkPolicy {name} selects no pod: mend its labels, or remove it")
    for side, peers_key, kind in _SIDES:
        if policy.maps("spec", side) and kind not in _types(policy):
            line = policy.line_at("spec", "policyTypes")
            yield Problem(path, line, f"policyTypes lacks {kind}, so that {side} has no effect: add it")
        for rule in policy.maps("spec", side):
            peers: list[Workload] = []
            elsewhere = peers_key not in rule and side == "egress"
            for peer in rule.maps(peers_key):
                chosen = pods.selected(peer.at("podSelector", "matchLabels"))
                elsewhere = elsewhere or not _is_by_label(peer)
                if not elsewhere and not chosen:
                    yield Problem(path, peer.line, f"{peers_key} selects no pod: mend its labels, or remove it")
                peers += chosen
            targets = own if side == "ingress" else peers
            for port in rule.maps("ports"):
                wanted, known = port.get("port"), [item for item in targets if item.ports]
                inside = known and (side == "ingress" or not elsewhere)
                # What is said of every pod, by the name of a port, is meant for those that have one, now or later.
                inside = inside and not (isinstance(wanted, str) and policy.at("spec", "podSelector") == {})
                if inside and wanted is not None and not any(item.has_port(wanted) for item in known):
                    has = ", ".join(dict.fromkeys(str(key) for item in known for key in item.ports if key))
                    what = f"no container has port {wanted!r}: use one of {has}"
                    yield Problem(path, port.line_of("port"), what)


def _types(policy: Map) -> list[str]:
    types = policy.texts("spec", "policyTypes")
    return types or ["Ingress", *(["Egress"] if policy.at("spec", "egress") is not None else [])]


def _is_by_label(peer: Map) -> bool:
    """Tell whether a peer is pods of this namespace, chosen by labels alone."""
    return set(peer) == {"podSelector"} and not peer.maps("podSelector", "matchExpressions")


class _Rules:
    """The rules of policies, by the pods that they are about, with the pods that they let talk."""

    def __init__(self, pods: Pods, policies: list[Map]) -> None:
        """Look at each policy once."""
        self._pods = pods
        self._of = {
            kind: pods.selecting(
                [policy for policy in policies if kind in _types(policy)], "spec", "podSelector", "matchLabels"
            )
            for _, _, kind in _SIDES
        }
        self._peers: dict[int, set[int] | None] = {}

    def policies(self, item: Workload, kind: str) -> list[Map]:
        """Return the policies for one direction that select a workload by its labels, whatever else they ask for."""
        return self._of[kind][id(item)]

    def reaches(self, rule: Map, key: str, other: Workload) -> bool:
        """Tell whether the peers of a rule, below `from` or `to`, are everybody, or have a workload among them."""
        if id(rule) not in self._peers:
            peers = rule.maps(key)
            self._peers[id(rule)] = (
                {id(item) for peer in peers for item in self._pods.selected(peer.at("podSelector", "matchLabels"))}
                if peers and all(_is_by_label(peer) for peer in peers)
                else None
            )
        among = self._peers[id(rule)]
        return among is None or id(other) in among


def _calls(item: Workload, by_name: dict[str, Map]) -> Iterator[tuple[Map, Map, Any]]:
    """Yield each variable that names a Service, the Service and its port there, where one is named."""
    for container in item.all_containers():
        for variable in container.maps("env"):
            match = _ADDRESS.fullmatch(variable.text("value"))
            named = variable.text("name").upper()
            is_address = match and (match["port"] or named.endswith(("HOST", "SERVER", "ADDRESS", "ADDR")))
            if match and is_address and match["host"] in by_name:
                ports = by_name[match["host"]].maps("spec", "ports")
                wanted = [port for port in ports if match["port"] is None or port.get("port") == int(match["port"])]
                if len(wanted) == 1:
                    yield variable, by_name[match["host"]], wanted[0].get("targetPort", wanted[0].get("port"))


def _check_calls(pods: Pods, services: list[Map], rules: _Rules) -> Iterator[Problem]:
    by_name = {service.text("metadata", "name"): service for service in services}
    for item in pods.workloads:
        for variable, service, port in _calls(item, by_name):
            for called in pods.selected(service.at("spec", "selector")):
                line, what = variable.line_of("value"), f"{variable.get('name')} calls {called.name}"
                if not _lets(rules, item, called, port, "egress", "to"):
                    cure = f"add {called.name} to egress of its policy"
                    yield Problem(item.path, line, f"{what}, but no NetworkPolicy lets {item.name} do so: {cure}")
                if not _lets(rules, called, item, port, "ingress", "from", called):
                    cure = f"add {item.name} to ingress of the policy of {called.name}"
                    yield Problem(item.path, line, f"{what}, but no NetworkPolicy lets {item.name} in: {cure}")


def _lets(
    rules: _Rules, own: Workload, other: Workload, port: Any, side: str, key: str, owner: Workload | None = None
) -> bool:
    """Tell whether the policies of a workload let it talk with another one on a side."""
    mine = [
        policy
        for policy in rules.policies(own, side.capitalize())
        if not policy.maps("spec", "podSelector", "matchExpressions")
    ]
    if not mine:
        return True
    target = owner or other
    numbers = {port, *_both(target, port)}
    for policy in mine:
        for rule in policy.maps("spec", side):
            if rules.reaches(rule, key, other) and _opens(rule, numbers):
                return True
    return False


def _both(item: Workload, port: Any) -> set[Any]:
    """Return the name and the number of a port."""
    found = item.ports.get(port) if isinstance(port, (str, int)) else None
    return {found.get("name"), found.get("containerPort")} if found else set()


def _opens(rule: Map, numbers: set[Any]) -> bool:
    return not rule.maps("ports") or any(_covers(entry, numbers) for entry in rule.maps("ports"))


def _covers(entry: Map, numbers: set[Any]) -> bool:
    return "port" not in entry or "endPort" in entry or entry.get("port") in numbers


def _check_outside(found: list[tuple[str, Map]], pods: Pods, rules: _Rules) -> Iterator[Problem]:
    """Check that requests from outside reach the pods behind a load balancer."""
    for path, service in found:
        if service.get("kind") != "Service" or service.at("spec", "type") not in ("LoadBalancer", "NodePort"):
            continue
        for item in pods.selected(service.at("spec", "selector")):
            own = rules.policies(item, "Ingress")
            ways = [rule for policy in own for rule in policy.maps("spec", "ingress")]
            targets = [port.get("targetPort", port.get("port")) for port in service.maps("spec", "ports")]
            numbers = {number for target in targets for number in (target, *_both(item, target))}
            ways = [rule for rule in ways if _opens(rule, numbers)]
            open_to = [rule for rule in ways if any(not _is_by_label(peer) for peer in rule.maps("from"))]
            if own and not open_to and all(rule.maps("from") for rule in ways):
                line = service.line_at("spec", "type")
                cure = "add an ingress rule without `from` to its policy"
                yield Problem(path, line, f"no NetworkPolicy lets anybody from outside reach {item.name}: {cure}")


def _check_names(policies: list[tuple[str, Map]], workloads: list[Workload]) -> Iterator[Problem]:
    """Check that pods which may not talk freely may ask for names."""
    for path, policy in policies:
        everything = policy.at("spec", "podSelector") == {} and "Egress" in _types(policy)
        if not everything or not workloads:
            continue
        rules = [rule for _, other in policies for rule in other.maps("spec", "egress")]
        if not any(not rule.maps("ports") or 53 in [port.get("port") for port in rule.maps("ports")] for rule in rules):
            line = policy.line_at("spec", "egress")
            yield Problem(path, line, "no pod may ask for names: add port 53 of kube-dns, UDP and TCP, to egress")
