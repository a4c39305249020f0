"""Is what was there before in Azure as it must be, and may it be used?"""

from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from ipaddress import IPv4Network, ip_network
from typing import Any

from gitops.process import CommandError

from . import azure, check_argo_cd, check_cluster
from .azure import Subscription
from .programs import json_output
from .report import Line, Pool, failure, ok, warning
from .settings import Settings

_GIVE = "Microsoft.Authorization/roleAssignments/write"
_JOIN = "Microsoft.Network/virtualNetworks/subnets/join/action"
_SERVER = "Microsoft.DBforPostgreSQL/flexibleServers"
# Azure keeps the first four addresses of a subnet, and the last.
_KEPT = 5
# Who needs which role on what, once it is made: a key of the cluster's identities, and the role.
_NEEDED = {"subnet": ("control plane", "Network Contributor"), "registry": ("nodes", "AcrPull")}


@dataclass(frozen=True)
class Asked:
    """What was asked about one thing."""

    thing: Future[Any]
    permissions: Future[Any]
    roles: Future[Any]


def check(
    pool: Pool,
    chosen: Subscription,
    made: list[Future[Any]],
    versions: dict[str, Future[Any]],
    clusters: list[Settings],
) -> Iterator[Line]:
    """Check everything that is to be there: found, fit, and with the rights that `make up` needs on it."""
    others = pool.call(chosen.ask, "aks", "list")
    asked = [_ask(pool, chosen, wanted) for wanted in clusters]
    for mine, cluster, wanted in zip(asked, made, clusters, strict=True):
        yield from _check(mine, cluster, others, versions, wanted)


def _ask(pool: Pool, chosen: Subscription, wanted: Settings) -> dict[str, Asked]:
    group = f"/subscriptions/{chosen.id}/resourceGroups/{wanted.group}"
    ids = {kind: str(one) for kind, one in wanted.existing.items() if str(one).startswith("/")}
    if "resource_group" in wanted.existing:
        ids["resource_group"] = group
    if "subnet" in ids:
        ids["network"] = ids["subnet"].rpartition("/subnets/")[0]
    return {
        kind: Asked(
            pool.call(_read, kind, one),
            pool.call(_permissions, one),
            pool.call(azure.role_assignments, one),
        )
        for kind, one in ids.items()
    }


def _read(kind: str, one: str) -> dict[str, Any]:
    if kind != "resource_group":
        return dict(json_output("az", "resource", "show", "--ids", one))
    _, _, subscription, _, name = one.split("/")
    at = ("--subscription", subscription, "--name", name)
    return dict(json_output("az", "group", "show", *at))


def _permissions(scope: str) -> list[dict[str, Any]]:
    path = "providers/Microsoft.Authorization/permissions?api-version=2022-04-01"
    found = json_output("az", "rest", "--method", "get", "--url", f"https://management.azure.com{scope}/{path}")
    return list(found["value"])


def _check(
    asked: dict[str, Asked], made: Future[Any], others: Future[Any], versions: dict[str, Future[Any]], wanted: Settings
) -> Iterator[Line]:
    found: dict[str, dict[str, Any]] = {}
    for kind, one in asked.items():
        try:
            found[kind] = one.thing.result()
        except CommandError as error:
            name = wanted.existing.get(kind, kind)
            cure = f"correct existing in {wanted.tfvars}, or ask its owner to let you read it"
            yield failure(f"existing: {kind} {name} can't be read ({error})", cure)
    for kind, thing in found.items():
        before = False
        for line in _fit(kind, thing, made, versions, wanted):
            before = True
            yield line
        for line in _rights(kind, asked[kind], made, thing, wanted):
            before = True
            yield line
        if not before:
            yield ok(f"existing: {kind} {thing['name']} is there and fits")
    if "subnet" in found:
        yield from _clusters(found["subnet"], others, wanted)


