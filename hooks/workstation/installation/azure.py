"""What Azure is asked."""

import os
import re
import socket
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from gitops.process import CommandError, output

from .programs import NO_JSON, json_output
from .settings import Settings

INSIDE = "work on a machine in that network: In the network, in README.md"
_PATIENCE = 5.0


@dataclass(frozen=True)
class Subscription:
    """The subscription that everything is made in."""

    id: str
    name: str
    state: str

    def ask(self, *arguments: str, timeout: float = 120) -> Any:
        """Return the JSON answer of an `az` command in this subscription."""
        return json_output("az", *arguments, "--subscription", self.id, timeout=timeout)

    def call(self, method: str, path: str, body: str | None = None) -> Any:
        """Return the JSON answer of Azure's own API below this subscription."""
        url = f"https://management.azure.com/subscriptions/{self.id}/providers/{path}"
        return json_output("az", "rest", "--method", method, "--url", url, *(["--body", body] if body else []))


def reaches(host: str, port: int = 443) -> bool:
    """Tell whether a connection to a host can be opened."""
    try:
        with socket.create_connection((host, port), _PATIENCE):
            return True
    except OSError:
        return False


def subscription() -> Subscription:
    """Return the subscription that az has chosen, or the one that ARM_SUBSCRIPTION_ID names."""
    chosen = os.environ.get("ARM_SUBSCRIPTION_ID")
    try:
        found = json_output("az", "account", "show", *(["--subscription", chosen] if chosen else []))
    except CommandError as error:
        if chosen and re.search("not found|doesn't exist", error.details):
            cure = "correct or unset ARM_SUBSCRIPTION_ID, or run az login"
            raise CommandError(f"az knows no subscription {chosen}: {cure} ({error})") from error
        if "az login" in error.details:
            raise CommandError("not signed in: run az login, then az account set --subscription NAME") from error
        raise
    if not found:
        raise CommandError(f"az account show {NO_JSON}")
    cloud = found.get("environmentName", "AzureCloud")
    if cloud != "AzureCloud":
        cure = "run az cloud set --name AzureCloud, then az login"
        raise CommandError(f"az is signed in to {cloud}, and this repository is for Azure's public cloud: {cure}")
    return Subscription(found["id"], found["name"], found.get("state", "Enabled"))


def cluster(chosen: Subscription, settings: Settings) -> dict[str, Any] | None:
    """Return what Azure says of our cluster, or None where there is none."""
    for found in chosen.ask("aks", "list") or []:
        if found["name"] == settings.cluster and found["resourceGroup"].lower() == settings.cluster_group.lower():
            return dict(found)
    return None


def owned(chosen: Subscription, name: str, kind: str) -> str | None:
    """Return the resource group that holds a resource of this subscription, or None where there is none."""
    found = chosen.ask("resource", "list", "--name", name, "--resource-type", kind) or []
    return str(found[0]["resourceGroup"]) if found else None


def is_sound(resource: str) -> bool:
    """Tell whether there is a resource, by its id, and Azure has not failed to make it."""
    try:
        state = json_output("az", "resource", "show", "--ids", resource, "--query", "properties.provisioningState")
    except CommandError:
        return False
    return state not in ("Canceled", "Failed")


def role_assignments(scope: str) -> list[dict[str, Any]]:
    """Return the roles that are given at a scope itself."""
    return json_output("az", "role", "assignment", "list", "--scope", scope) or []


def group_exists(chosen: Subscription, name: str) -> bool:
    """Tell whether there is such a resource group."""
    return output("az", "group", "exists", "--name", name, "--subscription", chosen.id).strip() == "true"


def delete_group(chosen: Subscription, name: str) -> str:
    """Return the command that removes a resource group, from this subscription and no other."""
    return f"az group delete --subscription {chosen.id} --name {name}"


def left_in(chosen: Subscription, group: str, cluster: str) -> list[str]:
    """Return the names of what terraform/platform has made for a cluster in a resource group of others, by its tag."""
    if not group_exists(chosen, group):
        return []
    query = f"[?tags.cluster=='{cluster}'].name"
    return [str(one) for one in chosen.ask("resource", "list", "--resource-group", group, "--query", query) or []]


def allows(permissions: list[dict[str, Any]], action: str) -> bool:
    """Tell whether a list of Azure permissions allows an action; `*` stands for any text, case does not count."""

    def among(patterns: list[str]) -> bool:
        return any(fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns)

    return any(among(one.get("actions", [])) and not among(one.get("notActions", [])) for one in permissions)
