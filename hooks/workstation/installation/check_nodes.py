"""Does the region have the machines, and the subscription the quota for them?"""

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from .azure import Subscription
from .report import Line, Pool, failure, ok, warning
from .settings import Settings

_TOTAL = "cores"
# During an upgrade a pool has a third more machines, as `max_surge` in terraform/platform allows.
_SURGE = 3


@dataclass(frozen=True)
class Asked:
    """What was asked about a region."""

    region: str
    sizes: Future[Any]
    usage: Future[Any]


def ask(pool: Pool, chosen: Subscription, region: str, clusters: list[Settings]) -> Asked:
    """Ask for the machine sizes and for the quota of a region."""
    wanted = {nodes.vm_size for one in clusters if one.location == region for nodes in one.nodes}
    sizes = " || ".join(f"name=='{size}'" for size in sorted(wanted))
    kind = ("--resource-type", "virtualMachines", "--all", "--query", f"[?{sizes}]")
    return Asked(
        region,
        pool.call(chosen.ask, "vm", "list-skus", "--location", region, *kind),
        pool.call(chosen.ask, "vm", "list-usage", "--location", region),
    )


def check(asked: Asked, made: list[Future[Any]], clusters: list[Settings]) -> Iterator[Line]:
    """Check that the sizes are offered, and that the quota holds the pools of all clusters, least and largest."""
    sizes = {one["name"]: one for one in asked.sizes.result()}
    here = [wanted for wanted in clusters if wanted.location == asked.region]
    good = True
    for wanted in here:
        for size in sorted({nodes.vm_size for nodes in wanted.nodes}):
            for line in _size(sizes.get(size), size, wanted):
                good = good and line.state != "failure"
                yield line
    if good:
        there = [found.result() for found, wanted in zip(made, clusters, strict=True) if wanted in here]
        yield from _quota(asked.usage.result(), sizes, there, here)
    else:
        yield Line("skipped", "quota: first choose sizes that the region offers")


def _capability(size: dict[str, Any], name: str, default: str) -> str:
    return next((one["value"] for one in size.get("capabilities", []) if one["name"] == name), default)


def _size(found: dict[str, Any] | None, name: str, wanted: Settings) -> Iterator[Line]:
    cure = f"choose another vm_size in {wanted.tfvars} or another region (az vm list-skus --location {wanted.location})"
    if found is None:
        yield failure(f"machines: {wanted.location} does not have {name}", cure)
        return
    limits = found.get("restrictions") or []
    if any(one["type"] == "Location" for one in limits):
        yield failure(f"machines: {wanted.location} does not offer {name} to this subscription", cure)
        return
    zones = {zone for place in found.get("locationInfo") or [] for zone in place.get("zones") or []}
    zones -= {zone for one in limits for zone in (one.get("restrictionInfo") or {}).get("zones") or []}
    if missing := sorted(set(wanted.zones) - zones):
        has = f"set zones to {json.dumps(sorted(zones))}"
        text = f"machines: {name} is not in zone {', '.join(missing)} of {wanted.location}"
        yield failure(text, f"{has} in {wanted.tfvars}, or choose another vm_size")
        return
    if _capability(found, "EphemeralOSDiskSupported", "False") != "True":
        yield failure(
            f"machines: {name} has no local disk for the system", f"choose one with a temporary disk in {wanted.tfvars}"
        )
        return
    room = max(
        int(_capability(found, "MaxResourceVolumeMB", "0")) >> 10, int(_capability(found, "CachedDiskBytes", "0")) >> 30
    )
    largest = max(nodes.disk for nodes in wanted.nodes if nodes.vm_size == name)
    if room < largest:
        yield failure(
            f"machines: the local disk of {name} has {room} GiB, not {largest}",
            f"lower os_disk_size_gb in {wanted.tfvars}",
        )
        return
    yield ok(f"machines: {wanted.location} offers {name}")


def _quota(
    usage: list[dict[str, Any]], sizes: dict[str, Any], made: list[dict[str, Any] | None], clusters: list[Settings]
) -> Iterator[Line]:
    limits = {one["name"]["value"].lower(): (int(one["limit"]), int(one["currentValue"]), one) for one in usage}
    family = {name: one["family"] for name, one in sizes.items()}
    cores = {name: int(_capability(one, "vCPUs", "0")) for name, one in sizes.items()}
    least: Counter[str] = Counter()
    most: Counter[str] = Counter()
    for nodes in [nodes for wanted in clusters for nodes in wanted.nodes]:
        for quota in (family[nodes.vm_size], _TOTAL):
            least[quota] += nodes.min_count * cores[nodes.vm_size]
            most[quota] += (nodes.max_count + -(-nodes.max_count // _SURGE)) * cores[nodes.vm_size]
    # What a cluster uses already is not taken from it twice.
    ours: Counter[str] = Counter()
    for pool in [pool for cluster in made for pool in (cluster or {}).get("agentPoolProfiles") or []]:
        if pool["vmSize"] in family:
            for quota in (family[pool["vmSize"]], _TOTAL):
                ours[quota] += pool["count"] * cores[pool["vmSize"]]
    one_cluster = len(clusters) == 1
    noun = "cluster needs" if one_cluster else f"{len(clusters)} clusters need"
    largest = (
        "the cluster at its largest needs" if one_cluster else f"the {len(clusters)} clusters at their largest need"
    )
    for quota, needed in least.items():
        if quota.lower() not in limits:
            yield warning(f"quota: Azure does not name a quota {quota}", "look at Usage + quotas in the portal")
            continue
        limit, used, one = limits[quota.lower()]
        free = limit - used + ours[quota]
        name = one["name"].get("localizedValue") or quota
        text = f"quota: {name} in {clusters[0].location}: {free} of {limit} free"
        cure = (
            "ask for more under Usage + quotas in the portal (https://portal.azure.com/#view/Microsoft_Azure_Capacity)"
        )
        if free < needed:
            files = ", ".join(wanted.tfvars for wanted in clusters)
            yield failure(f"{text}, the smallest {noun} {needed}", f"{cure}, or lower min_count in {files}")
        elif free < most[quota]:
            yield warning(f"{text}, {largest} {most[quota]}", cure)
        else:
            yield ok(f"{text}, at most {most[quota]} needed")
