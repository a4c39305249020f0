"""What this installation is called and how large it is, as terraform.tfvars says."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gitops.repository import ROOT

from . import tfvars


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

    project: str
    cluster: str
    location: str
    environments: list[str]
    state_group: str
    state_account: str
    key_vault: str
    purge_protection: bool
    registry: str | None
    database_server: str | None
    kubernetes_version: str | None
    zones: list[str]
    nodes: list[Nodes] = field(default_factory=list)

    @property
    def group(self) -> str:
        """The resource group of everything that terraform/platform makes."""
        return f"rg-{self.cluster}"

    @property
    def node_group(self) -> str:
        """The resource group in which AKS keeps machines, disks and load balancers; it goes with the cluster."""
        return f"rg-{self.cluster}-nodes"


def _nodes(value: dict[str, Any]) -> Nodes:
    return Nodes(value["vm_size"], value["min_count"], value["max_count"], value["os_disk_size_gb"])


def read(repository: Path = ROOT) -> Settings:
    """Return the settings.

    Raises:
        ValueError: terraform.tfvars can't be read or lacks one of them.
    """
    platform, state = tfvars.values("platform", repository), tfvars.values("state", repository)
    try:
        return Settings(
            project=platform["project_name"],
            cluster=platform["cluster_name"],
            location=platform["location"],
            environments=platform["environments"],
            state_group=state["resource_group_name"],
            state_account=state["storage_account_name"],
            key_vault=platform["key_vault_name"],
            purge_protection=platform["key_vault_purge_protection"],
            registry=platform.get("registry_name"),
            database_server=platform.get("database_server_name"),
            kubernetes_version=platform.get("kubernetes_version"),
            zones=platform["zones"],
            nodes=[_nodes(platform["system_nodes"]), _nodes(platform["app_nodes"])],
        )
    except KeyError as error:
        raise ValueError(f"terraform.tfvars of platform or state does not set {error}: add it") from error
