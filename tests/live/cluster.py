"""A one-node Kubernetes on this machine, as a context manager.

```python
with Cluster() as cluster:
    cluster.kubectl("get", "nodes")
```

Everything runs as a process of this machine: etcd, API server, controllers, scheduler, containerd, kubelet, kube-proxy,
a registry. Admission of pod security levels and RBAC are on, as the API server has them by default.

`Cluster(node=False)` starts etcd and the API server alone, in seconds: enough to ask what it admits. No controller runs, so
a namespace has no service account `default` until a test makes one, and nothing that is deleted with a finalizer goes.

`LIVE_KUBECONFIG=path` uses the cluster of that file instead (kind, k3d): no Kubernetes is started, and load balancers,
volumes and network policies are that cluster's own. The registry and the git server still run here: that cluster has to be
told to pull from this machine's registry, and `LIVE_ADDRESS` says by which address of this machine its pods reach it.
"""

from __future__ import annotations

import fcntl
import functools
import json
import os
import shutil
import string
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import yaml

from . import build, cleanup, config, images, network
from .api import APPLY_PATCH, Api, Object
from .policies import Policies
from .processes import Daemon, LiveError, environment, program, run, say, wait_for
from .settings import (
    API_PORT,
    CLIENT,
    COREDNS_IMAGE,
    DNS_SERVICE,
    ETCD_PEER_PORT,
    ETCD_PORT,
    HERE,
    LOGS,
    NODE_ADDRESS,
    NODE_NAME,
    REGISTRY,
    SERVICES,
    STATE,
)
from .standins import LoadBalancer, Storage, follow

STORAGE_CLASSES: Final = {
    "default": "Delete",
    "managed-csi": "Delete",
    "managed-csi-premium": "Delete",
}
"""Name → reclaim policy: the classes of AKS for one pod at a time."""

_LOCK: Final = Path("/run/gitops-live.lock")


