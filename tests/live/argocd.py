"""Argo CD in the cluster, brought there by a product's own code for `make local`, with Helm and the product's values.

It is asked through the API server, which reaches what is in the cluster wherever that runs.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import sys
import time
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests import support

from . import argocd_image
from .api import ApiError, Object
from .cluster import Cluster
from .processes import LiveError, run, step, wait_for

NAMESPACE: Final = "argocd"
_SERVICES: Final = f"/api/v1/namespaces/{NAMESPACE}/services"
# Component → the Service that has its metrics.
_METRICS: Final = {
    "application-controller": "argocd-metrics",
    "server": "argocd-server-metrics",
    "repo-server": "argocd-repo-server",
}
# Where `make local` begins: on a cluster that a person has named, up to Argo CD.
_INSTALL: Final = """\
import sys
from hooks.workstation.laptop import argocd, kind, place
with place.alone():
    kind.make(kind.choose(sys.argv[1], sys.argv[2], ""))
    argocd.install()
    argocd.wait("statefulset/argocd-application-controller", "deployment/argocd-repo-server")
"""


def workstation(cluster: Cluster) -> dict[str, str]:
    """The variables with which a person runs `make local` on this cluster."""
    return {
        "LOCAL_REGISTRY": cluster.registry,
        "PATH": f"{argocd_image.chart(cluster.tools)}:{cluster.tools.bin}:{support.TOOLS_FIRST}",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


class ArgoCD:
    """Argo CD for a cluster, as a context manager.

    It ends with its cluster; from a cluster that was there before, it is removed as `make local-down` does.

    Args:
        product: whose code installs it, with whose values.
        webhook_secret: what a GitHub webhook has to be signed with; "" takes any.
    """

    def __init__(self, cluster: Cluster, product: Path, *, webhook_secret: str = "") -> None:
        self.cluster = cluster
        self._product = product
        self._secret = webhook_secret

    def __enter__(self) -> Self:
        try:
            self._install()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._remove()

    def _install(self) -> None:
        """Install it, and wait until all of it serves."""
        environment = {**workstation(self.cluster), "PYTHONPATH": f"{self._product / 'scripts'}:{support.ROOT}"}
        overlay, *_ = support.overlays(self._product)
        with step("Argo CD in pods, by the product's own code"):
            run(sys.executable, "-c", _INSTALL, overlay.name, self.cluster.kubeconfig, env=environment, timeout=900)
            for name in ("server", "applicationset-controller"):
                where = ("-n", NAMESPACE, f"deployment/argocd-{name}")
                self.cluster.kubectl("rollout", "status", *where, "--timeout=120s", timeout=150)
            if self._secret:
                secret = {"stringData": {"webhook.github.secret": self._secret}}
                self.cluster.api.patch(f"/api/v1/namespaces/{NAMESPACE}/secrets/argocd-secret", secret)
                wait_for("what is not signed is refused", lambda: self._webhook(b"{}", "another secret") == 400)

    def _remove(self) -> None:
        if self.cluster.external:
            down = (sys.executable, self._product / "scripts" / "from-template", "local", "down")
            run(*down, env=workstation(self.cluster), timeout=900)

    def application(self, name: str) -> Object | None:
        """The Application, or None."""
        found: Object | None = self.cluster.api.find(_application_path(name))
        return found

    def refresh(self, name: str) -> None:
        """Tell Argo CD to look at Git now, as a pipeline does: by the refresh annotation."""
        self.cluster.api.patch(
            _application_path(name), {"metadata": {"annotations": {"argocd.argoproj.io/refresh": "normal"}}}
        )

    def wait_synced(self, name: str, revision: str = "", timeout: float = 120) -> Object:
        """Wait until an Application is Synced and Healthy, at `revision` if given; the Application.

        Raises:
            LiveError: it did not get there; the message has its conditions and unhealthy resources.
        """
        deadline = time.monotonic() + timeout
        found: Object | None = None
        while time.monotonic() < deadline:
            found = self.application(name)
            status: Object = (found or {}).get("status", {})
            sync, health = status.get("sync", {}), status.get("health", {})
            at = not revision or sync.get("revision") == revision
            if found and at and (sync.get("status"), health.get("status")) == ("Synced", "Healthy"):
                return found
            time.sleep(0.1)
        raise LiveError(f"Application {name} not synced and healthy after {timeout:.0f} s: {explain(found)}")

    def metric(self, component: str, name: str) -> float:
        """The sum of a metric of a component (`repo-server`, …) over all its labels."""
        return sum(
            float(line.rpartition(" ")[2]) for line in self.metrics(component) if re.match(rf"{name}[ {{]", line)
        )

    def metrics(self, component: str) -> list[str]:
        """What a component answers to Prometheus, line by line."""
        return self.cluster.api.text(f"{_SERVICES}/{_METRICS[component]}:metrics/proxy/metrics").splitlines()

    def renders(self) -> Counter[str]:
        """How often the repository server has run kustomize, by folder, from its log."""
        log = self.cluster.kubectl(
            "-n", NAMESPACE, "logs", "deployment/argocd-repo-server", "--container=argocd-repo-server"
        )
        return Counter(re.findall(r'"msg":"kustomize build [^"]*?/((?:apps|clusters)/[^"]+)"', log))

    def push_event(self, repository: str, branch: str, before: str, after: str, files: list[str]) -> int:
        """Send a push event as GitHub does; the HTTP status.

        Args:
            repository: the URL that Applications name.
            branch: the branch that was pushed.
            before: its commit before the push.
            after: its commit after the push.
            files: the paths that the push changed.
        """
        commit = {"id": after, "added": [], "removed": [], "modified": files}
        event = {
            "ref": f"refs/heads/{branch}",
            "before": before,
            "after": after,
            "commits": [commit],
            "head_commit": commit,
            "repository": {"html_url": repository.removesuffix(".git"), "default_branch": branch},
        }
        return self._webhook(json.dumps(event).encode(), self._secret)

    def _webhook(self, body: bytes, secret: str) -> int:
        headers = {"X-GitHub-Event": "push", "X-GitHub-Delivery": hashlib.sha256(body).hexdigest()[:36]}
        if secret:
            headers["X-Hub-Signature-256"] = f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"
        try:
            self.cluster.api.text(f"{_SERVICES}/https:argocd-server:https/proxy/api/webhook", body, headers)
        except ApiError as error:
            return error.status
        return 200


def explain(application: Object | None) -> str:
    """Why an Application is not synced and healthy, on one line."""
    if application is None:
        return "it does not exist"
    status: Object = application.get("status", {})
    parts = [f"{status.get('sync', {}).get('status')}, {status.get('health', {}).get('status')}"]
    parts += [str(condition.get("message")) for condition in status.get("conditions", [])]
    operation = status.get("operationState", {})
    if operation.get("phase") not in (None, "Succeeded"):
        parts.append(f"{operation.get('phase')}: {operation.get('message')}")
    for resource in status.get("resources", []):
        health = resource.get("health", {})
        if health.get("status", "Healthy") != "Healthy" or resource.get("status") == "OutOfSync":
            name = f"{resource.get('kind')} {resource.get('name')}"
            parts.append(f"{name}: {resource.get('status')} {health.get('status', '')} {health.get('message', '')}")
    return "; ".join(parts)


def _application_path(name: str) -> str:
    return f"/apis/argoproj.io/v1alpha1/namespaces/{NAMESPACE}/applications/{name}"
