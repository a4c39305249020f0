"""Does the region have the machines, and the subscription the quota for them?"""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

from .azure import Subscription
from .report import Line, Pool, failure, ok, warning
from .settings import Settings

_TFVARS = "terraform/platform/terraform.tfvars"
_TOTAL = "cores"
# During an upgrade a pool has a third more machines, as `max_surge` in terraform/platform allows.
_SURGE = 3


def ask(pool: Pool, chosen: Subscription, wanted: Settings) -> dict[str, Future[Any]]:
    """Ask for the machine sizes and for the quota of the region."""
    sizes = " || ".join(f"name=='{size}'" for size in sorted({nodes.vm_size for nodes in wanted.nodes}))
    kind = ("--resource-type", "virtualMachines", "--all", "--query", f"[?{sizes}]")
    return {
        "sizes": pool.call(chosen.ask, "vm", "list-skus", "--location", wanted.location, *kind),
        "usage": pool.call(chosen.ask, "vm", "list-usage", "--location", wanted.location),
    }


def check(asked: dict[str, Future[Any]], cluster: Future[Any], wanted: Settings) -> Iterator[Line]:
    """Check that the sizes are offered, and that the quota holds the pools at their least and at their largest."""
    sizes = {one["name"]: one for one in asked["sizes"].result()}
    good = True
    for size in sorted({nodes.vm_size for nodes in wanted.nodes}):
        for line in _size(sizes.get(size), size, wanted):
            good = good and line.state != "failure"
            yield line
    if good:
        yield from _quota(asked["usage"].result(), sizes, cluster.result(), wanted)
    else:
        yield Line("skipped", "quota: first choose sizes that the region offers")


def _capability(size: dict[str, Any], name: str, default: str) -> str:
    return next((one["value"] for one in size.get("capabilities", []) if one["name"] == name), default)


def _size(found: dict[str, Any] | None, name: str, wanted: Settings) -> Iterator[Line]:
    cure = f"choose another vm_size in {_TFVARS} or another region (az vm list-skus --location {wanted.location})"
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
        has = f"set zones to {sorted(zones)}" if zones else "set zones to []"
        text = f"machines: {name} is not in zone {', '.join(missing)} of {wanted.location}"
        yield failure(text, f"{has} in {_TFVARS}, or choose another vm_size")
        return
    if _capability(found, "EphemeralOSDiskSupported", "False") != "True":
        yield failure(
            f"machines: {name} has no local disk for the system", f"choose one with a temporary disk in {_TFVARS}"
        )
        return
    room = max(
        int(_capability(found, "MaxResourceVolumeMB", "0")) >> 10, int(_capability(found, "CachedDiskBytes", "0")) >> 30
    )
    largest = max(nodes.disk for nodes in wanted.nodes if nodes.vm_size == name)
    if room < largest:
        yield failure(
            f"machines: the local disk of {name} has {room} GiB, not {largest}", f"lower os_disk_size_gb in {_TFVARS}"
        )
        return
    yield ok(f"machines: {wanted.location} offers {name}")


def _quota(
    usage: list[dict[str, Any]], sizes: dict[str, Any], cluster: dict[str, Any] | None, wanted: Settings
) -> Iterator[Line]:
    limits = {one["name"]["value"].lower(): (int(one["limit"]), int(one["currentValue"]), one) for one in usage}
    family = {name: one["family"] for name, one in sizes.items()}
    cores = {name: int(_capability(one, "vCPUs", "0")) for name, one in sizes.items()}
    least: Counter[str] = Counter()
    most: Counter[str] = Counter()
    for nodes in wanted.nodes:
        for quota in (family[nodes.vm_size], _TOTAL):
            least[quota] += nodes.min_count * cores[nodes.vm_size]
            most[quota] += (nodes.max_count + -(-nodes.max_count // _SURGE)) * cores[nodes.vm_size]
    # What the cluster uses already is not taken from it twice.
    ours: Counter[str] = Counter()
    for pool in (cluster or {}).get("agentPoolProfiles") or []:
        if pool["vmSize"] in family:
            for quota in (family[pool["vmSize"]], _TOTAL):
                ours[quota] += pool["count"] * cores[pool["vmSize"]]
    for quota, needed in least.items():
        if quota.lower() not in limits:
            yield warning(f"quota: Azure does not name a quota {quota}", "look at Usage + quotas in the portal")
            continue
        limit, used, one = limits[quota.lower()]
        free = limit - used + ours[quota]
        name = one["name"].get("localizedValue") or quota
        text = f"quota: {name} in {wanted.location}: {free} of {limit} free"
        cure = (
            "ask for more under Usage + quotas in the portal (https://portal.azure.com/#view/Microsoft_Azure_Capacity)"
        )
        if free < needed:
            yield failure(f"{text}, the smallest cluster needs {needed}", f"{cure}, or lower min_count in {_TFVARS}")
        elif free < most[quota]:
            yield warning(f"{text}, the cluster at its largest needs {most[quota]}", cure)
        else:
            yield ok(f"{text}, at most {most[quota]} needed")