def _fit(
    kind: str, thing: dict[str, Any], made: Future[Any], versions: dict[str, Future[Any]], wanted: Settings
) -> Iterator[Line]:
    if kind == "cluster":
        if made.result() is None:
            cure = f"choose that one: az account set --subscription {thing['id'].split('/')[2]}"
            yield failure(f"existing: cluster {thing['name']} is in another subscription", cure)
        offered = [one["version"] for one in versions[wanted.location].result()["values"] if not one.get("isPreview")]
        yield from check_cluster.check(thing, offered, wanted)
        if made.result():
            yield from check_argo_cd.check(wanted)
    elif kind in _FIT:
        yield from _FIT[kind](thing, made.result(), wanted)


def _rights(kind: str, one: Asked, made: Future[Any], thing: dict[str, Any], wanted: Settings) -> Iterator[Line]:
    if kind == "network":
        return
    needed = [_GIVE, _JOIN] if kind in ("subnet", "database_subnet") else [_GIVE]
    for action in needed:
        if not azure.allows(one.permissions.result(), action):
            cure = "ask its owner for User Access Administrator, and Network Contributor for a subnet"
            yield failure(f"existing: you may not use {action} on {kind} {thing['name']}", cure)
    cluster = made.result()
    if cluster and kind in _NEEDED:
        who, role = _NEEDED[kind]
        given = {each["principalId"] for each in one.roles.result() if each["roleDefinitionName"] == role}
        if not given & set(_identities(cluster)[who]):
            say = warning if "cluster" in wanted.existing else failure
            yield say(
                f"existing: the {who} lack the role {role} on {kind} {thing['name']}", "run make up, which gives it"
            )


def _identities(cluster: dict[str, Any]) -> dict[str, list[str]]:
    own = (cluster.get("identity") or {}).get("userAssignedIdentities") or {}
    kubelet = (cluster.get("identityProfile") or {}).get("kubeletidentity") or {}
    return {
        "control plane": [one["principalId"] for one in own.values()],
        "nodes": [kubelet["objectId"]] if kubelet else [],
    }


def _ranges(properties: dict[str, Any]) -> list[IPv4Network]:
    listed = properties.get("addressPrefixes") or [properties.get("addressPrefix")]
    return [IPv4Network(one) for one in listed if one and ":" not in one]


def _subnet(thing: dict[str, Any], made: dict[str, Any] | None, wanted: Settings) -> Iterator[Line]:
    properties, name = thing["properties"], thing["name"]
    if delegated := [one["properties"]["serviceName"] for one in properties.get("delegations") or []]:
        yield failure(f"existing: subnet {name} is delegated to {delegated[0]}", "choose one that is not, for nodes")
    # As terraform/platform counts: while pools are upgraded, new nodes stand beside the old ones.
    needed = 2 * sum(nodes.max_count for nodes in wanted.nodes)
    used = len(properties.get("ipConfigurations") or [])
    free = sum(one.num_addresses - _KEPT for one in _ranges(properties)) - used
    if not made and free < needed:
        cure = f"choose a larger one, or lower max_count in {wanted.tfvars}"
        yield failure(f"existing: subnet {name} has {free} free addresses, not {needed}", cure)
    if properties.get("networkSecurityGroup"):
        cure = "let in what load balancers bring, and let out to the API server and the registry"
        yield warning(f"existing: subnet {name} has a security group", cure)
    if properties.get("routeTable"):
        cure = (
            "its default route must not lead elsewhere than to the internet, answers of the load balancer would be lost"
        )
        yield warning(f"existing: subnet {name} has a route table", cure)


