"""What Azure does by itself with each kind of resource: defaults, what it fixes for good, names that are unique."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.apply import ids

Body = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """A kind of resource: what a new one gets, and which of its properties can't be changed any more."""

    type: str
    defaults: Callable[[str], Body] = lambda name: {}  # noqa: ARG005
    fixed: tuple[str, ...] = ()
    slow: bool = False
    unique: bool = False
    state: bool = True


def _aks(name: str) -> Body:
    return {
        "sku": {"name": "Base", "tier": "Free"},
        "properties": {
            "currentKubernetesVersion": "1.36.2",
            "kubernetesVersion": "1.36",
            "fqdn": f"{name}-0a1b2c3d.hcp.westeurope.azmk8s.io",
            "azurePortalFQDN": f"{name}-0a1b2c3d.portal.hcp.westeurope.azmk8s.io",
            "powerState": {"code": "Running"},
            "oidcIssuerProfile": {"issuerURL": f"https://westeurope.oic.prod-aks.azure.com/{ids.TENANT}/{ids.new()}/"},
            "supportPlan": "KubernetesOfficial",
            "servicePrincipalProfile": {"clientId": "msi"},
            "maxAgentPools": 100,
            "networkProfile": {
                "loadBalancerProfile": {
                    "managedOutboundIPs": {"count": 1},
                    "effectiveOutboundIPs": [],
                    "backendPoolType": "nodeIPConfiguration",
                },
                "ipFamilies": ["IPv4"],
                "podCidrs": ["10.244.0.0/16"],
                "serviceCidrs": ["10.200.0.0/16"],
            },
            "autoScalerProfile": {
                "balance-similar-node-groups": "false",
                "daemonset-eviction-for-empty-nodes": False,
                "daemonset-eviction-for-occupied-nodes": True,
                "expander": "random",
                "ignore-daemonsets-utilization": False,
                "max-empty-bulk-delete": "10",
                "max-graceful-termination-sec": "600",
                "max-node-provision-time": "15m",
                "max-total-unready-percentage": "45",
                "new-pod-scale-up-delay": "0s",
                "ok-total-unready-count": "3",
                "scale-down-delay-after-add": "10m",
                "scale-down-delay-after-delete": "10s",
                "scale-down-delay-after-failure": "3m",
                "scale-down-unneeded-time": "10m",
                "scale-down-unready-time": "20m",
                "scale-down-utilization-threshold": "0.5",
                "scan-interval": "10s",
                "skip-nodes-with-local-storage": "false",
                "skip-nodes-with-system-pods": "true",
            },
            "storageProfile": {
                "diskCSIDriver": {"enabled": True},
                "fileCSIDriver": {"enabled": True},
                "snapshotController": {"enabled": True},
            },
        },
    }


def _pool(name: str) -> Body:
    del name
    return {
        "properties": {
            "count": 2,
            "osType": "Linux",
            "kubeletDiskType": "OS",
            "currentOrchestratorVersion": "1.36.2",
            "orchestratorVersion": "1.36",
            "powerState": {"code": "Running"},
            "nodeImageVersion": "AKSAzureLinux-V3gen2-202611.01.0",
            "scaleDownMode": "Delete",
            "type": "VirtualMachineScaleSets",
        }
    }


def _vault(name: str) -> Body:
    return {
        "properties": {
            "vaultUri": f"https://{name}.vault.azure.net/",
            "enableSoftDelete": True,
            "publicNetworkAccess": "Enabled",
            "accessPolicies": [],
        }
    }


def _account(name: str) -> Body:
    return {
        "properties": {
            "primaryLocation": "westeurope",
            "statusOfPrimary": "available",
            "accessTier": "Hot",
            "primaryEndpoints": {
                kind: f"https://{name}.{kind}.core.windows.net/" for kind in ("blob", "queue", "table", "file", "dfs")
            }
            | {"web": f"https://{name}.z6.web.core.windows.net/"},
            "networkAcls": {
                "bypass": "AzureServices",
                "defaultAction": "Allow",
                "ipRules": [],
                "virtualNetworkRules": [],
            },
            "publicNetworkAccess": "Enabled",
            "encryption": {
                "keySource": "Microsoft.Storage",
                "services": {kind: {"enabled": True, "keyType": "Account"} for kind in ("blob", "file")},
            },
        }
    }


