"""What this installation is called and how large it is, as terraform.tfvars says."""

import argparse
from dataclasses import dataclass, field
from typing import Any

from cloud import tfvars
from gitops.repository import own_clusters

# What terraform/platform takes where its values say nothing.
_PODS, _SERVICES = "10.244.0.0/16", "10.200.0.0/16"


@dataclass(frozen=True)
class Nodes:
    """A node pool: the size of its machines, how many at least and at most, and the disk of each in GiB."""

    vm_size: str
    min_count: int
    max_count: int
    disk: int


@dataclass(frozen=True)
class Settings:
    """Names and sizes of this installation."""

    cluster: str
    # The one that the cluster is for, where each environment has a cluster of its own.
    environment: str | None
    location: str
    environments: list[str]
    # The resource group of everything that terraform/platform makes.
    group: str
    # That in which AKS keeps machines, disks and load balancers; it goes with the cluster. None of a cluster of others.
    node_group: str | None
    # The resource group of the cluster itself.
    cluster_group: str
    state_group: str
    state_account: str
    key_vault: str
    purge_protection: bool
    registry: str | None
    registry_group: str
    previews_registry: str | None
    database_server: str | None
    backup_account: str | None
    # Variables that services get from Key Vault, in every environment.
    secrets: list[str]
    kubernetes_version: str | None
    zones: list[str]
    # What was there before and stays, by its kind: full ids, and whether the resource group is such.
    existing: dict[str, Any]
    # Ranges of pods and services.
    ranges: dict[str, str]
    # The API server is in the network; these hosts have no public address.
    private_api: bool
    private_hosts: list[str]
    gateway: bool
    monitored: bool
    nodes: list[Nodes] = field(default_factory=list)

    def outside(self, subscription: str) -> set[str]:
        """Return the ids of what was there before, in lower case."""
        ids = [str(one) for one in self.existing.values() if str(one).startswith("/")]
        if "resource_group" in self.existing:
            ids.append(f"/subscriptions/{subscription}/resourceGroups/{self.group}")
        return {one.lower() for one in ids}

    @property
    def tfvars(self) -> str:
        """The file in which terraform/platform is told all this."""
        return f"terraform/platform/{tfvars.name(self.environment)}"


def _nodes(value: dict[str, Any]) -> Nodes:
    return Nodes(value["vm_size"], value["min_count"], value["max_count"], value["os_disk_size_gb"])


def _private_hosts(platform: dict[str, Any], state: dict[str, Any]) -> list[str]:
    registry = platform.get("registry_name")
    hosts = [f"{platform['key_vault_name']}.vault.azure.net", f"{state['storage_account_name']}.blob.core.windows.net"]
    return [*hosts, *([f"{registry}.azurecr.io"] if registry else [])]


def entry(environment: str, name: str) -> str:
    """Return the secret of Key Vault that a variable comes from, as terraform/platform names it."""
    return f"{environment}-{name.lower().replace('_', '-')}"


def add_choice(parser: argparse.ArgumentParser) -> None:
    """Let a command be about the clusters of some environments, where each has one of its own."""
    known = own_clusters()
    which = f"only the clusters of these: {', '.join(known)}" if known else argparse.SUPPRESS
    parser.add_argument("environments", metavar="ENVIRONMENT", nargs="*", help=which)


def again(command: str, environments: list[str], given: str = "") -> str:
    """Return how a command is called again for the same clusters, with a variable such as `APPROVE=yes`."""
    called = [f"make {command}", *(f"ENV={name}" for name in environments), given]
    if len(environments) > 1:  # Of two values of ENV, Make takes the last.
        called = [given, f"scripts/from-template {command}", *environments]
    return " ".join(filter(None, called))


def clusters(names: list[str] | None = None) -> list[Settings]:
    """Return the settings of every cluster in the order of their environments, or of those of some environments.

    Raises:
        ValueError: a file of values can't be read or lacks one of them, or there is no such environment.
    """
    known = own_clusters()
    if unknown := [name for name in names or [] if name not in known]:
        if not known:
            cure = f"leave ENV={unknown[0]} out, it is about all of them"
            raise ValueError(f"all environments share one cluster: {cure}")
        raise ValueError(f"there is no environment {unknown[0]!r}: choose one of {', '.join(known)}")
    chosen = [name for name in known if name in names] if names else known
    return [_read(name) for name in chosen] or [_read(None)]


def _read(environment: str | None) -> Settings:
    """Return the settings of the cluster that all environments share, or of an environment's own."""
    platform, state = tfvars.values("platform", environment), tfvars.values("state")
    existing, network = platform.get("existing", {}), platform.get("network", {})
    # AKS Automatic has none of its own; it says for itself whether it is private.
    pools = () if "private_cluster" in platform or "cluster" in existing else ("system_nodes", "app_nodes")
    try:
        return Settings(
            cluster=platform["cluster_name"],
            environment=environment,
            location=platform["location"],
            environments=platform["environments"],
            group=(group := platform["names"]["resource_group"]),
            node_group=platform["names"].get("node_resource_group"),
            cluster_group=cluster.split("/")[4] if (cluster := existing.get("cluster")) else group,
            state_group=state["resource_group_name"],
            state_account=state["storage_account_name"],
            key_vault=platform["key_vault_name"],
            purge_protection=platform.get("key_vault_purge_protection", False),
            registry=platform.get("registry_name"),
            registry_group=platform.get("registry_resource_group_name", group),
            existing=existing,
            ranges={"pods": network.get("pods", _PODS), "services": network.get("services", _SERVICES)},
            previews_registry=platform.get("previews_registry_name"),
            database_server=platform.get("database_server_name"),
            backup_account=platform.get("database_backups", {}).get("storage_account_name"),
            secrets=platform.get("service_secrets", []),
            kubernetes_version=platform.get("kubernetes_version"),
            zones=platform.get("zones", []),
            private_api=platform.get("private_cluster", "api_server_subnet" in platform),
            private_hosts=_private_hosts(platform, state) if "private_endpoints_subnet" in platform else [],
            gateway="gateway_address_name" in platform or "gateway_address" in platform,
            monitored="monitoring_names" in platform,
            nodes=[_nodes(platform[key]) for key in pools],
        )
    except KeyError as error:
        raise ValueError(
            f"{tfvars.name(environment)} of platform, or terraform.tfvars of state, does not set {error}: add it"
        ) from error
