"""A deployment is neither lost nor undone: by fields that the server fills in, an outage, nodes that take their time, an autoscaler."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
import yaml

from tests import pages, support

from .processes import LiveError, wait_for
from .settings import NODE_NAME
from .world import APPLICATION, DEV, World

pytestmark = pytest.mark.live

SCALER = {
    "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "backend"},
    "minReplicas": 3,
    "maxReplicas": 3,
    # No behavior and no policies: the server fills in all of them.
    "metrics": [
        {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}
    ],
}
# Objects as people write them: without what has a default.
DEFAULTED: dict[str, dict[str, Any]] = {
    "httproute": {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "spec": {"parentRefs": [{"name": "web"}], "rules": [{"backendRefs": [{"name": "frontend", "port": 80}]}]},
    },
    "externalsecret": {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "spec": {
            "secretStoreRef": {"kind": "ClusterSecretStore", "name": "key-vault-dev"},
            "target": {"name": "defaulted"},
            "data": [{"secretKey": "password", "remoteRef": {"key": "dev-database-password"}}],
        },
    },
    "widget": {"apiVersion": "example.com/v1", "kind": "Widget", "spec": {"parts": [{"name": "wheel"}]}},
    "ingress": {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "spec": {"podSelector": {}, "egress": [{"ports": [{"port": 9}]}]},
    },
}
PART = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "count": {"type": "integer", "default": 4},
        "origin": {"type": "object", "default": {}, "properties": {"country": {"type": "string", "default": "any"}}},
    },
}
WIDGETS = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.example.com"},
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {"type": "object", "properties": {"parts": {"type": "array", "items": PART}}}
                        },
                    }
                },
            }
        ],
    },
}


def named(name: str) -> dict[str, Any]:
    """Metadata of an object that has neither a controller nor figures here, and so no health of its own."""
    return {"name": name, "annotations": {"argocd.argoproj.io/ignore-healthcheck": "true"}}


@contextmanager
def edited(world: World, files: dict[str, str]) -> Iterator[None]:
    """What these files of the product hold, from the overlay of dev on; as it was again at the end, and healthy."""
    overlay = world.product / f"apps/{APPLICATION}/overlays/dev"
    for name, text in files.items():
        (overlay / name).parent.mkdir(parents=True, exist_ok=True)
        (overlay / name).write_text(text)
    began = support.git("rev-parse", "HEAD", cwd=world.product)
    world.commit("Edit dev")
    try:
        yield
    finally:
        support.git("rm", "-rq", "--cached", ".", cwd=world.product)
        support.git("checkout", "-qf", began, "--", ".", cwd=world.product)
        support.git("clean", "-fdq", cwd=world.product)
        world.commit("As it was")
        taken_over(world)
        world.run("scripts/refresh", "dev")
        world.run("scripts/wait-healthy", "dev", "--timeout", "120")


def overlay(world: World, **more: Any) -> str:
    """The kustomization of dev with more in its lists."""
    found = yaml.safe_load((world.product / f"apps/{APPLICATION}/overlays/dev/kustomization.yaml").read_text())
    return yaml.safe_dump({**found, **{key: [*found.get(key, []), *value] for key, value in more.items()}})


def argo_cd_s(world: World, folder: str, text: str, new: str) -> dict[str, str]:
    """The file of dev's AppProject or Application with something in it replaced, by its path from the overlay."""
    [path] = world.product.glob(f"clusters/*/{folder}/dev.yaml")
    assert text in path.read_text()
    return {f"../../../../{path.relative_to(world.product)}": path.read_text().replace(text, new)}


def taken_over(world: World) -> None:
    """Wait until the bootstrap Application has brought what Git says now, and dev was compared by that."""
    root, head = f"aks-{APPLICATION}", support.git("rev-parse", "HEAD", cwd=world.product)

    def brought() -> bool:
        sync = (world.argocd.application(root) or {})["status"]["sync"]
        return (sync["status"], sync["revision"]) == ("Synced", head)

    def compared() -> bool:
        return "argocd.argoproj.io/refresh" not in world.application("dev")["metadata"].get("annotations", {})

    world.argocd.refresh(root)
    wait_for(f"{root} has brought {head}", brought, 60)
    # A comparison that began earlier may yet start a sync by the old words.
    world.argocd.refresh(DEV)
    wait_for("dev is compared", compared, 60)


def tries(world: World) -> int:
    """How often the sync of dev that is under way was tried again."""
    return int(world.application("dev")["status"].get("operationState", {}).get("retryCount", 0))