def _identity(name: str) -> Body:
    del name
    return {"properties": {"principalId": ids.new(), "clientId": ids.new(), "tenantId": ids.TENANT}}


def _registry(name: str) -> Body:
    return {
        "properties": {
            "loginServer": f"{name.lower()}.azurecr.io",
            "adminUserEnabled": False,
            "publicNetworkAccess": "Enabled",
            "zoneRedundancy": "Disabled",
            "dataEndpointEnabled": False,
            "networkRuleBypassOptions": "AzureServices",
            "anonymousPullEnabled": False,
            "policies": {
                "quarantinePolicy": {"status": "disabled"},
                "trustPolicy": {"type": "Notary", "status": "disabled"},
                "retentionPolicy": {"days": 7, "status": "disabled"},
                "exportPolicy": {"status": "enabled"},
                "azureADAuthenticationAsArmPolicy": {"status": "enabled"},
            },
        }
    }


def _address(name: str) -> Body:
    del name
    return {
        "properties": {
            "ipAddress": "203.0.113.10",
            "idleTimeoutInMinutes": 4,
            "publicIPAddressVersion": "IPv4",
            "ddosSettings": {"protectionMode": "VirtualNetworkInherited"},
            "ipTags": [],
        }
    }


def _database(name: str) -> Body:
    return {
        "properties": {
            "fullyQualifiedDomainName": f"{name}.postgres.database.azure.com",
            "state": "Ready",
            "minorVersion": "1",
            "availabilityZone": "1",
            "replicationRole": "Primary",
            "replicaCapacity": 5,
            "replica": {"role": "Primary"},
            "authConfig": {"activeDirectoryAuth": "Disabled", "passwordAuth": "Enabled"},
            "dataEncryption": {"type": "SystemManaged"},
            "highAvailability": {"mode": "Disabled", "state": "NotEnabled"},
            "storage": {"tier": "P10", "iops": 500, "type": ""},
        }
    }


def _workspace(name: str) -> Body:
    del name
    return {
        "properties": {
            "customerId": ids.new(),
            "publicNetworkAccessForIngestion": "Enabled",
            "publicNetworkAccessForQuery": "Enabled",
            "workspaceCapping": {"dailyQuotaGb": -1.0},
            "features": {"enableLogAccessUsingOnlyResourcePermissions": True},
        }
    }


def _with(**properties: Any) -> Callable[[str], Body]:
    return lambda name: {"properties": copy.deepcopy(properties)}  # noqa: ARG005