def _network(thing: dict[str, Any], _: object, wanted: Settings) -> Iterator[Line]:
    properties = thing["properties"]
    spaces = {thing["name"]: properties["addressSpace"]["addressPrefixes"]}
    for peering in properties.get("virtualNetworkPeerings") or []:
        remote = peering["properties"].get("remoteAddressSpace") or {}
        spaces[f"{thing['name']} and its peer {peering['name']}"] = remote.get("addressPrefixes") or []
    for what, own in wanted.ranges.items():
        for name, prefixes in spaces.items():
            for prefix in prefixes:
                if ":" not in prefix and IPv4Network(own).overlaps(IPv4Network(prefix)):
                    cure = f"choose another for {what} in network in {wanted.tfvars}"
                    yield failure(f"existing: the {what}' range {own} overlaps {prefix} of {name}", cure)


def _clusters(subnet: dict[str, Any], others: Future[Any], wanted: Settings) -> Iterator[Line]:
    """Other clusters of the network must not take our nodes for their services."""
    network = subnet["id"].rpartition("/subnets/")[0].lower()
    for cluster in others.result() or []:
        beside = [str(pool.get("vnetSubnetId") or "").lower() for pool in cluster.get("agentPoolProfiles") or []]
        range_ = (cluster.get("networkProfile") or {}).get("serviceCidr")
        if cluster["name"] == wanted.cluster or not range_ or not any(one.startswith(f"{network}/") for one in beside):
            continue
        if any(one.overlaps(ip_network(range_)) for one in _ranges(subnet["properties"])):
            what = f"subnet {subnet['name']} lies in {range_}, the services' range of the cluster {cluster['name']}"
            yield failure(f"existing: {what}", "choose another subnet: its pods would not reach our nodes")


def _database_subnet(thing: dict[str, Any], _: object, wanted: Settings) -> Iterator[Line]:
    properties, name = thing["properties"], thing["name"]
    if [one["properties"]["serviceName"] for one in properties.get("delegations") or []] != [_SERVER]:
        cure = f"az network vnet subnet update --ids {thing['id']} --delegations {_SERVER}"
        yield failure(f"existing: database_subnet {name} is not delegated to {_SERVER}", cure)
    ranges, told = _ranges(properties), wanted.existing.get("database_range")
    if told not in [str(one) for one in ranges]:
        yield failure(
            f"existing: database_subnet {name} has the range {', '.join(map(str, ranges))}, not {told}",
            "answer existing.database_range anew: network policies name it",
        )
    if all(one.prefixlen > 28 for one in ranges):
        yield failure(f"existing: database_subnet {name} holds fewer than 16 addresses", "choose a larger one")


def _key_vault(thing: dict[str, Any], _: object, __: Settings) -> Iterator[Line]:
    properties, name = thing["properties"], thing["name"]
    if not properties.get("enableRbacAuthorization"):
        cure = f"az keyvault update --name {name} --enable-rbac-authorization true, once nobody needs its policies"
        yield failure(f"existing: key_vault {name} goes by access policies, not by roles", cure)
    if properties.get("publicNetworkAccess") == "Disabled":
        yield warning(
            f"existing: key_vault {name} is closed to the internet", "run make up from where it can be reached"
        )


def _dns_zone(thing: dict[str, Any], _: object, __: Settings) -> Iterator[Line]:
    if not thing["id"].lower().startswith(f"/subscriptions/{azure.subscription().id}/"):
        cure = "leave dns_zone out of the answer existing, and make the records by hand"
        yield failure(f"existing: dns_zone {thing['name']} is in another subscription", cure)


def _registry(thing: dict[str, Any], _: object, __: Settings) -> Iterator[Line]:
    if thing["properties"].get("roleAssignmentMode") == "AbacRepositoryPermissions":
        cure = f"az acr update --name {thing['name']} --role-assignment-mode rbac, or choose another registry"
        yield failure(
            f"existing: registry {thing['name']} gives rights by repository, so AcrPull counts for nothing", cure
        )


_FIT = {
    "subnet": _subnet,
    "network": _network,
    "database_subnet": _database_subnet,
    "key_vault": _key_vault,
    "registry": _registry,
    "dns_zone": _dns_zone,
}
