"""Who may do what: the built-in roles that the products give, and what each request needs of them."""

import fnmatch
import re
from dataclasses import dataclass, field
from functools import cache
from typing import Any

PRIVILEGED = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"


@dataclass(frozen=True)
class Role:
    """A role definition, as far as the stand-in needs it."""

    name: str
    id: str
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data: tuple[str, ...] = field(default=())

    def allows(self, action: str, *, data: bool) -> bool:
        """Tell whether the role includes an action."""
        included = any(_matches(action, pattern) for pattern in (self.data if data else self.actions))
        return included and (data or not any(_matches(action, pattern) for pattern in self.not_actions))


_VAULT = "Microsoft.KeyVault/vaults"
_BLOBS = "Microsoft.Storage/storageAccounts/blobServices"
_AKS = "Microsoft.ContainerService/managedClusters"
_ROLES = "Microsoft.Authorization/roleAssignments"
# https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
ROLES = (
    Role("Owner", PRIVILEGED, ("*",)),
    Role(
        "Contributor",
        "b24988ac-6180-42a0-ab88-20f7382dd24c",
        ("*",),
        ("Microsoft.Authorization/*/delete", "Microsoft.Authorization/*/write"),
    ),
    Role("Reader", "acdd72a7-3385-48ef-bd42-f606fba81ae7", ("*/read",)),
    Role(
        "Role Based Access Control Administrator",
        "f58310d9-a9f6-439a-9e8d-f62e7b41a168",
        (f"{_ROLES}/write", f"{_ROLES}/delete", "*/read"),
    ),
    Role(
        "Azure Kubernetes Service Cluster User Role",
        "4abbcc35-e782-43d8-92c5-2d3f1bd2253f",
        (f"{_AKS}/read", f"{_AKS}/listClusterUserCredential/action"),
    ),
    Role(
        "Azure Kubernetes Service RBAC Cluster Admin",
        "b1ff04bb-8a4e-4dc4-8eb5-8693973ce19b",
        ("Microsoft.Authorization/*/read", f"{_AKS}/listClusterUserCredential/action"),
        data=(f"{_AKS}/*",),
    ),
    Role(
        "Storage Blob Data Reader",
        "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
        (f"{_BLOBS}/containers/read", f"{_BLOBS}/generateUserDelegationKey/action"),
        data=(f"{_BLOBS}/containers/blobs/read",),
    ),
    Role(
        "Storage Blob Data Contributor",
        "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
        (f"{_BLOBS}/containers/*", f"{_BLOBS}/generateUserDelegationKey/action"),
        data=(f"{_BLOBS}/containers/blobs/*",),
    ),
    Role(
        "Key Vault Secrets Officer",
        "b86a8fe4-44ce-4948-aee5-eccb2c155cd7",
        ("Microsoft.Authorization/*/read", f"{_VAULT}/*/read", "Microsoft.KeyVault/locations/*/read"),
        data=(f"{_VAULT}/secrets/*",),
    ),
    Role(
        "Key Vault Secrets User",
        "4633458b-17de-408a-b874-0445c86b69e6",
        data=(f"{_VAULT}/secrets/getSecret/action", f"{_VAULT}/secrets/readMetadata/action"),
    ),
    Role(
        "Key Vault Crypto Officer",
        "14b46e9e-c2b7-41b4-b07b-48a6ebf60603",
        ("Microsoft.Authorization/*/read", f"{_VAULT}/*/read", "Microsoft.KeyVault/locations/*/read"),
        data=(f"{_VAULT}/keys/*", f"{_VAULT}/keyrotationpolicies/*"),
    ),
    Role(
        "Key Vault Crypto User",
        "12338af0-0e69-4776-bea7-57ae8d297424",
        data=(f"{_VAULT}/keys/read", f"{_VAULT}/keys/sign/action"),
    ),
    Role("AcrPull", "7f951dda-4ed3-4680-a7ca-43fe172d538d", ("Microsoft.ContainerRegistry/registries/pull/read",)),
    Role(
        "AcrPush",
        "8311e382-0749-4cb8-b61a-304f252e45ec",
        ("Microsoft.ContainerRegistry/registries/pull/read", "Microsoft.ContainerRegistry/registries/push/write"),
    ),
    Role(
        "Managed Identity Operator",
        "f1a07417-d97a-45cb-824c-7a7467783830",
        ("Microsoft.ManagedIdentity/userAssignedIdentities/*/read", "Microsoft.Authorization/*/read"),
    ),
    Role(
        "Network Contributor",
        "4d97b98b-1d4f-4787-a291-c67834d212e7",
        ("Microsoft.Authorization/*/read", "Microsoft.Network/*"),
    ),
    Role(
        "DNS Zone Contributor",
        "befefa01-2a29-4197-83a8-272ff33ce314",
        ("Microsoft.Authorization/*/read", "Microsoft.Network/dnsZones/*"),
    ),
    Role(
        "Log Analytics Contributor",
        "92aaf0da-9dab-42b6-94a3-d43ce8d16293",
        ("*/read", "Microsoft.OperationalInsights/*", "Microsoft.Insights/diagnosticSettings/*"),
    ),
    Role(
        "Monitoring Contributor",
        "749f88d5-cbae-40b8-bcfc-e573ddc772fa",
        (
            "*/read",
            "Microsoft.Insights/DataCollectionRuleAssociations/*",
            "Microsoft.Insights/DiagnosticSettings/*",
        ),
    ),
    Role(
        "Monitoring Data Reader",
        "b0d8363b-8ddd-447d-831f-62ca05bff136",
        data=("Microsoft.Monitor/accounts/data/metrics/read",),
    ),
)
BY_ID = {role.id: role for role in ROLES}


@dataclass(frozen=True)
class Assignment:
    """A role assignment; scopes are in lower case."""

    principal: str
    role: Role
    scope: str
    condition: str
    honoured_at: float

    def allows(self, action: str, scope: str, *, data: bool, body: dict[str, Any], clock: float) -> bool:
        """Tell whether a request may be made because of this assignment."""
        inside = scope == self.scope or scope.startswith(self.scope.rstrip("/") + "/")
        if not (inside and clock >= self.honoured_at and self.role.allows(action, data=data)):
            return False
        return not self.condition or _fulfils(self.condition, action, body)


@cache
def _matches(action: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(action.lower(), pattern.lower())


def _fulfils(condition: str, action: str, body: dict[str, Any]) -> bool:
    """Judge the two forms of condition that the products write: roles that may not, or alone may, be handed out."""
    if not re.fullmatch(rf"{_ROLES}/(write|delete)", action, re.IGNORECASE):
        return True
    role = str(body["properties"]["roleDefinitionId"]).rsplit("/", 1)[-1].lower()
    listed = re.search(r"(ForAnyOfAllValues:GuidNotEquals|ForAnyOfAnyValues:GuidEquals) \{([^}]*)\}", condition)
    assert listed, f"a condition that the stand-in can't judge: {condition}"
    ids = [name.strip().lower() for name in listed[2].split(",")]
    return (role in ids) == listed[1].endswith(":GuidEquals")