KINDS = {
    kind.type.lower(): kind
    for kind in (
        Kind("Microsoft.Resources/resourceGroups"),
        Kind("Microsoft.Authorization/roleAssignments", state=False),
        Kind("Microsoft.ContainerService/managedClusters", _aks, slow=True, fixed=("nodeResourceGroup", "dnsPrefix")),
        Kind(
            "Microsoft.ContainerService/managedClusters/agentPools",
            _pool,
            slow=True,
            fixed=("availabilityZones", "vmSize", "osDiskType", "vnetSubnetID"),
        ),
        Kind("Microsoft.ContainerService/managedClusters/maintenanceConfigurations", state=False),
        Kind(
            "Microsoft.KeyVault/vaults",
            _vault,
            fixed=("softDeleteRetentionInDays", "enablePurgeProtection"),
            unique=True,
        ),
        Kind("Microsoft.Storage/storageAccounts", _account, slow=True, fixed=("sku.name",), unique=True),
        Kind("Microsoft.Storage/storageAccounts/blobServices", state=False),
        Kind("Microsoft.Storage/storageAccounts/fileServices", state=False),
        Kind("Microsoft.Storage/storageAccounts/managementPolicies", state=False),
        Kind(
            "Microsoft.Storage/storageAccounts/blobServices/containers",
            _with(publicAccess="None", hasImmutabilityPolicy=False, hasLegalHold=False),
            state=False,
        ),
        Kind("Microsoft.ManagedIdentity/userAssignedIdentities", _identity, state=False),
        Kind("Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials", state=False),
        Kind("Microsoft.ContainerRegistry/registries", _registry, fixed=("zoneRedundancy",), unique=True),
        Kind("Microsoft.ContainerRegistry/registries/replications"),
        Kind("Microsoft.ContainerRegistry/registries/tasks", _with(status="Enabled", timeout=3600)),
        Kind("Microsoft.Network/publicIPAddresses", _address, fixed=("zones", "publicIPAllocationMethod")),
        Kind("Microsoft.Network/privateEndpoints", slow=True),
        Kind("Microsoft.Network/privateEndpoints/privateDnsZoneGroups", slow=True),
        Kind("Microsoft.Network/virtualNetworks", _with(enableDdosProtection=False)),
        Kind(
            "Microsoft.Network/virtualNetworks/subnets",
            _with(privateEndpointNetworkPolicies="Disabled", privateLinkServiceNetworkPolicies="Enabled"),
        ),
        Kind("Microsoft.Network/networkSecurityGroups"),
        Kind("Microsoft.Network/networkSecurityGroups/securityRules"),
        Kind("Microsoft.Network/dnsZones", _with(maxNumberOfRecordSets=10000, numberOfRecordSets=2)),
        Kind("Microsoft.Network/dnsZones/A", state=False),
        Kind("Microsoft.Network/privateDnsZones", _with(maxNumberOfRecordSets=25000, numberOfRecordSets=1)),
        Kind("Microsoft.Network/privateDnsZones/SOA", state=False),
        Kind("Microsoft.Network/privateDnsZones/virtualNetworkLinks", _with(virtualNetworkLinkState="Completed")),
        Kind(
            "Microsoft.DBforPostgreSQL/flexibleServers",
            _database,
            slow=True,
            unique=True,
            fixed=("backup.geoRedundantBackup", "network.delegatedSubnetResourceId"),
        ),
        Kind("Microsoft.DBforPostgreSQL/flexibleServers/databases", slow=True, state=False),
        Kind("Microsoft.DBforPostgreSQL/flexibleServers/configurations", slow=True, state=False),
        Kind("Microsoft.OperationalInsights/workspaces", _workspace),
        Kind("Microsoft.OperationalInsights/deletedWorkspaces"),
        Kind("Microsoft.Insights/diagnosticSettings", state=False),
        Kind("Microsoft.Insights/actionGroups", state=False),
        Kind("Microsoft.Insights/metricAlerts", state=False),
        Kind("Microsoft.Insights/dataCollectionEndpoints"),
        Kind("Microsoft.Insights/dataCollectionRules"),
        Kind("Microsoft.Insights/dataCollectionRuleAssociations", state=False),
        Kind("Microsoft.AlertsManagement/prometheusRuleGroups", state=False),
        Kind("Microsoft.Dashboard/dashboards"),
        Kind("Microsoft.Dashboard/dashboards/dashboardDefinitions"),
        Kind(
            "Microsoft.Monitor/accounts",
            lambda name: {
                "properties": {
                    "accountId": ids.new(),
                    "publicNetworkAccess": "Enabled",
                    "metrics": {
                        "prometheusQueryEndpoint": f"https://{name}.westeurope.prometheus.monitor.azure.com",
                        "internalId": f"mac_{name}",
                    },
                }
            },
            slow=True,
        ),
        Kind("Microsoft.Resources/deployments"),
    )
}
# In the spelling of `az provider list`, which differs from that of the resources' ids.
NAMESPACES = sorted(
    {"microsoft.insights"} | {kind.type.split("/")[0] for kind in KINDS.values()} - {"Microsoft.Insights"}
)
# What a new subscription has by itself.
ALWAYS = {"microsoft.resources", "microsoft.authorization"}
