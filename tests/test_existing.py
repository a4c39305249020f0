"""What was there before in Azure: `make doctor` looks at it, `make up` uses it, and `make down` leaves it alone."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import fakes as fakes_of
from tests import support
from tests.fakes import Fakes
from tests.in_process import InProcess
from tests.test_up import steps

pytestmark = pytest.mark.slow

ANSWERS = support.answers("what-exists-is-used")["existing"]
GROUP = ANSWERS["resource_group"]
NETWORK = ANSWERS["subnet"].rpartition("/subnets/")[0]
SERVER = "Microsoft.DBforPostgreSQL/flexibleServers"
THINGS: dict[str, dict[str, Any]] = {
    ANSWERS["subnet"]: {"addressPrefixes": ["10.1.0.0/22"]},
    NETWORK: {
        "addressSpace": {"addressPrefixes": ["10.1.0.0/16", "fd00::/48"]},
        "virtualNetworkPeerings": [
            {"name": "office", "properties": {"remoteAddressSpace": {"addressPrefixes": ["10.9.0.0/16"]}}}
        ],
    },
    ANSWERS["database_subnet"]: {
        "addressPrefix": "10.1.4.0/27",
        "delegations": [{"properties": {"serviceName": SERVER}}],
    },
    ANSWERS["key_vault"]: {"enableRbacAuthorization": True},
    ANSWERS["registry"]: {"roleAssignmentMode": "LegacyRegistryPermissions"},
    ANSWERS["log_analytics"]: {},
    ANSWERS["dns_zone"]: {},
}
BESIDE = {
    "name": "aks-other",
    "resourceGroup": "rg-other",
    "agentPoolProfiles": [{"vnetSubnetId": f"{NETWORK}/subnets/other", "vmSize": "Standard_D2ads_v5", "count": 1}],
    "networkProfile": {"serviceCidr": "10.1.0.0/20"},
}


def answer(fakes: Fakes, one: str, properties: dict[str, Any]) -> None:
    """Say what Azure has under an id."""
    thing = {"id": one, "name": one.rpartition("/")[2], "properties": properties}
    fakes.answer(f"az resource show --ids {one} ", json=thing)


@pytest.fixture
def faked(rendered: Callable[[str], Path], tmp_path: Path) -> Fakes:
    """A product that uses all that may be there, which is there."""
    parts = shutil.ignore_patterns("src", "workflows", "actions")
    product = shutil.copytree(rendered("what-exists-is-used"), tmp_path / "product", ignore=parts)
    fakes = fakes_of.around(product, tmp_path / "fakes")
    fakes.change(groups=[GROUP])
    fakes.answer("az group show", json={"name": GROUP, "properties": {}})
    for one, properties in THINGS.items():
        answer(fakes, one, properties)
    return fakes


def said(fakes: Fakes) -> list[str]:
    """What doctor says of what exists."""
    done = fakes.run("doctor")
    assert "Traceback" not in done.stderr
    return [line for line in done.stdout.splitlines() if " existing: " in line]


def test_what_is_as_it_must_be_is_fine(faked: Fakes) -> None:
    found = said(faked)
    assert [line for line in found if not line.startswith("ok ")] == []
    assert len(found) == len(THINGS) + 1


@pytest.mark.parametrize(
    ("one", "properties", "words"),
    [
        (ANSWERS["subnet"], {"addressPrefix": "10.1.0.0/29"}, "subnet aks has 3 free addresses, not 14"),
        (
            ANSWERS["subnet"],
            {"addressPrefix": "10.1.0.0/28", "ipConfigurations": [{}] * 2},
            "subnet aks has 9 free addresses, not 14",
        ),
        (
            ANSWERS["subnet"],
            THINGS[ANSWERS["database_subnet"]],
            f"subnet aks is delegated to {SERVER}: choose one that is not",
        ),
        (ANSWERS["subnet"], {"addressPrefix": "10.1.0.0/22", "networkSecurityGroup": {}}, "aks is there"),
        (
            ANSWERS["subnet"],
            {"addressPrefix": "10.1.0.0/22", "networkSecurityGroup": {"id": "x"}},
            "has a security group",
        ),
        (ANSWERS["subnet"], {"addressPrefix": "10.1.0.0/22", "routeTable": {"id": "x"}}, "aks has a route table"),
        (
            NETWORK,
            {"addressSpace": {"addressPrefixes": ["10.200.0.0/14"]}},
            "the services' range 10.200.0.0/16 overlaps 10.200.0.0/14 of vnet-hub",
        ),
        (
            NETWORK,
            {
                "addressSpace": {"addressPrefixes": ["10.1.0.0/16"]},
                "virtualNetworkPeerings": [
                    {"name": "office", "properties": {"remoteAddressSpace": {"addressPrefixes": ["10.0.0.0/8"]}}}
                ],
            },
            "the pods' range 10.244.0.0/16 overlaps 10.0.0.0/8 of vnet-hub and its peer office",
        ),
        (ANSWERS["database_subnet"], {"addressPrefix": "10.1.4.0/27"}, f"postgres is not delegated to {SERVER}"),
        (
            ANSWERS["database_subnet"],
            THINGS[ANSWERS["database_subnet"]] | {"addressPrefix": "10.1.8.0/27"},
            "postgres has the range 10.1.8.0/27, not 10.1.4.0/27",
        ),
        (ANSWERS["key_vault"], {"enableRbacAuthorization": False}, "goes by access policies, not by roles"),
        (
            ANSWERS["key_vault"],
            {"enableRbacAuthorization": True, "publicNetworkAccess": "Disabled"},
            "kv-contoso is closed to the internet",
        ),
        (ANSWERS["registry"], {"roleAssignmentMode": "AbacRepositoryPermissions"}, "so AcrPull counts for nothing"),
    ],
)
def test_what_does_not_fit_is_named(faked: Fakes, one: str, properties: dict[str, Any], words: str) -> None:
    answer(faked, one, properties)
    assert [line for line in said(faked) if words in line]


def test_what_is_not_there_is_named(faked: Fakes) -> None:
    faked.answer(f"az resource show --ids {ANSWERS['key_vault']} ", status=3, stderr="ResourceNotFound\n")
    assert [line for line in said(faked) if re.match(r"failure +existing: key_vault /subscr\S+ can't be read", line)]


def test_another_cluster_that_takes_our_nodes_for_its_services_is_named(faked: Fakes) -> None:
    faked.answer("az aks list", json=[BESIDE])
    assert [line for line in said(faked) if "the services' range of the cluster aks-other" in line]


def test_rights_are_asked_where_they_are_needed(faked: Fakes) -> None:
    reader = {"value": [{"actions": ["*/read"], "notActions": []}]}
    faked.answer(f"az rest --method get --url https://management.azure.com{ANSWERS['subnet']}/providers", json=reader)
    found = [line for line in said(faked) if line.startswith("failure")]
    assert len(found) == 2
    assert "you may not use Microsoft.Network/virtualNetworks/subnets/join/action on subnet aks" in found[1]


@pytest.mark.parametrize("given", [True, False])
def test_identities_must_have_their_roles_once_the_cluster_is_there(faked: Fakes, given: bool) -> None:
    cluster = {
        "name": "aks-shop",
        "resourceGroup": GROUP,
        "agentPoolProfiles": [],
        "identity": {"userAssignedIdentities": {"x": {"principalId": "1"}}},
        "identityProfile": {"kubeletidentity": {"objectId": "2"}},
    }
    faked.answer("az aks list", json=[cluster])
    roles = [
        {"principalId": "1", "roleDefinitionName": "Network Contributor"},
        {"principalId": "2", "roleDefinitionName": "AcrPull"},
    ]
    faked.answer("az role assignment list", json=roles if given else [])
    found = [line for line in said(faked) if " lack the role " in line]
    assert bool(found) != given, found


def test_up_wants_the_group_to_be_there(faked: Fakes) -> None:
    faked.change(groups=[])
    failed = faked.run("up")
    assert failed.returncode == 1
    assert f"the resource group {GROUP}, which is to be there, is not in this subscription" in failed.stderr
    faked.change(groups=[GROUP])
    assert faked.run("up").returncode == 0


def test_down_leaves_alone_what_it_did_not_make(faked: Fakes) -> None:
    assert faked.run("up").returncode == 0
    faked.calls()
    faked.answer("az group exists --name rg-aks-shop-nodes", stdout="false\n")
    done = faked.run("down", CONFIRM="aks-shop")
    assert done.returncode == 0, done.stderr
    assert [step for step in steps(faked) if "destroy" in step] == ["platform destroy"]
    assert f"The resource group {GROUP} stays" in done.stdout
    for one in [one for one in ANSWERS.values() if one.startswith("/")]:
        assert f" stays: {one}" in done.stdout
    assert "purged" not in done.stdout
    assert not [line for line in done.stdout.splitlines() if line.startswith("  - the registry")]
    assert not [line for line in faked.calls("az") if re.search(r" (delete|purge|remove|update|create) ", line)]
    assert f"--name {GROUP} " not in f"{done.stdout} "


def test_down_without_a_state_does_not_hide_what_is_left_in_a_group_of_others(faked: Fakes) -> None:
    faked.answer(f"az resource list --resource-group {GROUP} … 'aks-shop'", json=["kv-1", "id-1"])
    faked.change(groups=[GROUP])
    failed = faked.run("down", CONFIRM="aks-shop")
    assert failed.returncode == 1
    assert f"but {GROUP} holds kv-1, id-1 with the tag cluster=aks-shop: choose the right subscription" in failed.stderr


def test_down_without_a_state_does_not_tell_to_delete_the_group(faked: Fakes) -> None:
    done = faked.run("down", CONFIRM="aks-shop")
    assert (done.returncode, "Nothing to remove" in done.stdout) == (0, True)
    assert "group delete" not in done.stdout + done.stderr


@pytest.mark.parametrize("kind", ["resource_group", "subnet", "log_analytics", "key_vault", "registry"])
def test_each_kind_alone_leaves_no_blank_line_at_the_end(kind: str, in_process: InProcess, tmp_path: Path) -> None:
    answers = {"registry": "acr", "registry_name": "contosoimages", "existing": {kind: ANSWERS[kind]}}
    in_process.render(answers, tmp_path)
    texts = [path.read_text(encoding="utf-8") for path in tmp_path.glob("terraform/platform/existing*.tf")]
    assert texts
    assert all(text.endswith("}\n") and "\n\n\n" not in text for text in texts)


def test_records_lead_to_the_address_that_the_gateway_has(in_process: InProcess, tmp_path: Path) -> None:
    zone = {"dns_zone": ANSWERS["dns_zone"]}
    in_process.render(
        {
            "registry": "ghcr",
            "expose": "gateway",
            "domain": "shop.contoso.example",
            "private": "ingress",
            "existing": zone,
        },
        tmp_path,
    )
    assert "[var.gateway_address]" in (tmp_path / "terraform/platform/dns.tf").read_text(encoding="utf-8")


CLUSTER = support.answers("existing-cluster")["existing"]["cluster"]
AS_IT_MUST_BE: dict[str, Any] = {
    "oidcIssuerProfile": {"enabled": True},
    "securityProfile": {"workloadIdentity": {"enabled": True}},
    "networkProfile": {"networkPlugin": "azure", "networkPolicy": "cilium"},
    "aadProfile": {"enableAzureRBAC": True},
    "disableLocalAccounts": True,
    "currentKubernetesVersion": "1.36.4",
    "agentPoolProfiles": [{"vnetSubnetID": f"{NETWORK}/subnets/nodes"}],
    "azureMonitorProfile": {"metrics": {"enabled": True}},
    "ingressProfile": {
        "gatewayAPI": {"installation": "Standard"},
        "webAppRouting": {"gatewayAPIImplementations": {"appRoutingIstio": {"mode": "Enabled"}}},
    },
}
THERE = {"name": "aks-platform", "resourceGroup": "rg-platform", "agentPoolProfiles": []}


@pytest.fixture
def beside(rendered: Callable[[str], Path], tmp_path: Path) -> Fakes:
    """A product for a cluster that others have made, in a subscription that has it."""
    parts = shutil.ignore_patterns("src", "workflows", "actions")
    product = shutil.copytree(rendered("existing-cluster"), tmp_path / "product", ignore=parts)
    fakes = fakes_of.around(product, tmp_path / "fakes")
    given = support.answers("existing-cluster")["existing"]
    answer(fakes, given["database_subnet"], THINGS[ANSWERS["database_subnet"]])
    answer(fakes, given["cluster"], AS_IT_MUST_BE)
    fakes.answer("az aks list", json=[THERE])
    fakes.change(
        makes={
            "state": ["azurerm_storage_account.state"],
            "platform": ["azurerm_resource_group.this", "azurerm_role_assignment.first_operator_cluster"],
            "gitops": ["helm_release.argocd", "helm_release.bootstrap"],
        }
    )
    return fakes


def test_a_cluster_as_it_must_be_is_fine(beside: Fakes) -> None:
    found = said(beside)
    assert [line for line in found if not line.startswith("ok ")] == []
    assert any("cluster aks-platform is there and fits" in line for line in found)
    assert not [
        line for line in beside.run("doctor").stdout.splitlines() if re.search("quota|machines|takes its", line)
    ]


@pytest.mark.parametrize(
    ("lack", "words"),
    [
        ({"oidcIssuerProfile": None}, "has no OIDC issuer: .*--enable-oidc-issuer .no node is touched"),
        ({"securityProfile": {}}, "has no workload identity: .*--enable-workload-identity .no node"),
        (
            {"networkProfile": {"networkPlugin": "azure", "networkPolicy": "none"}},
            "enforces no network policies: .*apps --network-dataplane cilium .all nodes are made anew|"
            "enforces no network policies: .*aks-platform --network-dataplane cilium .all nodes are made anew",
        ),
        (
            {"networkProfile": {"networkPlugin": "kubenet"}},
            "enforces no network policies: .*--network-plugin azure --network-plugin-mode overlay",
        ),
        ({"aadProfile": {"managed": True}}, "does not honour roles of Azure.*--enable-aad --enable-azure-rbac"),
        ({"disableLocalAccounts": False}, "has local accounts: .*--disable-local-accounts"),
        ({"currentKubernetesVersion": "1.33.1"}, "has Kubernetes 1.33.1.*--kubernetes-version 1.37 .all nodes"),
        ({"ingressProfile": {}}, "lacks the Gateway API: .*--enable-gateway-api"),
        (
            {"ingressProfile": {"gatewayAPI": {"installation": "Standard"}}},
            "approuting-istio: .*--enable-app-routing-istio",
        ),
        ({"azureMonitorProfile": {}}, "collects no metrics: .*--enable-azure-monitor-metrics"),
        ({"powerState": {"code": "Stopped"}}, "is stopped: az aks start --resource-group rg-platform"),
        (
            {
                "agentPoolProfiles": [
                    {"vnetSubnetID": f"{NETWORK}/subnets/n", "nodeTaints": ["CriticalAddonsOnly=true"]}
                ]
            },
            "has no nodes without a taint",
        ),
        ({"agentPoolProfiles": [{"vnetSubnetID": None}]}, "has its nodes in another network than the database server"),
    ],
)
def test_what_a_cluster_lacks_is_named_with_its_cure(beside: Fakes, lack: dict[str, Any], words: str) -> None:
    answer(beside, CLUSTER, AS_IT_MUST_BE | lack)
    assert [line for line in said(beside) if re.search(words, line)]


def argo_cd(fakes: Fakes, namespace: str, version: str = "v3.6.1") -> None:
    """Let an Argo CD of others run in the cluster."""
    labels = {"app.kubernetes.io/name": "argocd-application-controller"}
    containers = [{"image": f"quay.io/argoproj/argocd:{version}"}]
    item = {
        "metadata": {"namespace": namespace, "labels": labels},
        "spec": {"template": {"spec": {"containers": containers}}},
    }
    fakes.answer("kubectl … get deployments.apps,statefulsets.apps", json={"items": [item]})


def test_an_argo_cd_that_nothing_names_is_found(beside: Fakes) -> None:
    argo_cd(beside, "gitops")
    assert [line for line in said(beside) if "Argo CD runs already (found in gitops): answer existing.argo_cd" in line]


def test_an_add_on_that_is_there_already_is_found(beside: Fakes) -> None:
    crd = {"metadata": {"name": "externalsecrets.external-secrets.io"}}
    beside.answer("kubectl … get customresourcedefinitions", json={"items": [crd]})
    assert [line for line in said(beside) if "external-secrets is in the cluster already" in line]


def test_a_cluster_that_may_not_be_looked_into_is_no_failure(beside: Fakes) -> None:
    beside.answer("kubectl … get deployments.apps,statefulsets.apps", status=1, stderr="Forbidden\n")
    assert [line for line in said(beside) if line.startswith("warning") and "can't be seen (Forbidden)" in line]


def test_a_cluster_of_another_subscription_is_named(beside: Fakes) -> None:
    beside.answer("az aks list", json=[])
    assert [line for line in said(beside) if "cluster aks-platform is in another subscription" in line]


def test_down_takes_out_of_a_cluster_what_up_has_put_in(beside: Fakes) -> None:
    assert beside.run("up").returncode == 0
    beside.calls()
    done = beside.run("down", CONFIRM="aks-platform")
    assert done.returncode == 0, done.stderr
    assert [step for step in steps(beside) if "destroy" in step] == ["gitops destroy", "platform destroy"]
    assert f"cluster stays: {CLUSTER}" in done.stdout
    assert "kubectl delete namespace shop-dev shop-prod removes them" in done.stdout
    assert not [line for line in beside.calls("az") if re.search(r" (delete|purge|remove|update|create) ", line)]


def test_down_of_a_cluster_that_is_gone_forgets_what_was_in_it(beside: Fakes) -> None:
    assert beside.run("up").returncode == 0
    beside.answer("az aks list", json=[])
    done = beside.run("down", CONFIRM="aks-platform")
    assert done.returncode == 0, done.stderr
    assert [step for step in steps(beside) if "destroy" in step] == ["platform destroy"]


GOOD: dict[str, dict[str, str]] = {
    "argocd-cm": {"timeout.reconciliation": "30s"},
    "argocd-cmd-params-cm": {
        "controller.diff.server.side": "true",
        "controller.resource.health.persist": "true",
    },
}


@pytest.fixture
def shared(rendered: Callable[[str], Path], tmp_path: Path) -> Fakes:
    """A product for clusters of others, in which their Argo CD runs."""
    parts = shutil.ignore_patterns("src", "workflows", "actions")
    product = shutil.copytree(rendered("existing-clusters-of-environments"), tmp_path / "product", ignore=parts)
    fakes = fakes_of.around(product, tmp_path / "fakes")
    answers = support.answers("existing-clusters-of-environments")["existing"]
    for environment in ("dev", "prod"):
        own = {kind: text.replace("{environment}", environment) for kind, text in answers.items()}
        answer(fakes, own["cluster"], AS_IT_MUST_BE)
        answer(fakes, own["key_vault"], {"enableRbacAuthorization": True})
    names = {environment: f"aks-platform-{environment}" for environment in ("dev", "prod")}
    fakes.answer("az aks list", json=[{"name": name, "resourceGroup": f"rg-{env}"} for env, name in names.items()])
    argo_cd(fakes, "gitops")
    configured(fakes, GOOD)
    return fakes


def configured(fakes: Fakes, maps: dict[str, dict[str, str]]) -> None:
    items = [{"metadata": {"name": name}, "data": data} for name, data in maps.items()]
    fakes.answer("kubectl … get configmaps", json={"items": items})


def test_an_argo_cd_as_it_must_be_is_fine(shared: Fakes) -> None:
    found = [line for line in said(shared) if "Argo CD" in line]
    assert found == [f"{'ok':<8} existing: Argo CD in gitops is set up as this repository needs it"]


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("argocd-cm", {"application.resourceTrackingMethod": "label"}, "tracks objects by a label"),
        ("argocd-cmd-params-cm", {"controller.diff.server.side": "false"}, "compares without the API server"),
        ("argocd-cmd-params-cm", {"controller.resource.health.persist": "false"}, "keeps no health"),
        ("argocd-cm", {"application.sync.impersonation.enabled": "true"}, "syncs as other accounts"),
        ("argocd-cm", {"resource.exclusions": "- kinds:\n  - NetworkPolicy\n"}, "of the kind NetworkPolicy"),
        ("argocd-cm", {"resource.inclusions": "- kinds: [Service]"}, "sees only what"),
        ("argocd-cm", {"timeout.reconciliation": "300s"}, "looks into Git seldom"),
    ],
)
def test_what_argo_cd_lacks_is_named(shared: Fakes, name: str, data: dict[str, str], words: str) -> None:
    configured(shared, GOOD | {name: GOOD[name] | data})
    assert [line for line in said(shared) if words in line]


def test_an_older_argo_cd_and_one_that_is_elsewhere_are_named(shared: Fakes) -> None:
    argo_cd(shared, "gitops", "v2.14.0")
    found = said(shared)
    assert [line for line in found if "Argo CD is v2.14.0: v3.6 was tried" in line]
    assert [line for line in found if "tracks objects by a label" in line]
    argo_cd(shared, "argocd")
    assert [
        line for line in said(shared) if "is not in the namespace gitops: correct existing.argo_cd (found in" in line
    ]


def test_an_application_of_somebody_else_under_a_name_of_ours_is_named(shared: Fakes) -> None:
    ours = {"argocd.argoproj.io/tracking-id": "aks-platform-dev:argoproj.io/AppProject:gitops/add-ons"}
    items = [
        {"kind": "AppProject", "metadata": {"name": "bootstrap"}},
        {"kind": "AppProject", "metadata": {"name": "add-ons", "annotations": ours}},
        {"kind": "Application", "metadata": {"name": "theirs"}},
    ]
    shared.answer("kubectl … get applications.argoproj.io,appprojects.argoproj.io", json={"items": items})
    found = [line for line in said(shared) if "of somebody else" in line]
    assert {line.partition("has the ")[2].partition(" of somebody")[0] for line in found} == {
        "AppProject bootstrap",
        "AppProject add-ons",  # of prod, where its Application is not aks-platform-dev
    }
