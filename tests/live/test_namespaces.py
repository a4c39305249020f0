"""What the namespaces of environments and previews refuse: Kubernetes' own API server, with what the product's Terraform gives it.

Whoever may edit `apps/` writes these objects, and Argo CD brings them. Each that must be refused is admitted first in a
namespace that nothing guards, so that no other rule is what refuses it.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from tests import support

from . import deploy_identity
from .api import ApiError
from .cluster import Cluster
from .processes import wait_for

pytestmark = pytest.mark.live

GUARDED = ("shop-dev", "shop-prod", "shop-pr-7")
FREE = "shop"
LEVEL = "pod-security.kubernetes.io/enforce"
SERVICE = {"selector": {"app": "web"}, "ports": [{"port": 80}]}
POD: dict[str, Any] = {
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [
        {
            "name": "web",
            "image": "web",
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        }
    ],
}

# Kind and spec of what is refused, with words of the reason.
REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "an address of somebody else": ("Service", SERVICE | {"externalIPs": ["10.0.0.1"]}, "no externalIPs"),
    "the name of somebody else": (
        "Service",
        {"type": "ExternalName", "externalName": "argocd-server.argocd.svc.cluster.local"},
        "no ExternalName",
    ),
    "a pod before all others": (
        "Pod",
        POD | {"priorityClassName": "system-cluster-critical"},
        "no priority of the system",
    ),
}
TAKEN: dict[str, tuple[str, dict[str, Any]]] = {
    "a Service": ("Service", SERVICE),
    "a load balancer": ("Service", SERVICE | {"type": "LoadBalancer"}),
    "a headless Service": ("Service", {"clusterIP": "None", "ports": [{"port": 5432}]}),
    "a pod": ("Pod", POD),
}
LABELS: dict[str, dict[str, str]] = {
    "privileged": {LEVEL: "privileged"},
    "baseline": {LEVEL: "baseline"},
    "no level": {},
    "the level of an old Kubernetes": {LEVEL: "restricted", f"{LEVEL}-version": "v1.0"},
}


@pytest.fixture(scope="module")
def server(api_server: Cluster, product_with_previews: Path, tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    """The API server with the policies, and the namespaces."""
    folder = tmp_path_factory.mktemp("policies") / "policies"
    policies = deploy_identity.access(
        product_with_previews, list(GUARDED[:2]), folder, "namespaces", "namespaces_access"
    )
    wait_for("the API server has its own priority classes", lambda: bool(classes(api_server)), 30)
    api_server.apply(policies)
    for name in (FREE, *GUARDED):
        said(api_server, namespace(name, {LEVEL: "restricted"}), "")
        api_server.apply(
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": name}}
        )
    wait_for(
        "the policies are in force", lambda: said(api_server, namespace("shop-dev", {LEVEL: "baseline"})) != "", 30
    )
    return api_server


@pytest.fixture(scope="module")
def product_with_previews(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A product whose previews are shop-pr-NUMBER."""
    folder = tmp_path_factory.mktemp("shop")
    return support.render(
        support.export_template(folder / "template"), folder / "product", {"project_name": "shop", "previews": True}
    )


def classes(server: Cluster) -> Any:
    return server.api.find("/apis/scheduling.k8s.io/v1/priorityclasses/system-cluster-critical")


def namespace(name: str, labels: dict[str, str]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def said(server: Cluster, item: dict[str, Any], how: str = "&dryRun=All") -> str:
    """What the API server says to an object as Argo CD applies it, without keeping it; "" if it takes it."""
    metadata = item["metadata"]
    plural = {"Namespace": "namespaces", "Pod": "pods", "Service": "services"}[item["kind"]]
    folder = f"/namespaces/{metadata['namespace']}" if "namespace" in metadata else ""
    path = f"/api/v1{folder}/{plural}/{metadata['name']}?fieldManager=argocd-controller&force=true{how}"
    try:
        server.api.request("PATCH", path, item, "application/apply-patch+yaml")
    except ApiError as error:
        return str(error)
    return ""


def item_of(kind: str, spec: dict[str, Any], where: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {"name": "web", "namespace": where},
        "spec": copy.deepcopy(spec),
    }


@pytest.mark.parametrize("name", REFUSED)
def test_what_reaches_others_is_refused(server: Cluster, name: str) -> None:
    kind, spec, words = REFUSED[name]
    assert said(server, item_of(kind, spec, FREE)) == ""
    for where in GUARDED:
        assert words in said(server, item_of(kind, spec, where))


def test_a_service_can_not_be_changed_to_it_later(server: Cluster) -> None:
    path = "/api/v1/namespaces/shop-dev/services"
    server.api.request("POST", path, item_of("Service", SERVICE, "shop-dev"))
    for change in ({"externalIPs": ["10.0.0.1"]}, {"type": "ExternalName", "externalName": "kubernetes.default"}):
        with pytest.raises(ApiError, match="A Service here"):
            server.api.patch(f"{path}/web", {"spec": change})
    server.api.request("DELETE", f"{path}/web")


@pytest.mark.parametrize("name", TAKEN)
def test_what_an_environment_needs_is_taken(server: Cluster, name: str) -> None:
    for where in GUARDED:
        assert said(server, item_of(*TAKEN[name], where)) == ""


@pytest.mark.parametrize("name", LABELS)
def test_no_namespace_of_an_environment_lowers_its_pod_security(server: Cluster, name: str) -> None:
    relabelled = LABELS[name]
    assert said(server, namespace("another", relabelled)) == ""
    for where in (*GUARDED, "shop-pr-8"):
        assert "This namespace must enforce" in said(server, namespace(where, relabelled))


def test_a_new_preview_gets_a_namespace(server: Cluster) -> None:
    assert said(server, namespace("shop-pr-8", {LEVEL: "restricted", f"{LEVEL}-version": "latest"})) == ""


def test_labels_can_not_be_taken_off_by_a_patch(server: Cluster) -> None:
    for labels in ({LEVEL: None}, {LEVEL: "privileged"}, {f"{LEVEL}-version": "v1.20"}):
        with pytest.raises(ApiError, match="This namespace must enforce"):
            server.api.patch("/api/v1/namespaces/shop-prod", {"metadata": {"labels": labels}})