def test_objects_whose_defaults_are_left_out_are_in_sync(world: World) -> None:
    world.cluster.install_crds("gateway-api")
    world.cluster.apply(WIDGETS)
    wait_for("widgets are served", lambda: world.cluster.api.find("/apis/example.com/v1") is not None, 30)
    kinds = "namespaceResourceWhitelist:\n"
    for item in DEFAULTED.values():
        kinds += f"    - group: {item['apiVersion'].partition('/')[0]}\n      kind: {item['kind']}\n"
    project = argo_cd_s(world, "projects", "namespaceResourceWhitelist:\n", kinds)
    files = {f"{name}.yaml": yaml.safe_dump({**item, "metadata": named(name)}) for name, item in DEFAULTED.items()}
    with edited(world, {**project, **files, "kustomization.yaml": overlay(world, resources=list(files))}):
        taken_over(world)
        world.run("scripts/refresh", "dev")
        world.run("scripts/wait-healthy", "dev", "--timeout", "60")
        resources = {item["kind"]: item["status"] for item in world.application("dev")["status"]["resources"]}
        assert {resources[item["kind"]] for item in DEFAULTED.values()} == {"Synced"}
        # The test would see nothing if the server had filled in nothing.
        route = world.cluster.api.get(f"/apis/gateway.networking.k8s.io/v1/namespaces/{DEV}/httproutes/httproute")
        assert route["spec"]["rules"][0]["backendRefs"][0]["weight"] == 1
        widget = world.cluster.api.get(f"/apis/example.com/v1/namespaces/{DEV}/widgets/widget")
        assert widget["spec"]["parts"] == [{"name": "wheel", "count": 4, "origin": {"country": "any"}}]


def refuses_updates(world: World) -> bool:
    """Tell whether the API server enforces the policy yet; it takes a moment after it has taken it."""
    try:
        world.cluster.kubectl("-n", DEV, "annotate", "deployment/frontend", "--overwrite", "example.com/outage=yes")
    except LiveError as error:
        return "an outage" in str(error)
    return False


def test_an_outage_longer_than_ten_tries_ends_by_itself(world: World, versions: dict[str, str]) -> None:
    """Tries in each second stand for those in each minute."""
    new = next(tag for tag in versions if f":{tag}@" not in world.running_image("frontend"))
    hasty = argo_cd_s(world, "environments", "duration: 5s\n        factor: 2\n", "duration: 1s\n        factor: 1\n")
    policy = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": "outage"},
        "spec": {
            "matchConstraints": {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": DEV}},
                "resourceRules": [
                    {
                        "apiGroups": ["apps"],
                        "apiVersions": ["*"],
                        "operations": ["UPDATE"],
                        "resources": ["deployments"],
                    }
                ],
            },
            "validations": [{"expression": "request.dryRun", "message": "an outage"}],
        },
    }
    binding = {**policy, "kind": "ValidatingAdmissionPolicyBinding", "spec": {"policyName": "outage", "validationActions": ["Deny"]}}  # fmt: skip
    with edited(world, hasty):
        taken_over(world)
        world.cluster.apply([policy, binding])
        try:
            wait_for("the outage has begun", lambda: refuses_updates(world), 30)
            world.run("scripts/bump-image", "dev", versions[new])
            world.run("scripts/refresh", "dev")
            wait_for("ten tries have failed", lambda: tries(world) > 11, 120)  # fmt: skip
            assert "an outage" in world.run("scripts/status", "dev")
        finally:
            world.cluster.kubectl(
                "delete", "validatingadmissionpolicybindings/outage", "validatingadmissionpolicies/outage"
            )
        world.rolled_out("dev", "frontend", new, 60)
        world.run("scripts/wait-healthy", "dev", "--timeout", "60")


def test_pods_that_wait_for_a_node_are_waited_for_whatever_the_deadline(world: World, versions: dict[str, str]) -> None:
    base = "../../base/frontend/deployment.yaml"
    text = (world.product / f"apps/{APPLICATION}/overlays/dev" / base).read_text()
    with edited(world, {base: text.replace("progressDeadlineSeconds: 180", "progressDeadlineSeconds: 10")}):
        world.run("scripts/refresh", "dev")
        world.run("scripts/wait-healthy", "dev", "--timeout", "60")
        world.cluster.kubectl("cordon", NODE_NAME)
        try:
            world.run("scripts/bump-image", "dev", versions["v3"])
            world.run("scripts/refresh", "dev")
            with ThreadPoolExecutor() as executor:
                waiting = executor.submit(world.run, "scripts/wait-healthy", "dev", "--timeout", "20")
                wait_for("Argo CD says Degraded", lambda: world.application("dev")["status"]["health"]["status"] == "Degraded", 60)  # fmt: skip
                time.sleep(25)
                assert not waiting.done(), waiting.result()
                world.cluster.kubectl("uncordon", NODE_NAME)
                said = waiting.result()
        finally:
            world.cluster.kubectl("uncordon", NODE_NAME)
        # Once it has a node, it may be said to wait for its image.
        assert said.count(": Unschedulable: ") == 1, said
        assert "unschedulable" in said, said


