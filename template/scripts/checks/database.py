"""Pods name the database server that terraform/platform makes, and policies let them reach it."""

import difflib
import ipaddress
from collections.abc import Iterator

from .documents import Problem, Repository
from .environments import Platform, platforms
from .objects import Workload, environments, is_workload


def check_servers(repository: Repository) -> Iterator[Problem]:
    """Check that pods name the server of their cluster: not that of another one, and not nearly this one."""
    found = [one for one in platforms(repository) if one.values.get("database_server_name")]
    hosts = {_host(one) for one in found}
    for platform in found:
        server, host = str(platform.values["database_server_name"]), _host(platform)
        own = [one for one in environments(repository) if one.name in platform.environments]
        workloads = [item for environment in own for item in environment.workloads]
        workloads += [Workload(one) for _, one in repository.below(f"{platform.folder}/") if is_workload(one)]
        for variable in (one for item in workloads for one in item.variables):
            value = variable.text("value")
            near = difflib.get_close_matches(value, [host], 1, 0.85)
            # Others have names of the same form.
            other = value in hosts - {host} or (near and not value.startswith(server.rpartition("-")[0]))
            if variable.get("name") in ("DB_HOST", "PGHOST") and other:
                what = f"is not the server {host} of {platform.path}"
                yield Problem(*variable.where("value"), f"{what}: make them the same")


def _host(platform: Platform) -> str:
    return f"{platform.values['database_server_name']}.postgres.database.azure.com"


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
