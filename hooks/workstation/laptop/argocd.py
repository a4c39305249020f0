"""Argo CD, of the version and with the settings that `terraform/gitops` gives it, and the git server that it watches.

That is git's own daemon, which lets read only; pushes come in by `kubectl exec`, with the rights of the kubeconfig. The
image is Argo CD's, which is there already and has git.
"""

import contextlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

from gitops.cluster import pod_troubles
from gitops.process import CommandError
from gitops.repository import ROOT, application, argocd_namespace, main_branch

from .commands import Object, run, succeeds
from .place import KUBECONFIG, OWNED, apply, get, kubectl, make_namespace

_GITOPS = ROOT / "terraform" / "gitops"
_CHARTS = "https://argoproj.github.io/argo-helm"
_RELEASE = "argocd"
_WHERE = ("--namespace", argocd_namespace())
_HELM = ("helm", "--kubeconfig", KUBECONFIG, *_WHERE)
# What an interrupted Helm leaves, and no later one touches (https://helm.sh/docs/helm/helm_status).
_UNFINISHED = "pending-install,pending-upgrade,pending-rollback,uninstalling"
_GIT_FOLDER = "/srv/git"
_GIT_PORT = 9418
_GIT_LABELS = {"app.kubernetes.io/name": "git"}


def _chart_version() -> str:
    text = (_GITOPS / "argocd.tf").read_text(encoding="utf-8")
    match = re.search(r'^\s*version\s*=\s*"([^"]+)"', text, re.MULTILINE)
    if not match:
        raise CommandError("terraform/gitops/argocd.tf names no version of the chart argo-cd")
    return match[1]


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """Add to an error which pods do not start, and why."""
    try:
        yield
    except CommandError as error:
        stuck, waits, unready = pod_troubles(*(get(*_WHERE, kind) for kind in ("pods", "replicasets.apps", "events")))
        raise CommandError("; ".join([str(error), *stuck, *waits, *unready])) from error


def install() -> None:
    """Install Argo CD; it may not run yet."""
    ours = get("namespace", f"--field-selector=metadata.name={argocd_namespace()}", f"--selector={OWNED}")
    if not ours and get("customresourcedefinition", "applications.argoproj.io"):
        raise CommandError("the cluster has an Argo CD already: choose another cluster")
    make_namespace(argocd_namespace())
    # Without its record, the objects of an unfinished release are taken up by the next one.
    selector = f"owner=helm,name={_RELEASE},status in ({_UNFINISHED})"
    kubectl(*_WHERE, "delete", "secret", "--selector", selector)
    values = _GITOPS / "values" / "argocd.yaml"
    chart = (_RELEASE, "argo-cd", "--repo", _CHARTS, "--version", _chart_version())
    with _explained():
        run(*_HELM, "upgrade", "--install", *chart, "--values", values, "--set", "crds.keep=false", timeout=600)


def wait(*workloads: str) -> None:
    """Wait until what is in Argo CD's namespace runs."""
    for workload in workloads:
        with _explained():
            kubectl(*_WHERE, "rollout", "status", workload, "--timeout=300s", timeout=330)


def image() -> str:
    """Return the image of the Argo CD that is installed."""
    [server] = get(*_WHERE, "deployment", "argocd-repo-server")
    name: str = server["spec"]["template"]["spec"]["containers"][0]["image"]
    return name


def remove() -> None:
    """Remove the Applications, but not what they have made, and Argo CD, which is stopped: it would bring them back."""
    if get(*_WHERE, "statefulset", "argocd-application-controller"):
        kubectl(*_WHERE, "scale", "statefulset/argocd-application-controller", "--replicas=0")
        kubectl(*_WHERE, "wait", "--for=delete", "pod/argocd-application-controller-0", "--timeout=120s")
    for kind in ("applicationsets.argoproj.io", "applications.argoproj.io", "appprojects.argoproj.io"):
        for item in get(*_WHERE, kind):
            name = (*_WHERE, kind, item["metadata"]["name"])
            if item["metadata"].get("finalizers"):
                patch = json.dumps({"metadata": {"finalizers": None}})
                succeeds("kubectl", "--kubeconfig", KUBECONFIG, "patch", *name, "--type=merge", f"--patch={patch}")
            kubectl("delete", *name, "--ignore-not-found", "--wait=false")
    run(*_HELM, "uninstall", _RELEASE, "--ignore-not-found", "--wait", timeout=600)


def bring(folder: Path) -> None:
    """Apply the bootstrap Application, and nothing else."""
    kubectl("apply", "--server-side", "--force-conflicts", "--kustomize", folder)


def _git_repository() -> str:
    return f"{_GIT_FOLDER}/{application()}.git"


def git_url() -> str:
    """Return the repository's address in the cluster."""
    return f"git://git.{argocd_namespace()}.svc/{application()}.git"


def git_remote() -> str:
    """Return the repository's address for git on this machine (gitremote-helpers: ext)."""
    kubeconfig = str(KUBECONFIG).replace("%", "%%").replace(" ", "% ")
    where = f"--namespace {argocd_namespace()} deployment/git --container git"
    return f"ext::kubectl --kubeconfig {kubeconfig} exec --stdin {where} -- %S {_git_repository()}"


def _git_deployment() -> Object:
    serve = f"exec git daemon --reuseaddr --export-all --base-path={_GIT_FOLDER} {_GIT_FOLDER}"
    container: Object = {
        "name": "git",
        "image": image(),
        "args": ["sh", "-c", f"git init --quiet --bare --initial-branch={main_branch()} {_git_repository()}; {serve}"],
        "ports": [{"name": "git", "containerPort": _GIT_PORT}],
        "readinessProbe": {"tcpSocket": {"port": "git"}, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "256Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "repositories", "mountPath": _GIT_FOLDER}],
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
        "metadata": {"name": "git", "namespace": argocd_namespace(), "labels": _GIT_LABELS},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": _GIT_LABELS},
            "strategy": {"type": "Recreate"},
            "template": {"metadata": {"labels": _GIT_LABELS}, "spec": pod},
        },
    }


def start_git() -> None:
    """Run a git server in the cluster. It begins empty, and does again when its pod is replaced."""
    ports = [{"name": "git", "port": _GIT_PORT, "targetPort": "git"}]
    service: Object = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "git", "namespace": argocd_namespace(), "labels": _GIT_LABELS},
        "spec": {"selector": _GIT_LABELS, "ports": ports},
    }
    apply(_git_deployment(), service)