def test_an_autoscaler_takes_over_without_a_pod_less(world: World) -> None:
    """As docs/operations.md says, and then without `replicas` too."""
    scaler = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": named("backend"), "spec": SCALER}  # fmt: skip
    [path] = world.product.glob("clusters/*/environments/dev.yaml")
    guide = pages.example(world.product, "operations.md", "Scale a service by load").blocks[0].text
    pages.change(path, guide.replace("frontend", "backend").partition("\n")[2])
    added = {"scaler.yaml": yaml.safe_dump(scaler), "kustomization.yaml": overlay(world, resources=["scaler.yaml"])}
    base = "../../base/backend/deployment.yaml"
    deployment = (world.product / f"apps/{APPLICATION}/overlays/dev" / base).read_text()
    changed = {base: deployment.replace("revisionHistoryLimit: 5", "revisionHistoryLimit: 4")}
    content = yaml.safe_load(added["kustomization.yaml"])
    del content["replicas"]
    gone = {base: re.sub(r"  replicas: .*\n", "", deployment), "kustomization.yaml": yaml.safe_dump(content)}
    seen = []

    def look() -> int:
        seen.append(world.deployment("dev", "backend")["spec"]["replicas"])
        return int(seen[-1])

    with edited(world, {}):
        taken_over(world)
        with edited(world, added):
            world.run("scripts/refresh", "dev")
            wait_for("three replicas", lambda: look() == 3, 60)
            world.run("scripts/wait-healthy", "dev", "--timeout", "60")
            seen.clear()
            for change in (changed, gone):
                with edited(world, change):
                    world.run("scripts/refresh", "dev")
                    for _ in range(20):
                        look()
                        time.sleep(0.2)
                    world.run("scripts/wait-healthy", "dev", "--timeout", "60")
            assert set(seen) == {3}


def test_what_the_page_shows_runs(world: World) -> None:
    """The examples of docs/services.md that change the base, all at once: restricted pods, behind closed policies."""
    base = ("configuration file", "cron job", "worker", "Let traffic out", "Migrate the database")
    for title in base:
        *_, example = [one for one in pages.examples(world.product / "docs/services.md") if title in one.title]
        example.apply(world.product)
    with edited(world, {}):
        world.run("scripts/refresh", "dev")
        world.run("scripts/wait-healthy", "dev", "--timeout", "180")
        assert world.sql("dev", "SELECT to_regclass('notes')") == "notes"
        read = ("exec", "deployment/frontend", "--", "cat", "/etc/settings/settings.toml")
        assert 'title = "Welcome"' in world.cluster.kubectl("-n", DEV, *read)
        world.cluster.kubectl("-n", DEV, "create", "job", "--from=cronjob/new-report", "report-by-hand")
        world.cluster.kubectl("-n", DEV, "wait", "--for=condition=Complete", "job/report-by-hand", "--timeout=60s")
        assert world.cluster.kubectl("-n", DEV, "logs", "job/report-by-hand").strip() == "200"
        worker = world.cluster.kubectl(
            "-n", DEV, "get", "pods", "--selector=app.kubernetes.io/name=new-worker", "--output=json"
        )
        [pod] = yaml.safe_load(worker)["items"]
        assert pod["status"]["containerStatuses"][0]["restartCount"] == 0


def test_replicas_that_are_given_up_are_one(world: World) -> None:
    """Why scripts/validate refuses to drop them where nobody else has taken them over."""
    labels = {"app": "six"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "six", "image": "six"}]}}
    spec: dict[str, Any] = {"paused": True, "selector": {"matchLabels": labels}, "template": template}
    path = "/apis/apps/v1/namespaces/default/deployments/six"
    for more, expected in (({"replicas": 6}, 6), ({}, 1)):
        world.cluster.apply({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "six", "namespace": "default"}, "spec": spec | more})  # fmt: skip
        assert world.cluster.api.get(path)["spec"]["replicas"] == expected
    world.cluster.kubectl("-n", "default", "delete", "deployment/six")
