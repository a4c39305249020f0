"""Is the cluster that was there before as it must be?"""

from collections.abc import Iterator
from typing import Any

from .report import Line, failure, warning
from .settings import Settings

_STAY, _NEW = "no node is touched", "all nodes are made anew"


def check(thing: dict[str, Any], offered: list[str], wanted: Settings) -> Iterator[Line]:
    """Check all that Azure says of it: each line has the command by which its owner mends it, and what that costs.

    Args:
        thing: the cluster as `az resource show` prints it.
        offered: versions of Kubernetes that its region has.
        wanted: what this repository needs of it.
    """
    properties, name = thing["properties"], thing["name"]
    what, where = f"existing: cluster {name}", f"--resource-group {wanted.cluster_group} --name {name}"

    def has(path: str) -> Any:
        found: Any = properties
        for key in path.split("."):
            found = (found or {}).get(key)
        return found

    if (thing.get("sku") or {}).get("name") == "Automatic":
        yield failure(f"{what} is AKS Automatic, which azurerm can't look up", "name another in existing")
        return
    if has("powerState.code") == "Stopped":
        yield failure(f"{what} is stopped", f"az aks start {where}")
    network = has("networkProfile.networkPlugin")
    dataplane = "--network-dataplane cilium"
    if network != "azure":
        dataplane = f"--network-plugin azure --network-plugin-mode overlay, then the same with {dataplane}"
    needed: list[tuple[bool, str, str, str]] = [
        (bool(has("oidcIssuerProfile.enabled")), "has no OIDC issuer", "--enable-oidc-issuer", _STAY),
        (
            bool(has("securityProfile.workloadIdentity.enabled")),
            "has no workload identity",
            "--enable-oidc-issuer --enable-workload-identity",
            _STAY,
        ),
        (
            has("networkProfile.networkPolicy") not in (None, "none"),
            "enforces no network policies",
            dataplane,
            _NEW,
        ),
        (
            bool(has("aadProfile.enableAzureRBAC")),
            "does not honour roles of Azure (Entra RBAC)",
            "--enable-aad --enable-azure-rbac",
            f"{_STAY}, and whoever signed in by a certificate needs a role",
        ),
        (
            bool(has("disableLocalAccounts")),
            "has local accounts",
            "--disable-local-accounts",
            f"{_STAY}; az aks rotate-certs ends certificates that were given out, and makes all nodes anew",
        ),
    ]
    if wanted.gateway:
        needed += [
            (
                has("ingressProfile.gatewayAPI.installation") == "Standard",
                "lacks the Gateway API",
                "--enable-gateway-api",
                _STAY,
            ),
            (
                has("ingressProfile.webAppRouting.gatewayAPIImplementations.appRoutingIstio.mode") == "Enabled",
                "has nothing that serves Gateways of the class approuting-istio",
                "--enable-gateway-api --enable-app-routing-istio",
                _STAY,
            ),
        ]
    if wanted.backup_account:
        needed.append(
            (
                has("storageProfile.diskCSIDriver.enabled") is not False,
                "can't make disks",
                "--enable-disk-driver",
                _STAY,
            )
        )
    if wanted.monitored:
        needed.append(
            (
                bool(has("azureMonitorProfile.metrics.enabled")),
                "collects no metrics",
                "--enable-azure-monitor-metrics",
                _STAY,
            )
        )
    for holds, lack, option, cost in needed:
        if not holds:
            yield failure(f"{what} {lack}", f"az aks update {where} {option} ({cost})")
    version = str(has("currentKubernetesVersion") or has("kubernetesVersion"))
    minor = ".".join(version.split(".")[:2])
    if minor not in offered:
        cure = f"az aks upgrade {where} --kubernetes-version {max(offered, key=_number)} ({_NEW})"
        yield failure(f"{what} has Kubernetes {version}, which {wanted.location} does not offer any more", cure)
    pools = has("agentPoolProfiles") or []
    if pools and all(pool.get("nodeTaints") for pool in pools):
        cure = f"az aks nodepool add --resource-group {wanted.cluster_group} --cluster-name {name} --name apps"
        yield failure(f"{what} has no nodes without a taint", cure)
    if wanted.database_server:
        server = wanted.existing["database_subnet"].partition("/subnets/")[0].lower()
        networks = {str(pool.get("vnetSubnetID") or "").partition("/subnets/")[0].lower() for pool in pools}
        if networks and networks != {server}:
            cure = "peer both, and link the server's private DNS zone to that of the nodes"
            yield warning(f"{what} has its nodes in another network than the database server", cure)


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
