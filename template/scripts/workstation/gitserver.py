"""A git server in the cluster: whatever the cluster runs on, Argo CD reaches it, and this machine by kubectl.

It is git's own daemon, which lets read only; pushes come in by `kubectl exec`, with the rights of the kubeconfig. The
image is Argo CD's, which is there already and has git.
"""

from gitops.repository import ARGOCD_NAMESPACE, application

from . import argocd
from .commands import Object
from .place import KUBECONFIG, apply

_FOLDER = "/srv/git"
_PORT = 9418
_LABELS = {"app.kubernetes.io/name": "git"}


def _repository() -> str:
    return f"{_FOLDER}/{application()}.git"


def url() -> str:
    """Return the repository's address in the cluster."""
    return f"git://git.{ARGOCD_NAMESPACE}.svc/{application()}.git"


def remote() -> str:
    """Return the repository's address for git on this machine (gitremote-helpers: ext)."""
    kubeconfig = str(KUBECONFIG).replace("%", "%%").replace(" ", "% ")
    where = f"--namespace {ARGOCD_NAMESPACE} deployment/git --container git"
    return f"ext::kubectl --kubeconfig {kubeconfig} exec --stdin {where} -- %S {_repository()}"


def _deployment() -> Object:
    serve = f"exec git daemon --reuseaddr --export-all --base-path={_FOLDER} {_FOLDER}"
    container: Object = {
        "name": "git",
        "image": argocd.image(),
        "args": ["sh", "-c", f"git init --quiet --bare --initial-branch=main {_repository()}; {serve}"],
        "ports": [{"name": "git", "containerPort": _PORT}],
        "readinessProbe": {"tcpSocket": {"port": "git"}, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "256Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "repositories", "mountPath": _FOLDER}],
    }
    pod: Object = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 999,
            "runAsGroup": 999,
            "fsGroup": 999,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [{"name": "repositories", "emptyDir": {}}],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "git", "namespace": ARGOCD_NAMESPACE, "labels": _LABELS},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": _LABELS},
            "strategy": {"type": "Recreate"},
            "template": {"metadata": {"labels": _LABELS}, "spec": pod},
        },
    }


def start() -> None:
    """Run the server. It begins empty, and does again when its pod is replaced."""
    ports = [{"name": "git", "port": _PORT, "targetPort": "git"}]
    service: Object = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "git", "namespace": ARGOCD_NAMESPACE, "labels": _LABELS},
        "spec": {"selector": _LABELS, "ports": ports},
    }
    apply(_deployment(), service)
