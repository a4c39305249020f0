"""Argo CD as processes of this machine, with a cluster's API server as theirs.

The same binaries, ConfigMaps and custom resources as in a cluster; what differs is where they run, and that they are
administrators of the cluster. ConfigMap keys that Argo CD's own Deployments turn into environment variables
(`argocd-cmd-params-cm`, `timeout.reconciliation` and others) are turned into the same variables here, as its
`install.yaml` says.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import re
import socket
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from .api import Object
from .cluster import Cluster
from .processes import Daemon, LiveError, program, say
from .settings import STATE

NAMESPACE: Final = "argocd"
SERVER_PORT: Final = 18080
REPO_SERVER_PORT: Final = 18081
REDIS_PORT: Final = 16379
_METRICS: Final = {
    "argocd-application-controller": 18082,
    "argocd-server": 18083,
    "argocd-repo-server": 18084,
}
_LABEL: Final = {"app.kubernetes.io/part-of": "argocd"}


class ArgoCD:
    """Argo CD for a cluster, as a context manager.

    Args:
        cm, params, rbac: the data of ConfigMaps `argocd-cm`, `argocd-cmd-params-cm` and `argocd-rbac-cm`.
        webhook_secret: what a GitHub webhook has to be signed with; "" takes any.
        applicationsets: also run the ApplicationSet controller.
    """

    def __init__(
        self,
        cluster: Cluster,
        *,
        cm: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        rbac: Mapping[str, str] | None = None,
        webhook_secret: str = "",
        applicationsets: bool = False,
    ) -> None:
        self.cluster = cluster
        self.url = f"http://127.0.0.1:{SERVER_PORT}"
        self.webhook_url = f"{self.url}/api/webhook"
        self._data = {
            "argocd-cm": dict(cm or {}),
            "argocd-cmd-params-cm": dict(params or {}),
            "argocd-rbac-cm": dict(rbac or {}),
        }
        self._secret = webhook_secret
        self._applicationsets = applicationsets
        self._daemons: list[Daemon] = []

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Install the CRDs and settings, start the processes, wait until they serve."""
        started = time.monotonic()
        self.cluster.install_crds("argocd")
        self._configure()
        # Writing its title, redis would overwrite the environment by which cleaning up knows it.
        quiet = ("--save", "", "--set-proc-title", "no")
        redis = self._daemon("redis", "redis-server", "--port", str(REDIS_PORT), "--bind", "127.0.0.1", *quiet)
        redis.wait_ready(lambda: _listens(REDIS_PORT), 10)
        repo_server = self._start_repo_server()
        common = (
            f"--kubeconfig={self.cluster.kubeconfig}",
            f"--namespace={NAMESPACE}",
            f"--repo-server=127.0.0.1:{REPO_SERVER_PORT}",
            "--repo-server-plaintext",
        )
        controller = self._component(
            "argocd-application-controller", *common, *_cache(), _metrics_port("application-controller")
        )
        server = self._component(
            "argocd-server",
            *common,
            *_cache(),
            _metrics_port("server"),
            "--insecure",
            "--address=127.0.0.1",
            f"--port={SERVER_PORT}",
        )
        if self._applicationsets:
            self._component(
                "argocd-applicationset-controller",
                f"--kubeconfig={self.cluster.kubeconfig}",
                f"--namespace={NAMESPACE}",
                f"--argocd-repo-server=127.0.0.1:{REPO_SERVER_PORT}",
                "--repo-server-plaintext",
                "--metrics-addr=127.0.0.1:18085",
                "--probe-addr=127.0.0.1:18086",
                "--webhook-addr=127.0.0.1:18087",
            ).wait_ready(lambda: _listens(18086), 60)
        repo_server.wait_ready(lambda: _listens(REPO_SERVER_PORT), 60)
        server.wait_ready(lambda: _healthy(SERVER_PORT), 60)
        controller.wait_ready(lambda: _healthy(_METRICS["argocd-application-controller"]), 60)
        say(f"Argo CD serves on {self.url} after {time.monotonic() - started:.1f} s")

    def stop(self) -> None:
        """End the processes; the objects in the cluster stay."""
        for daemon in reversed(self._daemons):
            daemon.stop()
        self._daemons.clear()

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
        connection = http.client.HTTPConnection("127.0.0.1", _METRICS[f"argocd-{component}"], timeout=10)
        try:
            connection.request("GET", "/metrics")
            return connection.getresponse().read().decode().splitlines()
        finally:
            connection.close()

    def renders(self) -> Counter[str]:
        """How often the repository server has run kustomize, by folder, from its log."""
        log = (self.cluster.logs / "argocd-repo-server.log").read_text()
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
        body = json.dumps(
            {
                "ref": f"refs/heads/{branch}",
                "before": before,
                "after": after,
                "commits": [commit],
                "head_commit": commit,
                "repository": {"html_url": repository.removesuffix(".git"), "default_branch": branch},
            }
        ).encode()
        headers = {
            "Content-Type": "application/json",
            "X-GitHub-Event": "push",
            "X-GitHub-Delivery": after[:36],
        }
        if self._secret:
            signature = hmac.new(self._secret.encode(), body, hashlib.sha256).hexdigest()
            headers["X-Hub-Signature-256"] = f"sha256={signature}"
        connection = http.client.HTTPConnection("127.0.0.1", SERVER_PORT, timeout=10)
        try:
            connection.request("POST", "/api/webhook", body, headers)
            return connection.getresponse().status
        finally:
            connection.close()

    def _configure(self) -> None:
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
        objects: list[Object] = [namespace]
        for name, data in self._data.items():
            metadata = {"name": name, "namespace": NAMESPACE, "labels": _LABEL}
            objects.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})
        secret = {"webhook.github.secret": self._secret} if self._secret else {}
        metadata = {"name": "argocd-secret", "namespace": NAMESPACE, "labels": _LABEL}
        objects.append({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": secret})
        self.cluster.apply(objects)

    def _daemon(self, name: str, command: str | Path, *args: str, env: Mapping[str, str] | None = None) -> Daemon:
        path = program(command) if isinstance(command, str) else command
        daemon = Daemon(name, [path, *args], self.cluster.logs, env)
        self._daemons.append(daemon)
        return daemon

    def _start_repo_server(self) -> Daemon:
        return self._component(
            "argocd-repo-server",
            "--disable-tls",
            "--client-ca-path=",
            "--address=127.0.0.1",
            f"--port={REPO_SERVER_PORT}",
            _metrics_port("repo-server"),
            f"--redis=127.0.0.1:{REDIS_PORT}",
        )

    def _component(self, name: str, *args: str) -> Daemon:
        home = STATE / "argocd"
        for directory in ("tls", "ssh", "gpg", "plugins", "tmp", "home"):
            (home / directory).mkdir(parents=True, exist_ok=True)
        (home / "ssh" / "ssh_known_hosts").touch()
        binaries = self.cluster.tools.bin
        env = {
            **self._variables(name),
            "PATH": f"{binaries}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "KUBECONFIG": str(self.cluster.kubeconfig),
            "HOME": str(home / "home"),
            "TMPDIR": str(home / "tmp"),
            "ARGOCD_FAKE_IN_CLUSTER": "true",
            "ARGOCD_GPG_ENABLED": "false",
            "ARGOCD_TLS_DATA_PATH": str(home / "tls"),
            "ARGOCD_SSH_DATA_PATH": str(home / "ssh"),
            "ARGOCD_GNUPGHOME": str(home / "gpg"),
            "ARGOCD_PLUGINSOCKFILEPATH": str(home / "plugins"),
            "ARGOCD_ASK_PASS_SOCK": str(home / "ask-pass.sock"),
            "ARGOCD_CONTROLLER_REPLICAS": "1",
            "NAMESPACE": NAMESPACE,
        }
        return self._daemon(name, binaries / name, *args, env=env)

    def _variables(self, component: str) -> dict[str, str]:
        """The environment variables that this component's Deployment would take from the ConfigMaps."""
        known = json.loads(self.cluster.tools.argocd_variables.read_text())[component]
        return {name: self._data[cm][key] for name, (cm, key) in known.items() if key in self._data.get(cm, {})}


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


def _cache() -> tuple[str, ...]:
    return (f"--redis=127.0.0.1:{REDIS_PORT}",)


def _metrics_port(component: str) -> str:
    return f"--metrics-port={_METRICS[f'argocd-{component}']}"


def _listens(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=1):
        return True


def _healthy(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except http.client.HTTPException:
        return False
    finally:
        connection.close()
