"""No namespace gets a secret of another, on a real API server; External Secrets and Key Vault are the stand-in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from tests import support

from . import deploy_identity
from .api import ApiError
from .cluster import Cluster
from .processes import wait_for
from .secrets_operator import SecretsOperator
from .world import generate

pytestmark = pytest.mark.live

PROJECT = "vaulted"
DEV, PROD, ROLES = f"{PROJECT}-dev", f"{PROJECT}-prod", "database-roles"
ADMINISTRATOR = "database-administrator-password"


@pytest.fixture(scope="module")
def vaulted(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster with the stores, accounts and ExternalSecrets of a product with a database of Azure."""
    folder = tmp_path_factory.mktemp("vaulted")
    product = generate(folder, project_name=PROJECT, cluster_name="aks-vaulted", database="azure")
    cluster.install_crds("external-secrets")
    accounts, roles = deploy_identity.readers(product, folder / "readers")
    cluster.apply(accounts)
    folders = [
        *support.overlays(product),
        *product.glob("clusters/*/database-roles"),
        *product.glob("clusters/*/external-secrets"),
    ]
    objects = [item for path in folders for item in support.kustomize(path)]
    for kind in ("Namespace", "ClusterSecretStore", "ExternalSecret"):
        cluster.apply([item for item in objects if item["kind"] == kind])
    operator = SecretsOperator(cluster.api, roles)
    yield cluster
    operator.stop()
    cluster.kubectl("delete", "clustersecretstores.external-secrets.io", "--all")
    cluster.kubectl("delete", "namespace", DEV, PROD, ROLES, "external-secrets")


def secret(cluster: Cluster, namespace: str, name: str) -> Any:
    return cluster.api.find(f"/api/v1/namespaces/{namespace}/secrets/{name}")


def said(cluster: Cluster, namespace: str, name: str) -> Any:
    found = cluster.api.get(f"/apis/external-secrets.io/v1/namespaces/{namespace}/externalsecrets/{name}")
    return found.get("status", {}).get("conditions", [{}])[0]


@pytest.mark.parametrize(("namespace", "name"), [(DEV, "database"), (PROD, "database"), (ROLES, "roles")])
def test_each_namespace_gets_its_own(vaulted: Cluster, namespace: str, name: str) -> None:
    wait_for(f"{namespace} has its Secret", lambda: secret(vaulted, namespace, name) is not None, 30)


def entry(key: str) -> dict[str, Any]:
    return {"data": [{"secretKey": "x", "remoteRef": {"key": key}}]}


LIST = {"dataFrom": [{"find": {"name": {"regexp": ".*"}}}]}
ATTACKS = {
    "the-store-of-prod": ("key-vault-prod", entry("prod-database-password")),
    "the-secret-of-prod": ("key-vault-dev", entry("prod-database-password")),
    "the-secret-of-prod-as-a-whole": ("key-vault-dev", {"dataFrom": [{"extract": {"key": "prod-database-password"}}]}),
    "the-administrator": ("key-vault-dev", entry(ADMINISTRATOR)),
    "the-administrator-by-the-store-of-the-job": ("database-roles", entry(ADMINISTRATOR)),
    "the-whole-vault": ("key-vault-dev", LIST),
    "the-whole-vault-by-the-store-of-the-job": ("database-roles", LIST),
    "the-store-of-before": ("key-vault", entry("prod-database-password")),
}


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("by_entry", [False, True], ids=["by-the-store", "by-an-entry"])
def test_dev_gets_nothing_else(vaulted: Cluster, attack: str, by_entry: bool) -> None:
    name, what = ATTACKS[attack]
    store, own = ({"kind": "ClusterSecretStore", "name": one} for one in (name, "key-vault-dev"))
    name = f"{attack}-{'entry' if by_entry else 'store'}"
    if by_entry:
        what = {key: [{**item, "sourceRef": {"storeRef": store}} for item in items] for key, items in what.items()}
    vaulted.apply({
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {"name": name, "namespace": DEV},
        "spec": {"secretStoreRef": own if by_entry else store, "target": {"name": name}, **what},
    })  # fmt: skip

    wait_for("it is answered", lambda: "status" in said(vaulted, DEV, name), 30)

    assert said(vaulted, DEV, name)["status"] == "False"
    assert secret(vaulted, DEV, name) is None


def test_a_secret_stays_when_its_store_is_gone(vaulted: Cluster) -> None:
    """As in an update, in which Argo CD may take the old store away before the new one works."""
    wait_for("prod has its Secret", lambda: secret(vaulted, PROD, "database") is not None, 30)
    before = secret(vaulted, PROD, "database")
    path = f"/apis/external-secrets.io/v1/namespaces/{PROD}/externalsecrets/database"
    vaulted.api.patch(path, {"spec": {"secretStoreRef": {"name": "key-vault-of-tomorrow"}}})
    wait_for("it is refused", lambda: said(vaulted, PROD, "database").get("status") == "False", 30)
    assert secret(vaulted, PROD, "database")["data"] == before["data"]
    vaulted.api.patch(path, {"spec": {"secretStoreRef": {"name": "key-vault-prod"}}})
    wait_for("it is answered again", lambda: said(vaulted, PROD, "database").get("status") == "True", 30)


def test_a_namespace_can_not_take_the_name_of_another(vaulted: Cluster) -> None:
    """Conditions of a store go by this label."""
    label = {"metadata": {"labels": {"kubernetes.io/metadata.name": PROD}}}
    with suppress(ApiError):
        vaulted.api.patch(f"/api/v1/namespaces/{DEV}", label)
    assert vaulted.api.get(f"/api/v1/namespaces/{DEV}")["metadata"]["labels"]["kubernetes.io/metadata.name"] == DEV


@pytest.mark.parametrize(
    ("namespace", "name", "allowed"),
    [
        ("external-secrets", "key-vault-dev", True),
        ("external-secrets", "database-roles", True),
        ("external-secrets", "external-secrets", False),
        (DEV, "default", False),
        ("argocd", "argocd-application-controller", False),
    ],
)
def test_the_operator_signs_in_as_the_readers_alone(vaulted: Cluster, namespace: str, name: str, allowed: bool) -> None:
    resource = {"resource": "serviceaccounts", "subresource": "token", "verb": "create"}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": "system:serviceaccount:external-secrets:external-secrets",
            "resourceAttributes": {**resource, "namespace": namespace, "name": name},
        },
    }
    answer = vaulted.api.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review)
    assert answer["status"]["allowed"] is allowed
