"""What is reached in the network alone: is this machine in it?"""

import ipaddress
import os
import socket
from collections.abc import Iterator

from gitops.process import CommandError

from . import azure
from .azure import INSIDE, Subscription, reaches
from .report import Line, Pool, failure, ok
from .settings import Settings


def is_private(host: str) -> bool:
    """Tell whether a name leads to a private address here."""
    try:
        found = socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return all(ipaddress.ip_address(one[4][0]).is_private for one in found)


def require_api_server(chosen: Subscription, wanted: Settings) -> None:
    """End where the API server is in its network and this machine is not.

    Raises:
        CommandError: it can't be reached from here.
    """
    host = (azure.cluster(chosen, wanted) or {}).get("fqdn")
    if host and not reaches(host):
        raise CommandError(f"the API server of {wanted.cluster} is in its network, this machine is not: {INSIDE}")


def check_hosts(pool: Pool, wanted: Settings) -> Iterator[Line]:
    """Check that Key Vault, the registry and the state have private addresses here."""
    # Opened to this machine, they have a public address.
    hosts = [] if "TF_VAR_open_to" in os.environ else wanted.private_hosts
    for host, answer in {host: pool.call(is_private, host) for host in hosts}.items():
        if answer.result():
            yield ok(f"network: {host} is a private address here")
        else:
            yield failure(f"network: {host} has no private address here, and no public one is open", INSIDE)