class Cluster:
    """See the module's documentation. One at a time on a machine.

    Attributes:
        kubeconfig: an administrator's kubeconfig.
        api: a client with it.
        registry: the registry's address; containerd finds every image there, whatever registry its name begins with.
        address: where pods reach what listens on this machine.
        logs: a log per process, and the pods' under `pods/`.
        policies_enforced: whether network policies are.
    """

    def __init__(
        self,
        *,
        storage_classes: Mapping[str, str] = STORAGE_CLASSES,
        default_class: str = "managed-csi",
        policies: bool = True,
        node: bool = True,
        logs: Path = LOGS,
    ) -> None:
        self._node = node
        self._classes = dict(storage_classes)
        self._default_class = default_class
        given = os.environ.get("LIVE_KUBECONFIG")
        self.external = bool(given)
        self.kubeconfig = Path(given).resolve() if given else config.KUBECONFIG
        self.policies_enforced = policies and node and not self.external
        self.registry = REGISTRY
        self.address = os.environ.get("LIVE_ADDRESS", "") if given else NODE_ADDRESS
        self.logs = logs
        self.api: Api
        self.tools: build.Tools
        self._daemons: dict[str, Daemon] = {}
        self._stop = threading.Event()

    def __enter__(self) -> Self:
        if not self.address:
            raise LiveError("say by which address of this machine that cluster's pods reach it: LIVE_ADDRESS=ADDRESS")
        self.tools = build.ensure(*([] if self._node else ["kubernetes"]))
        self._lock = _LOCK.open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise LiveError("another live cluster is running on this machine; end it first") from None
        try:
            self._up()
        except BaseException:
            self.down()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down()

    def down(self) -> None:
        """Stop everything and clean up. Logs stay."""
        self._end()
        self._lock.close()

    def replace(self) -> None:
        """Lose this cluster with all that it holds; an empty one takes its place. The registry keeps its images."""
        self._end()
        self._stop = threading.Event()
        lost = self.logs.with_name(f"{self.logs.name}-lost")
        shutil.rmtree(lost, ignore_errors=True)
        self.logs.rename(lost)
        self._up()

    def _end(self) -> None:
        self._stop.set()
        for daemon in self._daemons.values():
            daemon.stop()
        self._daemons.clear()
        cleanup.clean()

    def kubectl(self, *args: str, stdin: str | None = None, timeout: float = 120) -> str:
        """Run `kubectl`; its output. Raises LiveError with what it said when it fails."""
        kubeconfig = {"KUBECONFIG": str(self.kubeconfig)}
        return run(self.tools.bin / "kubectl", *args, stdin=stdin, env=kubeconfig, timeout=timeout)

    def apply(self, manifest: str | Object | list[Object]) -> None:
        """Server-side apply of YAML text, an object, or several."""
        if isinstance(manifest, dict):
            manifest = [manifest]
        text = manifest if isinstance(manifest, str) else yaml.safe_dump_all(manifest)
        self.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=text)

    def install_crds(self, *names: str) -> None:
        """Install custom resource definitions by the names of `build.CRDS` and wait until they are served."""
        wanted = [json.loads(file.read_text()) for name in names for file in (self.tools.crds / name).glob("*.json")]
        for crd in wanted:
            path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{crd['metadata']['name']}"
            self.api.request("PATCH", f"{path}?fieldManager=live&force=true", crd, APPLY_PATCH)
        wait_for(f"CRDs of {', '.join(names)} are served", lambda: all(map(self._served, wanted)), 60)

    def _served(self, crd: Object) -> bool:
        """Whether discovery lists every version of a resource: cheap to ask, where the CRDs are megabytes."""
        spec = crd["spec"]
        for version in (entry["name"] for entry in spec["versions"] if entry["served"]):
            found = self.api.find(f"/apis/{spec['group']}/{version}") or {"resources": []}
            if spec["names"]["plural"] not in {resource["name"] for resource in found["resources"]}:
                return False
        return True

    def client(self, *argv: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """Run a command as a client outside the cluster, which network policies see as one."""
        command = [program("ip"), "netns", "exec", CLIENT, *argv]
        return subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=timeout, check=False)

    def start(self, name: str, *argv: str | Path, env: Mapping[str, str] | None = None) -> Daemon:
        """Start a process that ends with the cluster, with its log in `logs`."""
        daemon = Daemon(name, argv, self.logs, env)
        self._daemons[name] = daemon
        return daemon

    def require_running(self) -> None:
        """Raise, with the end of its log, if one of the processes has ended."""
        for daemon in list(self._daemons.values()):
            daemon.require_running()

    def _up(self) -> None:
        started = time.monotonic()
        cleanup.clean()
        self.logs.mkdir(parents=True, exist_ok=True)
        for old in (*self.logs.glob("*.log"), *self.logs.glob("policies.*")):
            old.unlink()
        shutil.rmtree(self.logs / "pods", ignore_errors=True)
        STATE.mkdir(parents=True)
        if self._node:
            registry = self.start("registry", program("docker-registry"), "serve", config.write_registry())
        if self.external:
            self.api = Api(self.kubeconfig)
            wait_for(f"the cluster of {self.kubeconfig} answers", self.api.healthy, 20)
        else:
            self._start_kubernetes()
        if self._node:
            registry.wait_ready(lambda: images.registry_ready(self.registry), 20)
        say(f"cluster up in {time.monotonic() - started:.1f} s, logs in {self.logs}")
        if self._node and not self.policies_enforced:
            say("network policies are NOT enforced" if not self.external else "network policies: as that cluster does")

    def _start_kubernetes(self) -> None:
        network.up()
        config.write_pki()
        config.write_kubeconfig()
        self._start_etcd()
        apiserver = self._start_apiserver()
        self.api = Api(self.kubeconfig)
        if self._node:
            self._start_containerd()
        apiserver.wait_ready(self.api.healthy, 90)
        if self._node:
            self._start_node()

    def _start_containerd(self) -> None:
        network.write_cni(STATE / "cni-conf")
        containerd = self.start("containerd", program("containerd"), "--config", config.write_containerd())
        archives = [images.coredns_archive(self.tools.bin), images.pause_archive(self.tools.bin)]
        containerd.wait_ready(config.CONTAINERD_SOCKET.exists, 20)
        ctr = (program("ctr"), "--address", config.CONTAINERD_SOCKET, "--namespace", "k8s.io", "images", "import")
        for archive in archives:
            wait_for("containerd takes images", functools.partial(_succeeds, *ctr, archive), 20)

    def _start_node(self) -> None:
        self._start_components()
        follow(self.api, "/api/v1/services", LoadBalancer(self.api).handle, self._stop)
        storage = Storage(self.api, STATE / "volumes", self._classes, self._default_class)
        follow(self.api, "/api/v1/persistentvolumeclaims", storage.handle_claim, self._stop)
        follow(self.api, "/api/v1/persistentvolumes", storage.handle_volume, self._stop)
        if self.policies_enforced:
            Policies(self.api, self.logs / "policies.nft").start(self._stop)
        template = string.Template((HERE / "manifests" / "coredns.yaml").read_text())
        self.apply(template.substitute(image=COREDNS_IMAGE, address=DNS_SERVICE))
        wait_for("the node is ready and DNS answers", self._ready, 90)

    def _ready(self) -> bool:
        self.require_running()
        node = self.api.find(f"/api/v1/nodes/{NODE_NAME}")
        dns = self.api.find("/apis/apps/v1/namespaces/kube-system/deployments/coredns")
        conditions = {c["type"]: c["status"] for c in node["status"].get("conditions", [])} if node else {}
        return conditions.get("Ready") == "True" and bool(dns and dns.get("status", {}).get("availableReplicas"))

    def _start_etcd(self) -> None:
        self.start(
            "etcd",
            program("etcd"),
            f"--data-dir={STATE / 'etcd'}",
            f"--listen-client-urls=http://127.0.0.1:{ETCD_PORT}",
            f"--advertise-client-urls=http://127.0.0.1:{ETCD_PORT}",
            f"--listen-peer-urls=http://127.0.0.1:{ETCD_PEER_PORT}",
            f"--initial-advertise-peer-urls=http://127.0.0.1:{ETCD_PEER_PORT}",
            f"--initial-cluster=default=http://127.0.0.1:{ETCD_PEER_PORT}",
            "--unsafe-no-fsync",
            "--log-level=warn",
        )

    def _start_apiserver(self) -> Daemon:
        pki = config.PKI
        return self.start(
            "kube-apiserver",
            self.tools.bin / "kube-apiserver",
            f"--etcd-servers=http://127.0.0.1:{ETCD_PORT}",
            f"--bind-address={NODE_ADDRESS}",
            f"--advertise-address={NODE_ADDRESS}",
            f"--secure-port={API_PORT}",
            f"--tls-cert-file={pki / 'apiserver.crt'}",
            f"--tls-private-key-file={pki / 'apiserver.key'}",
            f"--client-ca-file={pki / 'ca.crt'}",
            f"--token-auth-file={STATE / 'tokens.csv'}",
            f"--service-account-key-file={pki / 'serviceaccount.pub'}",
            f"--service-account-signing-key-file={pki / 'serviceaccount.key'}",
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
            "--authorization-mode=Node,RBAC",
            f"--service-cluster-ip-range={SERVICES}",
            "--allow-privileged=true",
            f"--kubelet-client-certificate={pki / 'kubelet-client.crt'}",
            f"--kubelet-client-key={pki / 'kubelet-client.key'}",
            "--kubelet-preferred-address-types=InternalIP",
        )

    def _start_components(self) -> None:
        binaries, kubeconfig = self.tools.bin, f"--kubeconfig={self.kubeconfig}"
        self.start(
            "kube-controller-manager",
            binaries / "kube-controller-manager",
            kubeconfig,
            f"--root-ca-file={config.PKI / 'ca.crt'}",
            f"--service-account-private-key-file={config.PKI / 'serviceaccount.key'}",
            "--leader-elect=false",
            "--bind-address=127.0.0.1",
        )
        self.start(
            "kube-scheduler",
            binaries / "kube-scheduler",
            kubeconfig,
            "--leader-elect=false",
            "--bind-address=127.0.0.1",
        )
        self.start(
            "kubelet",
            binaries / "kubelet",
            kubeconfig,
            f"--config={config.write_kubelet()}",
            f"--root-dir={STATE / 'kubelet'}",
            f"--cert-dir={STATE / 'kubelet' / 'pki'}",
            f"--hostname-override={NODE_NAME}",
            f"--node-ip={NODE_ADDRESS}",
        )
        self.start("kube-proxy", binaries / "kube-proxy", f"--config={config.write_proxy()}")


def _succeeds(*command: str | Path) -> bool:
    run(*command)
    return True
