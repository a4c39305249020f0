"""A product with a hundred services: how long it takes, what Argo CD needs, and that a push costs no more than its part.

The services are one small image under a hundred names, with requests that let them all on this one node, set in the
overlay as a person would. The other environments have no pods.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
import yaml

from tests import support
from tests.gitserver import GitServer

from . import images
from .argocd import ArgoCD
from .cluster import Cluster
from .figures import Figures
from .processes import step, wait_for
from .secrets_operator import SecretsOperator
from .settings import HERE, STATE
from .world import APPLICATION, World, generate

pytestmark = pytest.mark.live

SERVICES = [f"service-{number:03}" for number in range(100)]
ENVIRONMENTS = ["dev", "prod"]
ONE = SERVICES[42]
RUNS = 3
REQUESTS = """\
- op: replace
  path: /spec/template/spec/containers/0/resources/requests
  value:
    cpu: 1m
    memory: 16Mi
    ephemeral-storage: 1Mi
"""


def make_small(product: Path) -> None:
    """Give the environments what a small node bears: little requests, and no pods but in the first."""
    for overlay in support.overlays(product):
        (overlay / "requests.yaml").write_text(REQUESTS)
        path = overlay / "kustomization.yaml"
        content = yaml.safe_load(path.read_text())
        content.setdefault("patches", []).append({"path": "requests.yaml", "target": {"kind": "Deployment"}})
        count = 1 if overlay.name == ENVIRONMENTS[0] else 0
        content["replicas"] = [{"name": name, "count": count} for name in SERVICES]
        path.write_text(yaml.safe_dump(content, sort_keys=False))
    support.git("add", "-A", cwd=product)
    support.git("commit", "-q", "-m", "Fit a small node", cwd=product)
    support.git("push", "-q", "origin", "main", cwd=product)


def release(world: World, tag: str, *services: str) -> list[str]:
    """Put a version of services into the registry; what bump-image takes."""
    small = f"live.local/small:{tag}"
    images.build(HERE / "fixtures" / "small", small, build_args={"VERSION": tag})
    images.push(small)
    digest = images.copy(small, *(f"{world.run('scripts/image-name', service)}:{tag}" for service in services))
    return [f"{service}={tag}@{digest}" for service in services]


@pytest.fixture(scope="module")
def large(cluster: Cluster, argocd: ArgoCD, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A product with a hundred services, pushed, with its first version set and nothing applied yet."""
    folder = tmp_path_factory.mktemp("large")
    with GitServer(STATE, cluster.address) as git:
        url = git.create(f"demo/{APPLICATION}")
        answers = {
            "services": SERVICES,
            "environments": ENVIRONMENTS,
            "database": "none",
            "sample_app": False,
            "expose": "none",
        }
        with step("generate a product with a hundred services and push it"):
            product = generate(folder, url, **answers)
            make_small(product)
        world = World(cluster, git, argocd, product, url, cast("SecretsOperator", None), cluster.kubeconfig)
        git.on_push = world.on_push
        world.run("scripts/bump-image", "dev", *release(world, "v1", *SERVICES))
        yield world
        clean(cluster)


def clean(cluster: Cluster) -> None:
    """Take everything away, for whoever comes next."""
    kinds = ("applications.argoproj.io", "appprojects.argoproj.io")
    for kind in kinds:
        for item in cluster.api.get(f"/apis/argoproj.io/v1alpha1/namespaces/argocd/{kind.partition('.')[0]}")["items"]:
            name = item["metadata"]["name"]
            cluster.kubectl("-n", "argocd", "patch", kind, name, "--type=merge", '-p={"metadata":{"finalizers":null}}')
            cluster.kubectl("-n", "argocd", "delete", kind, name, "--ignore-not-found", "--wait=false")
    names = [f"{APPLICATION}-{environment}" for environment in ENVIRONMENTS]
    cluster.kubectl("delete", "namespace", *names, "--ignore-not-found", timeout=600)


def test_a_hundred_services_come_up_from_git(large: World, figures: Figures) -> None:
    with step("apply bootstrap/ until a hundred services are healthy"):
        started = time.monotonic()
        large.run("kubectl", "apply", "-k", "bootstrap")
        wait_for("the bootstrap Application has made dev's", lambda: large.application("dev") is not None, 60)
        large.run("scripts/wait-healthy", "dev", "--timeout", "900")
        figures.add("100 services from `kubectl apply -k bootstrap` to healthy", f"{time.monotonic() - started:.0f} s")
    deployments = large.cluster.api.get(f"/apis/apps/v1/namespaces/{APPLICATION}-dev/deployments")["items"]
    assert [item["status"].get("readyReplicas") for item in deployments] == [1] * len(SERVICES)
    for environment in ENVIRONMENTS[1:]:
        large.run("scripts/wait-healthy", environment, "--timeout", "300")


def test_a_push_to_one_service_is_rendered_once_and_by_its_application_alone(large: World, figures: Figures) -> None:
    wait_for("Argo CD is at rest", lambda: at_rest(large), 300, 20)
    before, asked = large.argocd.renders(), large.argocd.metric("repo-server", "argocd_git_request_total")
    taken = []
    for number in range(RUNS):
        image = release(large, f"v{number + 2}", ONE)
        large.run("scripts/bump-image", "dev", *image)
        commit, pushed = large.pushes[-1]
        large.run("scripts/refresh", "dev")
        taken.append(large.rolled_out("dev", ONE, f"v{number + 2}") - pushed)
        large.run("scripts/wait-healthy", "dev", "--timeout", "120")
    # Until every Application has looked at Git by itself, as it does twice in this time.
    for name in ("aks-goal-tracker", *(f"{APPLICATION}-{environment}" for environment in ENVIRONMENTS)):
        wait_for(f"{name} knows the last push", lambda name=name: revision(large, name) == commit, 150, 2)  # type: ignore[misc]
    rendered = large.argocd.renders() - before
    asked = large.argocd.metric("repo-server", "argocd_git_request_total") - asked
    figures.add_times("one of 100 services, end of `git push` to its new pod ready, by scripts/refresh", taken)
    figures.add(
        f"kustomize runs for {RUNS} pushes to one of 100 services, 2 environments",
        ", ".join(f"{folder} {times}" for folder, times in sorted(rendered.items())) + f"; {asked:.0f} requests to Git",
    )
    reconciled = "argocd_app_reconcile"
    count = large.argocd.metric("application-controller", f"{reconciled}_count")
    seconds = large.argocd.metric("application-controller", f"{reconciled}_sum")
    figures.add("reconciling an Application of these, mean", f"{seconds / count:.2f} s of {count:.0f}")
    sizes = {
        component: large.argocd.metric(component, "process_resident_memory_bytes") / 2**20
        for component in ("application-controller", "repo-server", "server")
    }
    figures.add(
        "memory of Argo CD with 100 services in 2 environments", ", ".join(f"{k} {v:.0f} MiB" for k, v in sizes.items())
    )
    assert set(rendered) == {f"apps/{APPLICATION}/overlays/dev"}
    assert rendered.total() <= RUNS


def revision(world: World, name: str) -> str:
    """The commit that an Application was last compared with."""
    found = world.argocd.application(name)
    return str(found["status"]["sync"]["revision"]) if found else ""


def at_rest(world: World) -> bool:
    """Whether every Application is at the newest commit and in sync."""
    newest = world.pushes[-1][0]
    names = ("aks-goal-tracker", *(f"{APPLICATION}-{environment}" for environment in ENVIRONMENTS))
    return all(revision(world, name) == newest for name in names)
