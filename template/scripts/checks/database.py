"""Policies let pods reach the database server in Azure, where terraform/platform puts it."""

import ipaddress
from collections.abc import Iterator

from .documents import Problem, Repository
from .environments import platforms
from .objects import environments


def check(repository: Repository) -> Iterator[Problem]:
    """Check every environment whose policies let pods out to ranges of addresses, for Postgres too."""
    for platform in platforms(repository):
        subnet = str(platform.values.get("database_subnet") or "")
        for environment in environments(repository) if subnet else ():
            policies = environment.of_kind("NetworkPolicy") if environment.name in platform.environments else []
            rules = [rule for policy in policies for rule in policy.maps("spec", "egress")]
            ranges = [peer for rule in rules for peer in rule.maps("to") if peer.at("ipBlock", "cidr")]
            postgres = [rule for rule in rules if 5432 in [port.get("port") for port in rule.maps("ports")]]
            meant = [peer for rule in postgres for peer in rule.maps("to") if peer in ranges]
            if meant and not any(_is_in(subnet, peer.at("ipBlock", "cidr")) for peer in ranges):
                what = f"{meant[0].at('ipBlock', 'cidr')} is not database_subnet of {platform.path}"
                yield Problem(*meant[0].place, f"{what}: make them the same")


def _is_in(subnet: str, cidr: str) -> bool:
    """Tell whether a range holds a subnet; yes, where one of the two is no range."""
    try:
        return ipaddress.IPv4Network(subnet).subnet_of(ipaddress.IPv4Network(cidr))
    except ValueError:
        return True
