"""What Git says of the database server in Azure is what terraform/platform makes."""

import difflib
import ipaddress
from collections.abc import Iterator

from .documents import Problem, Repository
from .environments import Platform, platforms
from .objects import environments


def check(repository: Repository) -> Iterator[Problem]:
    """Check the server that pods connect to, and the subnet that their policies let them into."""
    for platform in platforms(repository):
        if platform.values.get("database_server_name"):
            yield from _check_platform(repository, platform)


def _check_platform(repository: Repository, platform: Platform) -> Iterator[Problem]:
    server, subnet = platform.values["database_server_name"], platform.values.get("database_subnet")
    host = f"{server}.postgres.database.azure.com"
    own = [one for one in environments(repository) if one.name in platform.environments]
    workloads = [item.document for environment in own for item in environment.workloads]
    workloads += [item for _, item in repository.below(f"{platform.folder}/") if item.kind == "CronJob"]
    for document in workloads:
        for at in (("spec", "template"), ("spec", "jobTemplate", "spec", "template")):
            for container in document.maps(*at, "spec", "containers"):
                for variable in container.maps("env"):
                    value = variable.text("value")
                    named = variable.get("name") in ("DB_HOST", "PGHOST")  # Others may be of other servers.
                    near = difflib.get_close_matches(value, (host,), 1, 0.85) and not value.startswith(server)
                    if named and near and value != host:
                        what = f"is not the server {host} of {platform.path}"
                        yield Problem(*variable.where("value"), f"{what}: make them the same")
    for environment in own:
        policies = environment.of_kind("NetworkPolicy")
        rules = [rule for policy in policies for rule in policy.maps("spec", "egress")]
        postgres = [rule for rule in rules if 5432 in [port.get("port") for port in rule.maps("ports")]]
        peers = [peer for rule in postgres for peer in rule.maps("to") if peer.at("ipBlock", "cidr")]
        if peers and subnet and not any(_is_in(subnet, peer.at("ipBlock", "cidr")) for peer in peers):
            what = f"{peers[0].at('ipBlock', 'cidr')} is not database_subnet of {platform.path}"
            yield Problem(*peers[0].place, f"{what}: make them the same")


def _is_in(subnet: str, cidr: str) -> bool:
    """Tell whether a range holds a subnet; yes, where one of the two is no range."""
    try:
        return ipaddress.IPv4Network(subnet).subnet_of(ipaddress.IPv4Network(cidr))
    except ValueError:
        return True
