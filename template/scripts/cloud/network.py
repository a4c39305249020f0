"""Is reached from here what may be in a network: the API server, Key Vault, the registry, the state?"""

import ipaddress
import os
import socket
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

from gitops.process import CommandError

from . import azure
from .azure import Subscription
from .report import Line, Pool, failure, ok, warning
from .settings import Settings

_PATIENCE = 5.0
_INSIDE = "work on a machine in that network: In the network, in README.md"


def reaches(host: str, port: int = 443) -> bool:
    """Tell whether a connection to a host can be opened."""
    try:
        with socket.create_connection((host, port), _PATIENCE):
            return True
    except OSError:
        return False


def is_private(host: str) -> bool:
    """Tell whether a name leads to a private address here."""
    try:
        found = socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return all(ipaddress.ip_address(one[4][0]).is_private for one in found)


def _host(cluster: dict[str, Any]) -> str | None:
    """Return the name of the API server; one that only its network knows where there is no other."""
    return cluster.get("fqdn") or cluster.get("privateFqdn")


def require_api_server(chosen: Subscription, wanted: Settings) -> None:
    """End where the API server is in its network and this machine is not.

    Raises:
        CommandError: it can't be reached from here.
    """
    if wanted.private_api or "cluster" in wanted.existing:
        cluster = azure.cluster(chosen, wanted) or {}
        private = wanted.private_api or (cluster.get("apiServerAccessProfile") or {}).get("enablePrivateCluster")
        if private and (host := _host(cluster)) and not reaches(host):
            raise CommandError(f"the API server of {wanted.cluster} is in its network, this machine is not: {_INSIDE}")


def check(pool: Pool, made: list[Future[Any]], clusters: list[Settings]) -> Iterator[Line]:
    """Check what is there already; of a cluster that was not made yet, nothing."""
    for found, wanted in zip(made, clusters, strict=True):
        cluster = found.result() or {}
        if not (api := _host(cluster)):
            continue
        # Opened to this machine, they have a public address.
        hosts = [] if "TF_VAR_open_to" in os.environ else wanted.private_hosts
        private = {host: pool.call(is_private, host) for host in hosts}
        access = cluster.get("apiServerAccessProfile") or {}
        what = f"network: the API server of {wanted.cluster}"
        if pool.call(reaches, api).result():
            yield ok(f"{what} is reached from here")
        elif access.get("enablePrivateCluster"):
            yield failure(f"{what} is in its network, this machine is not", _INSIDE)
        elif ranges := access.get("authorizedIpRanges"):
            cure = f"add the address of this machine to api_server_authorized_ip_ranges in {wanted.tfvars}"
            yield failure(f"{what} lets in only {', '.join(ranges)}", cure)
        else:
            cure = "see whether the cluster was stopped, or a firewall or proxy is in between"
            yield warning(f"{what} is not reached from here", cure)
        for host, answer in private.items():
            if answer.result():
                yield ok(f"network: {host} is a private address here")
            else:
                yield failure(f"network: {host} has no private address here, and no public one is open", _INSIDE)
