"""Services as their settings make them: one that scales by load, and a worker that must not run twice.

The figures by which the autoscaler scales are made: objects of the kind that metrics-server would answer with, written by the
test for each pod. The autoscaler's controller, the API server and Argo CD are real.
"""

from __future__ import annotations

import re
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import groupby
from pathlib import Path
from typing import Any, cast

import pytest

from tests import support
from tests.gitserver import GitServer

from .api import APPLY_PATCH
from .argocd import ArgoCD
from .cluster import Cluster
from .figures import Figures
from .load import Load
from .processes import LiveError, step, wait_for
from .secrets_operator import SecretsOperator
from .settings import NODE_ADDRESS, STATE
from .test_scale import clean, release
from .world import APPLICATION, DEV, World, generate

pytestmark = pytest.mark.live

PROD = f"{APPLICATION}-prod"
FIGURES = f"/apis/metrics.k8s.io/v1beta1/namespaces/{DEV}"
SCALER = {"min": 2, "max": 4, "cpu": 70}
# An address outside of the cluster: nothing but what a policy lets out gets there.
beats: list[list[str]] = []
"""Of each request there: environment, what the configuration says, and pod."""


class _Beats(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        beats.append(self.path.strip("/").split("/"))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def answers(replicas: object, port: int) -> dict[str, Any]:
    worker = {
        "name": "worker",
        "port": "none",
        "command": ["python", "-SEs", "worker.py", f"{NODE_ADDRESS}:{port}"],
        "strategy": "recreate",
        "health": {"file": "/tmp/alive", "seconds": 10},
        "egress": {"dev": [f"{NODE_ADDRESS}/32:{port}"]},
        "env": {"dev": {"WHERE": "dev"}, "prod": {"WHERE": "prod"}},
        "config": {"mode.txt": "calm", "dev": {"mode.txt": "busy"}},
        "resources": {"dev": {"cpu": "20m", "memory": "64Mi"}, "prod": {"cpu": "10m", "memory": "96Mi"}},
    }
    web = {"name": "web", "replicas": {"dev": replicas, "prod": 1}, "resources": {"cpu": "100m", "memory": "64Mi"}}
    return {"services": [web, worker], "environments": ["dev", "prod"], "database": "none", "sample_app": False}


@pytest.fixture(scope="module")
def listener(cluster: Cluster) -> Iterator[int]:
    """The port of the address outside."""
    with ThreadingHTTPServer((cluster.address, 0), _Beats) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture(scope="module")
def kinds(cluster: Cluster, argocd: ArgoCD, listener: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A product of both services, healthy in both environments, with three pods of one in dev."""
    with GitServer(STATE, cluster.address) as git:
        url = git.create(f"demo/{APPLICATION}")
        product = generate(tmp_path_factory.mktemp("kinds"), url, **answers(3, listener))
        world = World(cluster, git, argocd, product, url, cast("SecretsOperator", None), cluster.kubeconfig)
        git.on_push = world.on_push
        images = release(world, "v1", "web", "worker")
        for environment in ("dev", "prod"):
            world.run("scripts/bump-image", environment, *images)
        with step("apply bootstrap/ until both environments are healthy"):
            world.run("kubectl", "apply", "-k", "bootstrap")
            wait_for("the Applications are made", lambda: None not in map(world.application, ("dev", "prod")), 60)
            for environment in ("dev", "prod"):
                world.run("scripts/wait-healthy", environment, "--timeout", "180")
        yield world
        clean(cluster)


def worker(world: World, namespace: str) -> Any:
    """The one pod of the worker."""
    path = f"/api/v1/namespaces/{namespace}/pods?labelSelector=app.kubernetes.io%2Fname%3Dworker"
    [pod] = world.cluster.api.get(path)["items"]
    return pod


def restarts(pod: Any) -> int:
    """How often the container of a pod was restarted."""
    return int(pod["status"]["containerStatuses"][0]["restartCount"])


def test_a_worker_runs_once_reaches_what_it_may_and_is_restarted_when_it_hangs(kinds: World, listener: int) -> None:
    in_prod = ("-n", PROD, "exec", "deployment/worker", "--")
    # The harness enforces policies a moment after a pod has started.
    beats.clear()
    kinds.cluster.kubectl(*in_prod, "touch", "/tmp/stuck")
    # What differs by environment.
    for namespace, where, memory in ((DEV, "dev", "64Mi"), (PROD, "prod", "96Mi")):
        spec = worker(kinds, namespace)["spec"]
        [container] = spec["containers"]
        assert (spec["serviceAccountName"], spec["automountServiceAccountToken"]) == ("worker", False)
        assert {"name": "WHERE", "value": where} in container["env"]
        assert container["resources"]["limits"]["memory"] == memory
    # One may reach the address, the other not.
    wait_for("dev's worker is heard", lambda: [beat[:2] for beat in beats[-1:]] == [["dev", "busy"]], 30)
    ask = f"import urllib.request as r; r.urlopen('http://{NODE_ADDRESS}:{listener}/by/hand/x', timeout=3)"
    with pytest.raises(LiveError, match="timed out"):
        kinds.cluster.kubectl(*in_prod, "python", "-c", ask)
    # A file that changes rolls the pod, and the next one begins when this one has ended.
    [file] = kinds.product.glob(f"apps/{APPLICATION}/overlays/dev/worker-config/mode.txt")
    file.write_text("quiet\n")
    kinds.commit("Be quiet")
    kinds.run("scripts/refresh", "dev")
    kinds.run("scripts/wait-healthy", "dev", "--timeout", "120")
    wait_for("dev's worker is quiet", lambda: beats[-1][1] == "quiet", 30)
    assert [mode for mode, _ in groupby(beats, lambda beat: beat[1])] == ["busy", "quiet"]
    assert len(list(groupby(beats, lambda beat: beat[2]))) == 2
    # What hangs is restarted, and well again.
    wait_for("prod's worker is restarted", lambda: restarts(worker(kinds, PROD)) == 1, 150)
    kinds.run("scripts/wait-healthy", "prod", "--timeout", "60")
    assert {where for where, *_ in beats} == {"dev"}


def pods(world: World, *services: str) -> list[Any]:
    """The pods of services in dev."""
    selector = f"app.kubernetes.io%2Fname%20in%20({','.join(services)})"
    return list(world.cluster.api.get(f"/api/v1/namespaces/{DEV}/pods?labelSelector={selector}")["items"])


def test_a_request_that_lasts_is_answered_by_a_pod_that_a_roll_out_ends(kinds: World) -> None:
    images = release(kinds, "v3", "web")
    status = kinds.cluster.api.get(f"/api/v1/namespaces/{DEV}/services/web")["status"]
    url = f"http://{status['loadBalancer']['ingress'][0]['ip']}/long"
    with ThreadPoolExecutor() as executor:
        kinds.run("scripts/bump-image", "dev", *images)
        asked = [executor.submit(urllib.request.urlopen, url, timeout=60) for _ in range(4)]
        kinds.run("scripts/refresh", "dev")
        wait_for("an old pod is told to end", lambda: any("deletionTimestamp" in pod["metadata"] for pod in pods(kinds, "web")), 15)  # fmt: skip
        assert not [one for one in asked if one.done()]
        assert [one.result().status for one in asked] == [200] * 4
    kinds.run("scripts/wait-healthy", "dev", "--timeout", "120")


def made_of(world: World, service: str) -> list[str]:
    """The kinds of what dev has by a name that begins as a service's."""
    paths = {"deployments": "apis/apps/v1", "cronjobs": "apis/batch/v1", "poddisruptionbudgets": "apis/policy/v1"}
    paths |= {"networkpolicies": "apis/networking.k8s.io/v1", "serviceaccounts": "api/v1", "configmaps": "api/v1"}
    return [
        kind
        for kind, path in paths.items()
        for item in world.cluster.api.get(f"/{path}/namespaces/{DEV}/{kind}")["items"]
        if item["metadata"]["name"].split("-")[0] == service
    ]


def take_over(world: World, folder: Path, port: int, /, **changes: object) -> None:
    """Update the product to another worker, and wait until dev is as it says; keys without a value are left out."""
    given = answers(3, port)
    own = {**given["services"][1], "image": "worker", **changes}
    given["services"][1] = {key: value for key, value in own.items() if value is not None}
    given["git_repository"] = re.sub("//[^:]+", "//localhost", world.url)
    other = support.render(support.export_template(folder / "template"), folder / "product", given)
    for path in [path for top in (world.product, other) for path in (top / "apps").rglob("*.*")]:
        place = path.relative_to(world.product if path.is_relative_to(world.product) else other)
        new = world.product / place
        if place.parent.name == "imagetags" or path.is_dir():
            continue
        new.unlink(missing_ok=True)
        if (other / place).exists():
            new.parent.mkdir(parents=True, exist_ok=True)
            new.write_bytes((other / place).read_bytes())
    world.commit("Take over")
    world.run("scripts/refresh", "dev")
    world.run("scripts/wait-healthy", "dev", "--timeout", "120")


def test_a_worker_under_another_name_and_then_as_a_job_leaves_nothing_behind(
    kinds: World, listener: int, tmp_path: Path
) -> None:
    """The old one goes once the new one is healthy: pods are there throughout."""
    fewest, stop = [1], threading.Event()

    def look() -> None:
        while not stop.wait(0.1):
            running = [pod for pod in pods(kinds, "worker", "runner") if pod["status"]["phase"] == "Running"]
            fewest.append(len([pod for pod in running if "deletionTimestamp" not in pod["metadata"]]))

    with ThreadPoolExecutor() as executor:
        looking = executor.submit(look)
        take_over(kinds, tmp_path / "renamed", listener, name="runner", config={"/etc/worker/mode.txt": "calm"})
        wait_for("the old one is gone", lambda: made_of(kinds, "worker") == [], 60)
        stop.set()
        looking.result()
    assert (min(fewest), max(fewest)) == (1, 2)
    job = dict.fromkeys(("health", "strategy", "port", "egress", "config"))
    take_over(kinds, tmp_path / "job", listener, **{**job, "name": "runner", "schedule": "0 3 * * *"})
    wait_for("no Deployment is left", lambda: made_of(kinds, "runner") == ["cronjobs", "networkpolicies", "serviceaccounts"], 60)  # fmt: skip
    take_over(kinds, tmp_path / "worker", listener)
    wait_for("no job is left", lambda: made_of(kinds, "runner") == [], 60)


POD_METRICS = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {
        "name": "pods.metrics.k8s.io",
        "annotations": {"api-approved.kubernetes.io": "unapproved, made for tests"},
    },
    "spec": {
        "group": "metrics.k8s.io",
        "scope": "Namespaced",
        "names": {"plural": "pods", "kind": "PodMetrics", "listKind": "PodMetricsList"},
        "versions": [
            {
                "name": "v1beta1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}


class Meter:
    """Writes, each second until it ends, what every pod of a service in dev would use."""

    def __init__(self, cluster: Cluster, service: str) -> None:
        self.cpu = 0
        """Thousandths of a core, of each pod."""
        self._cluster = cluster
        self._service = service
        self._stop = threading.Event()

    def __enter__(self) -> Meter:
        self._cluster.apply(POD_METRICS)
        wait_for("figures are served", lambda: self._cluster.api.find("/apis/metrics.k8s.io/v1beta1") is not None, 30)
        self._thread = threading.Thread(target=self._write, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._cluster.kubectl("delete", "crd", "pods.metrics.k8s.io")

    def _write(self) -> None:
        while not self._stop.wait(1):
            # Another try follows.
            with suppress(OSError, LiveError):
                self._write_once()

    def _write_once(self) -> None:
        api = self._cluster.api
        selector = f"labelSelector=app.kubernetes.io%2Fname%3D{self._service}"
        pods, kept = (
            {
                item["metadata"]["name"]: item["metadata"]["labels"]
                for item in api.get(f"{path}/pods?{selector}")["items"]
            }
            for path in (f"/api/v1/namespaces/{DEV}", FIGURES)
        )
        for name in {*kept} - {*pods}:
            api.request("DELETE", f"{FIGURES}/pods/{name}")
        for name, labels in pods.items():
            figure = {
                "apiVersion": "metrics.k8s.io/v1beta1",
                "kind": "PodMetrics",
                "metadata": {"name": name, "labels": labels},
                "timestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "window": "1s",
                "containers": [{"name": self._service, "usage": {"cpu": f"{self.cpu}m", "memory": "16Mi"}}],
            }
            api.request("PATCH", f"{FIGURES}/pods/{name}?fieldManager=live&force=true", figure, APPLY_PATCH)


@contextmanager
def counted(world: World, service: str) -> Iterator[list[int]]:
    """Every number of pods that a service of dev is given meanwhile, in turn."""
    seen = [world.deployment("dev", service)["spec"]["replicas"]]
    stop = threading.Event()

    def look() -> None:
        while not stop.wait(0.05):
            now = world.deployment("dev", service)["spec"]["replicas"]
            if now != seen[-1]:
                seen.append(now)

    with ThreadPoolExecutor() as executor:
        looking = executor.submit(look)
        try:
            yield seen
        finally:
            stop.set()
            looking.result()


def set_answer(world: World, folder: Path, answers: dict[str, Any]) -> Path:
    """What an update with other answers changes, and no waiting before pods go; return the file to take the number out of."""
    other = support.render(support.export_template(folder / "template"), folder / "product", answers)
    [overlay] = world.product.glob("apps/*/overlays/dev/kustomization.yaml")
    for pattern in ("apps/*/overlays/dev/kustomization.yaml", "apps/*/overlays/dev/web-*.yaml", "clusters/*/environments/dev.yaml"):  # fmt: skip
        [path] = other.glob(pattern)
        text = re.sub("repoURL: .*", f'repoURL: "{world.url}"', path.read_text())
        if path.name == "web-autoscaler.yaml":
            text += "  behavior:\n    scaleDown:\n      stabilizationWindowSeconds: 0\n"
        if path.name == "kustomization.yaml":
            text = text.replace("replicas:\n", 'replicas:\n  - name: "web"\n    count: 3\n')
        (world.product / path.relative_to(other)).write_text(text)
    return overlay


def without_figures(world: World) -> bool:
    """Whether the autoscaler has asked for figures and got none."""
    scaler = world.cluster.api.get(f"/apis/autoscaling/v2/namespaces/{DEV}/horizontalpodautoscalers/web")
    conditions = scaler.get("status", {}).get("conditions", [])
    return any(condition["reason"] == "FailedGetResourceMetric" for condition in conditions)


def test_an_autoscaler_takes_over_under_load_and_roll_outs_keep_its_number(
    kinds: World, listener: int, tmp_path: Path, figures: Figures
) -> None:
    """From three pods in Git to an autoscaler, whose figures are late; then up, with a roll-out under way, and down again."""
    versions = {tag: release(kinds, tag, "web") for tag in ("slow", "v2")}
    status = kinds.cluster.api.get(f"/api/v1/namespaces/{DEV}/services/web")["status"]
    address = status["loadBalancer"]["ingress"][0]["ip"]
    overlay = set_answer(kinds, tmp_path, answers(SCALER, listener))
    with Load(f"http://{address}/", rate=60) as load, ThreadPoolExecutor() as executor, counted(kinds, "web") as seen:
        kinds.commit("Scale by load")
        kinds.argocd.refresh(f"aks-{APPLICATION}")
        kinds.run("scripts/refresh", "dev")
        healthy = executor.submit(kinds.run, "scripts/wait-healthy", "dev", "--timeout", "120")
        wait_for("the autoscaler lacks figures", lambda: without_figures(kinds), 60)
        wait_for(
            "the Application ignores the number", lambda: "ignoreDifferences" in kinds.application("dev")["spec"], 60
        )
        with Meter(kinds.cluster, "web") as meter:
            meter.cpu = 70
            healthy.result()
            overlay.write_text(overlay.read_text().replace('  - name: "web"\n    count: 3\n', ""))
            kinds.commit("Leave the number to the autoscaler")
            kinds.run("scripts/refresh", "dev")
            kinds.run("scripts/wait-healthy", "dev", "--timeout", "120")
            assert seen == [3], seen
            # A version whose first pod takes long to be ready: the load comes in the midst of its roll-out.
            kinds.run("scripts/bump-image", "dev", *versions["slow"])
            kinds.run("scripts/refresh", "dev")
            wait_for("its roll-out has begun", lambda: ":slow@" in kinds.running_image("web"), 60)
            meter.cpu = 200
            wait_for("four pods are wanted", lambda: seen[-1] == 4, 60)
            assert kinds.ready_pods("dev", "web", "slow") == 0
            meter.cpu = 70
            kinds.run("scripts/bump-image", "dev", *versions["v2"])
            kinds.run("scripts/refresh", "dev")
            kinds.run("scripts/wait-healthy", "dev", "--timeout", "120")
            wait_for("v2 alone is left", lambda: kinds.only_version("dev", "web", "v2"), 60)
            assert kinds.ready_pods("dev", "web", "v2") == 4
            meter.cpu = 10
            wait_for("two pods are left", lambda: seen[-1] == 2, 60)
            wait_for("Argo CD sees no difference", lambda: kinds.settled("dev"), 60)
            time.sleep(6)
    figures.add("pods of a service that an autoscaler takes over, scales up in a roll-out, and down", f"{seen}; {load}")
    assert seen == [3, 4, 2], seen
    assert load.failed == []
