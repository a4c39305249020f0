"""Enforcement of NetworkPolicies, as nftables rules.

Written from the Kubernetes documentation of `networking.k8s.io/v1` NetworkPolicy, since no policy engine can be had as
a Go module. A pod that a policy selects for a direction is isolated in that direction; a connection passes when some
policy of each isolated end allows it. Established connections go on, and traffic from the node itself (probes of the
kubelet) always passes, both as the documentation says. IPv4 only; not tested against the conformance suite.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from .api import Api, Object
from .processes import LiveError, program, run, say
from .standins import follow

TABLE = "inet gitops-live-policies"


def matches(selector: Object, labels: dict[str, str]) -> bool:
    """Whether a label selector, empty selecting everything, selects these labels."""
    for key, value in selector.get("matchLabels", {}).items():
        if labels.get(key) != value:
            return False
    for rule in selector.get("matchExpressions", []):
        key, operator, values = rule["key"], rule["operator"], rule.get("values", [])
        if operator == "Exists" and key not in labels:
            return False
        if operator == "DoesNotExist" and key in labels:
            return False
        if operator == "In" and labels.get(key) not in values:
            return False
        if operator == "NotIn" and key in labels and labels[key] in values:
            return False
    return True


class Policies:
    """Follows policies, pods and namespaces, and writes the whole table anew, in one transaction, after a change."""

    def __init__(self, api: Api, log: Path) -> None:
        self._api = api
        self._log = log
        self._kinds: dict[str, dict[str, Object]] = {"policies": {}, "pods": {}, "namespaces": {}}
        self._lock = threading.Lock()
        self._changed = threading.Event()
        self._written = ""

    def start(self, stop: threading.Event) -> None:
        """Begin to follow the cluster."""
        paths = {
            "policies": "/apis/networking.k8s.io/v1/networkpolicies",
            "pods": "/api/v1/pods",
            "namespaces": "/api/v1/namespaces",
        }
        for name, path in paths.items():
            follow(self._api, path, lambda kind, item, name=name: self._record(name, kind, item), stop, 240)  # type: ignore[misc]
        threading.Thread(target=self._loop, args=(stop,), name="policies", daemon=True).start()

    def _record(self, name: str, kind: str, item: Object) -> None:
        uid = item["metadata"]["uid"]
        with self._lock:
            if kind == "DELETED":
                self._kinds[name].pop(uid, None)
            else:
                self._kinds[name][uid] = item
        self._changed.set()

    def _loop(self, stop: threading.Event) -> None:
        while not stop.is_set():
            if not self._changed.wait(1):
                continue
            self._changed.clear()
            with self._lock:
                kinds = {name: list(items.values()) for name, items in self._kinds.items()}
            rules = ruleset(kinds["policies"], kinds["pods"], kinds["namespaces"])
            if rules == self._written:
                continue
            try:
                run(program("nft"), "-f", "-", stdin=rules)
                self._written = rules
                self._log.write_text(rules)
            except LiveError as error:
                if not stop.is_set():
                    say(f"network policies were not applied: {error}")
                    self._log.with_suffix(".failed").write_text(rules)


def ruleset(policies: list[Object], pods: list[Object], namespaces: list[Object]) -> str:
    """The nftables script that replaces the table with one that enforces these policies.

    Egress is judged where a packet is forwarded, after the address of a Service was replaced by a pod's, as network
    plugins do; and where it arrives at the node, for what leaves a pod for the API server.
    """
    labels = {ns["metadata"]["name"]: ns["metadata"].get("labels", {}) for ns in namespaces}
    live = [pod for pod in pods if _address(pod)]
    chains: list[str] = []
    maps: dict[str, list[str]] = {"ingress": [], "egress": []}
    for number, pod in enumerate(sorted(live, key=_address)):
        mine = [p for p in policies if _selects(p, pod)]
        for direction in ("ingress", "egress"):
            isolating = [p for p in mine if direction in _types(p)]
            if not isolating:
                continue
            chain = f"{direction}_{number}"
            lines = [line for p in isolating for line in _rules(p, direction, live, labels, pod)]
            meta = pod["metadata"]
            body = "".join(f"        {line}\n" for line in [*dict.fromkeys(lines), "counter drop"])
            chains.append(f"    # {meta['namespace']}/{meta['name']}\n    chain {chain} {{\n{body}    }}\n")
            maps[direction].append(f"{_address(pod)} : jump {chain}")
    text = f"table {TABLE} {{}}\ndelete table {TABLE}\ntable {TABLE} {{\n{''.join(chains)}"
    for direction, field in (("ingress", "daddr"), ("egress", "saddr")):
        entries = ", ".join(maps[direction])
        rule = f"        ip {field} vmap {{ {entries} }}\n" if entries else ""
        text += f"    chain {direction} {{\n{rule}    }}\n"
    for hook, jumps in (("forward", ("egress", "ingress")), ("input", ("egress",))):
        text += f"    chain {hook} {{\n        type filter hook {hook} priority filter; policy accept;\n"
        text += "        ct state established,related accept\n"
        text += "".join(f"        jump {jump}\n" for jump in jumps) + "    }\n"
    return text + "}\n"


def _address(pod: Object) -> str:
    """The address of a pod with a network of its own that is running, or ""."""
    if pod["spec"].get("hostNetwork") or pod.get("status", {}).get("phase") in ("Succeeded", "Failed"):
        return ""
    return str(pod.get("status", {}).get("podIP", ""))


def _types(policy: Object) -> list[str]:
    """The directions of a policy. Without `policyTypes`: ingress, and egress if it has egress rules."""
    spec = policy["spec"]
    types = spec.get("policyTypes") or ["Ingress", *(["Egress"] if "egress" in spec else [])]
    return [str(kind).lower() for kind in types]


def _selects(policy: Object, pod: Object) -> bool:
    if policy["metadata"]["namespace"] != pod["metadata"]["namespace"]:
        return False
    return matches(policy["spec"].get("podSelector", {}), pod["metadata"].get("labels", {}))


def _rules(
    policy: Object, direction: str, pods: list[Object], namespaces: dict[str, dict[str, str]], target: Object
) -> list[str]:
    """What one policy allows in one direction, as rules that return from the pod's chain."""
    peers_key, field = ("from", "saddr") if direction == "ingress" else ("to", "daddr")
    lines: list[str] = []
    for rule in policy["spec"].get(direction) or []:
        peers = rule.get(peers_key) or []
        sources = [_peer(peer, policy, pods, namespaces, field) for peer in peers] if peers else [""]
        receivers = [target] if direction == "ingress" else pods
        for source in sources:
            if source is None:
                continue
            ports = _ports(rule.get("ports") or [], receivers)
            lines += [" ".join(part for part in (source, port, "return") if part) for port in ports]
    return lines


