"""Certificates and configuration files of the cluster's processes."""

from __future__ import annotations

import base64
import json
import secrets
from pathlib import Path
from typing import Any

import yaml

from .network import CNI_BINARIES
from .processes import program, run
from .settings import (
    API_PORT,
    CACHE,
    DNS_SERVICE,
    KUBERNETES_SERVICE,
    LOGS,
    NODE_ADDRESS,
    NODE_NAME,
    PAUSE_IMAGE,
    PODS,
    REGISTRY,
    STATE,
)

PKI = STATE / "pki"
KUBECONFIG = STATE / "kubeconfig"
CONTAINERD_SOCKET = STATE / "containerd.sock"


def write_pki() -> None:
    """Make all keys: an authority, the API server's, its as a client of the kubelet, the service accounts'."""
    PKI.mkdir(parents=True, exist_ok=True)
    openssl = program("openssl")
    for name in ("ca", "apiserver", "kubelet-client", "serviceaccount"):
        run(openssl, "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", PKI / f"{name}.key")
    run(openssl, "ec", "-in", PKI / "serviceaccount.key", "-pubout", "-out", PKI / "serviceaccount.pub")
    ca = ("-key", PKI / "ca.key", "-out", PKI / "ca.crt", "-subj", "/CN=live", "-days", "30")
    run(openssl, "req", "-x509", "-new", "-addext", "keyUsage=critical,keyCertSign,cRLSign", *ca)
    names = "DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local"
    addresses = f"IP:{NODE_ADDRESS},IP:{KUBERNETES_SERVICE},IP:127.0.0.1"
    _sign(
        "apiserver",
        "/CN=kube-apiserver",
        f"subjectAltName={names},{addresses}\nextendedKeyUsage=serverAuth\n",
    )
    _sign("kubelet-client", "/O=system:masters/CN=kube-apiserver", "extendedKeyUsage=clientAuth\n")


def _sign(name: str, subject: str, extensions: str) -> None:
    openssl = program("openssl")
    request, options = PKI / f"{name}.csr", PKI / f"{name}.ext"
    options.write_text(extensions)
    run(openssl, "req", "-new", "-key", PKI / f"{name}.key", "-subj", subject, "-out", request)
    authority = ("-CA", PKI / "ca.crt", "-CAkey", PKI / "ca.key", "-CAcreateserial", "-days", "30")
    run(openssl, "x509", "-req", "-in", request, "-out", PKI / f"{name}.crt", "-extfile", options, *authority)


def write_kubeconfig() -> None:
    """An administrator, by a token that is good for this one run."""
    token = secrets.token_hex(16)
    (STATE / "tokens.csv").write_text(f"{token},admin,admin,system:masters\n")
    ca = base64.b64encode((PKI / "ca.crt").read_bytes()).decode()
    server = f"https://{NODE_ADDRESS}:{API_PORT}"
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "live", "cluster": {"server": server, "certificate-authority-data": ca}}],
        "users": [{"name": "admin", "user": {"token": token}}],
        "contexts": [{"name": "live", "context": {"cluster": "live", "user": "admin"}}],
        "current-context": "live",
    }
    KUBECONFIG.write_text(yaml.safe_dump(config))
    KUBECONFIG.chmod(0o600)


def write_containerd() -> Path:
    """Containerd's configuration; its path.

    - Every registry's name leads to the local one, over http: what a manifest names is never pulled from the world.
    - `restrict_oom_score_adj`: without CAP_SYS_RESOURCE no pod would start.
    - Network namespaces are mounted under the state directory, where cleaning up finds them.
    """
    hosts = STATE / "hosts" / "_default"
    hosts.mkdir(parents=True, exist_ok=True)
    (hosts / "hosts.toml").write_text(
        f'server = "http://{REGISTRY}"\n[host."http://{REGISTRY}"]\n  capabilities = ["pull", "resolve"]\n'
    )
    path = STATE / "containerd.toml"
    path.write_text(
        f"""version = 2
root = "{STATE}/containerd/root"
state = "{STATE}/containerd/state"
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper"]
[grpc]
  address = "{CONTAINERD_SOCKET}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  restrict_oom_score_adj = true
  disable_apparmor = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "{STATE}/hosts"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{CNI_BINARIES}"
    conf_dir = "{STATE}/cni-conf"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
"""
    )
    return path


def write_registry() -> Path:
    """The registry's configuration; its path.

    Its storage is in the cache: layers of base images are pushed once, not in every run.
    """
    path = STATE / "registry.yaml"
    config = {
        "version": "0.1",
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(CACHE / "registry")}, "delete": {"enabled": True}},
        "http": {"addr": REGISTRY},
    }
    path.write_text(yaml.safe_dump(config))
    return path


def write_kubelet() -> Path:
    """The kubelet's configuration; its path. Pod logs go to the log directory; disk pressure evicts nothing."""
    return _component(
        "kubelet",
        "kubelet.config.k8s.io/v1beta1",
        "KubeletConfiguration",
        {
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": str(PKI / "ca.crt")},
            },
            "authorization": {"mode": "Webhook"},
            "address": NODE_ADDRESS,
            "healthzBindAddress": "127.0.0.1",
            "cgroupDriver": "cgroupfs",
            "failCgroupV1": False,
            "failSwapOn": False,
            "clusterDNS": [DNS_SERVICE],
            "clusterDomain": "cluster.local",
            "containerRuntimeEndpoint": f"unix://{CONTAINERD_SOCKET}",
            "podLogsDir": str(LOGS / "pods"),
            "resolvConf": "/dev/null",
            "evictionHard": {
                "memory.available": "100Mi",
                "nodefs.available": "1%",
                "imagefs.available": "1%",
            },
            "imageGCHighThresholdPercent": 100,
            "serializeImagePulls": False,
            "registryPullQPS": 0,
            "makeIPTablesUtilChains": False,
            # This one node holds what several do elsewhere.
            "maxPods": 250,
            "registerWithTaints": [],
            "volumePluginDir": str(STATE / "kubelet" / "plugins"),
            "syncFrequency": "10s",
        },
    )


def write_proxy() -> Path:
    """kube-proxy's configuration; its path."""
    return _component(
        "kube-proxy",
        "kubeproxy.config.k8s.io/v1alpha1",
        "KubeProxyConfiguration",
        {
            "mode": "nftables",
            "clusterCIDR": PODS,
            "hostnameOverride": NODE_NAME,
            "clientConnection": {"kubeconfig": str(KUBECONFIG)},
            "conntrack": {"maxPerCore": 0},
            "healthzBindAddress": "127.0.0.1:10256",
            "nftables": {"minSyncPeriod": "0s"},
        },
    )


def _component(name: str, api_version: str, kind: str, values: dict[str, Any]) -> Path:
    path = STATE / f"{name}.json"
    path.write_text(json.dumps({"apiVersion": api_version, "kind": kind, **values}, indent=2))
    return path
