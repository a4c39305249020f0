"""Argo CD's own metrics are what the alerts and the dashboard ask for, and the alerts fire for Applications that are not well."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests import metrics, support
from tests.gitserver import GitServer
from tests.terraform import tools

from .api import Object
from .argocd import ArgoCD
from .cluster import Cluster
from .processes import wait_for
from .settings import STATE

pytestmark = pytest.mark.live

POD = {"containers": [{"name": "web", "image": "127.0.0.1:1/there/is:none"}]}
# What Git has of each Application, and how that ends.
FOLDERS: dict[str, tuple[Object, tuple[str, str, str]]] = {
    "well": (
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "well"}},
        ("Synced", "Healthy", "Succeeded"),
    ),
    "unhealthy": (
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "unhealthy"}, "spec": POD},
        ("Synced", "Degraded", "Succeeded"),
    ),
    "failed": (
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "failed", "namespace": "nowhere"}},
        ("OutOfSync", "Missing", "Running"),
    ),
}


def application(name: str, url: str) -> Object:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": name, "namespace": "argocd"},
        "spec": {
            "project": "default",
            "source": {"repoURL": url, "path": name, "targetRevision": "main"},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "default"},
            "syncPolicy": {"automated": {}, "retry": {"limit": -1}},
        },
    }


def labels(line: str) -> dict[str, str]:
    return dict(re.findall(r'(\w+)="([^"]*)"', line))


@pytest.fixture(scope="module")
def scraped(cluster: Cluster, argocd: ArgoCD, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """What the controller answers once each Application has come to its end."""
    work = tmp_path_factory.mktemp("monitoring")
    with GitServer(STATE, cluster.address) as server:
        url = server.create("owner/monitored")
        for name, (content, _) in FOLDERS.items():
            (work / name).mkdir()
            (work / name / "object.yaml").write_text(yaml.safe_dump(content))
        support.git("init", "--quiet", "--initial-branch=main", cwd=work)
        support.git("add", ".", cwd=work)
        support.git("commit", "--quiet", "--message", "Begin", cwd=work)
        support.git("push", "--quiet", url, "main", cwd=work)
        cluster.apply([application(name, url) for name in FOLDERS])

        def ends() -> dict[str, tuple[str, str, str]]:
            lines = [labels(line) for line in argocd.metrics("application-controller") if "argocd_app_info{" in line]
            return {one["name"]: (one["sync_status"], one["health_status"], one["phase"]) for one in lines}

        wanted = {name: end for name, (_, end) in FOLDERS.items()}
        try:
            wait_for("each Application has come to its end", lambda: ends().items() >= wanted.items(), 300)
            yield argocd.metrics("application-controller")
        finally:
            cluster.kubectl("-n", "argocd", "delete", "applications.argoproj.io", *FOLDERS)
            cluster.kubectl("-n", "default", "delete", "pod/unhealthy", "configmap/well", "--wait=false")


@pytest.mark.parametrize("name", metrics.COMPONENTS["argocd"].metrics)
def test_argo_cd_has_the_metrics_and_labels_that_are_asked_for(name: str, scraped: list[str]) -> None:
    found = [set(labels(line)) for line in scraped if line.startswith(f"{name}{{")]
    assert found
    for one in found:
        assert one >= metrics.COMPONENTS["argocd"].metrics[name]


def test_the_alerts_fire_for_what_is_not_well_and_for_nothing_else(
    scraped: list[str], rendered: Callable[[str], Path], tmp_path: Path
) -> None:
    """Replayed from what Argo CD really answered: it stays as it is for an hour."""
    series = [
        line.rpartition(" ")[0] for line in scraped if line.startswith(("argocd_app_info{", "argocd_app_sync_total{"))
    ]
    test = {
        "interval": "1m",
        "input_series": [{"series": one, "values": "1x60"} for one in series],
        "promql_expr_test": [
            {
                "expr": 'count by (alertname, name) (ALERTS{alertstate="firing", name=~"well|unhealthy|failed"})',
                "eval_time": "45m",
                "exp_samples": [
                    {"labels": f'{{alertname="{alert}", name="{name}"}}', "value": 1}
                    for alert, name in [
                        ("SyncFailed", "failed"),
                        ("OutOfSync", "failed"),
                        ("Unhealthy", "failed"),
                        ("Unhealthy", "unhealthy"),
                    ]
                ],
            }
        ],
    }
    rules = rendered("gateway-with-two-environments") / "terraform" / "platform" / "alerts" / "argocd.yaml"
    file = tmp_path / "tests.yaml"
    file.write_text(yaml.safe_dump({"rule_files": [str(rules)], "evaluation_interval": "1m", "tests": [test]}))
    command = [str(tools.promtool()), "test", "rules", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