def _peer(
    peer: Object, policy: Object, pods: list[Object], namespaces: dict[str, dict[str, str]], field: str
) -> str | None:
    """An nftables match for a peer; None if it matches nothing now."""
    if "ipBlock" in peer:
        block = peer["ipBlock"]
        if ":" in block["cidr"]:
            return None
        exclude = [cidr for cidr in block.get("except", []) if ":" not in cidr]
        without = f" ip {field} != {{ {', '.join(exclude)} }}" if exclude else ""
        everything = block["cidr"] == "0.0.0.0/0"
        return ("meta nfproto ipv4" if everything else f"ip {field} {block['cidr']}") + without
    own = policy["metadata"]["namespace"]
    chosen = peer.get("namespaceSelector")
    addresses = [
        _address(pod)
        for pod in pods
        if (
            pod["metadata"]["namespace"] == own
            if chosen is None
            else matches(chosen, namespaces.get(pod["metadata"]["namespace"], {}))
        )
        and matches(peer.get("podSelector", {}), pod["metadata"].get("labels", {}))
    ]
    return f"ip {field} {{ {', '.join(sorted(set(addresses)))} }}" if addresses else None


def _ports(ports: list[Object], receivers: list[Object]) -> list[str]:
    """Nftables matches for the ports of a rule; a named port means that port of each pod that receives."""
    if not ports:
        return [""]
    found: list[str] = []
    for port in ports:
        protocol = str(port.get("protocol", "TCP")).lower()
        number: Any = port.get("port")
        if number is None:
            found.append(f"meta l4proto {protocol}")
        elif isinstance(number, int):
            last = port.get("endPort")
            found.append(f"{protocol} dport {number}{f'-{last}' if last else ''}")
        else:
            found += [
                f"ip daddr {_address(pod)} {protocol} dport {declared['containerPort']}"
                for pod in receivers
                for container in pod["spec"]["containers"]
                for declared in container.get("ports", [])
                if declared.get("name") == number
            ]
    return list(dict.fromkeys(found))
