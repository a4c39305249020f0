"""Who may edit only `apps/`, or a folder of `clusters/`, gets no further: Argo CD itself refuses what a push tries.

scripts/validate finds the same in a pull request (tests/test_containment.py); here nobody has asked it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import support
from tests.test_containment import JOB, RIGHTS, change, operations, patching

from . import deploy_identity
from .processes import wait_for
from .world import APPLICATION, DEV, World

pytestmark = pytest.mark.live

PROD = f"{APPLICATION}-prod"
OVERLAY = f"apps/{APPLICATION}/overlays/dev"
STORE = f"clusters/aks-{APPLICATION}/external-secrets"
LABEL = "/metadata/labels/pod-security.kubernetes.io~1enforce"
MOVED = [json.dumps(patching("CronJob", ("replace", "/metadata/namespace", PROD)))]
# As a hook it would be deleted before it is made anew.
HOOK = {
    "apiVersion": "v1",
    "kind": "ServiceAccount",
    "metadata": {"name": "default", "namespace": PROD, "annotations": {"argocd.argoproj.io/hook": "PreSync"}},
}
# A hook alone starts no sync.
NEW = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "new"}}
KEPT = [json.dumps(patching("ServiceAccount", ("replace", "/metadata/namespace", PROD)))]
ADOPTED = [json.dumps(patching("Namespace", ("replace", "/metadata/name", "external-secrets")))]
ADDRESS = "an address of somebody else"

# Application, folder, what is added to its kustomization and beside it, and what is said.
ATTACKS: dict[str, tuple[str, str, dict[str, Any], dict[str, Any], str]] = {
    "a job in prod": (
        DEV,
        OVERLAY,
        {"resources": ["steal.yaml"], "transformers": MOVED},
        {"steal.yaml": JOB},
        f"namespace {PROD} is not permitted in project '{DEV}'",
    ),
    "a hook in the place of an object of prod": (
        DEV,
        OVERLAY,
        {"resources": ["hook.yaml", "new.yaml"], "transformers": KEPT},
        {"hook.yaml": HOOK, "new.yaml": NEW},
        f"namespace {PROD} is not permitted in project '{DEV}'",
    ),
    "the namespace of the operator": (
        DEV, OVERLAY, {"transformers": ADOPTED}, {}, f"resource :Namespace is not permitted in project {DEV}",
    ),
    "a privileged namespace": (
        DEV,
        OVERLAY,
        {"patches": [operations("Namespace", ("replace", LABEL, "privileged"))]},
        {},
        "must enforce the restricted pod security level",
    ),
    ADDRESS: (
        DEV,
        OVERLAY,
        {"patches": [operations("Service", ("add", "/spec/externalIPs", ["10.0.0.1"]), name="frontend")]},
        {},
        "A Service here has no externalIPs",
    ),
    "the whole cluster": (
        "secret-store",
        STORE,
        {"resources": ["rights.yaml"]},
        {"rights.yaml": RIGHTS},
        "resource rbac.authorization.k8s.io:ClusterRoleBinding is not permitted in project secret-store",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def guarded(world: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """The default product, with what its Terraform gives to Argo CD's chart."""
    folder = tmp_path_factory.mktemp("policies") / "policies"
    world.cluster.apply(deploy_identity.access(world.product, [DEV, PROD], folder, "namespaces", "namespaces_access"))
    return world


@pytest.fixture
def undone(guarded: World) -> Iterator[World]:
    """Take back what a test has pushed, and wait until it is gone."""
    before = support.git("rev-parse", "HEAD", cwd=guarded.product)
    yield guarded
    support.git("revert", "--no-edit", f"{before}..HEAD", cwd=guarded.product)
    support.git("push", "-q", "origin", "HEAD:main", cwd=guarded.product)
    guarded.argocd.refresh(DEV)
    guarded.run("scripts/wait-healthy", "dev", "--timeout", "180")


def others(world: World) -> dict[str, Any]:
    """What the attacks are about: it must stay as it is."""
    api = world.cluster.api
    return {
        "jobs": [item["metadata"]["name"] for item in api.get(f"/apis/batch/v1/namespaces/{PROD}/cronjobs")["items"]],
        "account": api.get(f"/api/v1/namespaces/{PROD}/serviceaccounts/default")["metadata"]["uid"],
        "operator": api.get("/api/v1/namespaces/external-secrets")["metadata"].get("labels"),
        "dev": api.get(f"/api/v1/namespaces/{DEV}")["metadata"]["labels"],
        "addresses": api.get(f"/api/v1/namespaces/{DEV}/services/frontend")["spec"].get("externalIPs"),
        "rights": api.find("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/everything"),
    }


def attack(world: World, name: str) -> str:
    """Push it, and see it refused, with nothing changed; the words of the refusal."""
    application, folder, fields, files, words = ATTACKS[name]
    before = others(world)
    change(Path(world.product, folder), fields, files)
    commit = world.commit(name)
    world.argocd.refresh(application)

    def said() -> bool:
        status = (world.argocd.application(application) or {}).get("status", {})
        # What admission refuses, Argo CD may meet when it compares, by a dry run of the server, before it tries.
        compared, tried = json.dumps(status.get("conditions", [])), json.dumps(status.get("operationState", {}))
        return words in compared or (words in tried and commit in tried)

    wait_for(f"{application} says: {words}", said, 120)
    assert others(world) == before
    return words


@pytest.mark.parametrize("name", sorted(set(ATTACKS) - {ADDRESS}))
def test_argo_cd_refuses(undone: World, name: str) -> None:
    attack(undone, name)


def test_what_argo_cd_forgets_that_it_was_refused_is_not_called_healthy(undone: World) -> None:
    words = attack(undone, ADDRESS)
    # Whatever else of dev changes, Argo CD compares once more, with what it remembers of the refused comparison.
    undone.cluster.kubectl("-n", DEV, "annotate", "deployment/backend", "somebody=looks")
    wait_for("Argo CD sees no difference", lambda: undone.settled("dev"), 60)
    assert words in undone.run("scripts/wait-healthy", "dev", "--timeout", "60", status=1)
