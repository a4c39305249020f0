"""Argo CD, of the version and with the settings that `terraform/gitops` gives it."""

import json
import os
import re
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from gitops.repository import ARGOCD_NAMESPACE, ROOT

from .commands import LocalError, Object, found, run, succeeds
from .place import FOLDER, KUBECONFIG, OWNED, get, kubectl, make_namespace, read_values

_GITOPS = ROOT / "terraform" / "gitops"
_VALUES = _GITOPS / "values" / "argocd.yaml"
_CHARTS = "https://argoproj.github.io/argo-helm"
_RAW = "https://raw.githubusercontent.com/argoproj"
_RENDERED = FOLDER / "argocd" / "objects.yaml"
# Values of the chart → the object in Argo CD's own manifest that they are about.
_CONFIG_MAPS = {"cm": "argocd-cm", "params": "argocd-cmd-params-cm", "rbac": "argocd-rbac-cm"}
_WORKLOADS = {
    "controller": ("StatefulSet", "argocd-application-controller"),
    "server": ("Deployment", "argocd-server"),
    "repoServer": ("Deployment", "argocd-repo-server"),
    "applicationSet": ("Deployment", "argocd-applicationset-controller"),
    "redis": ("Deployment", "argocd-redis"),
}
_OPTIONAL = {"dex": "argocd-dex-server", "notifications": "argocd-notifications-controller"}


def _chart_version() -> str:
    text = (_GITOPS / "argocd.tf").read_text(encoding="utf-8")
    match = re.search(r'^\s*version\s*=\s*"([^"]+)"', text, re.MULTILINE)
    if not match:
        raise LocalError("terraform/gitops/argocd.tf names no version of the chart argo-cd")
    return match[1]


def _download(url: str) -> str:
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 - a constant https address
            text: str = answer.read().decode()
            return text
    except (urllib.error.URLError, TimeoutError) as error:
        raise LocalError(
            f"{url} can't be had ({error}): install helm, or give Argo CD's install.yaml as ARGOCD_MANIFEST=FILE"
        ) from error


def _manifest() -> str:
    """Return Argo CD's own manifest, of the version that the chart has."""
    given = os.environ.get("ARGOCD_MANIFEST")
    if given:
        if not Path(given).is_file():
            raise LocalError(f"there is no file {given}: give Argo CD's install.yaml as ARGOCD_MANIFEST=FILE")
        return Path(given).read_text(encoding="utf-8")
    chart = _download(f"{_RAW}/argo-helm/argo-cd-{_chart_version()}/charts/argo-cd/Chart.yaml")
    version = re.search(r"^appVersion:\s*\"?([\w.-]+)", chart, re.MULTILINE)
    if not version:
        raise LocalError("the chart argo-cd does not say which Argo CD it brings: install helm")
    return _download(f"{_RAW}/argo-cd/{version[1]}/manifests/install.yaml")


def _json_patch(kind: str, name: str, *operations: Object) -> Object:
    return {"target": {"kind": kind, "name": name}, "patch": json.dumps(operations)}


def _patches(values: Object) -> list[Object]:
    """Return the patches by which Argo CD's manifest gets what the values give to the chart."""
    patches: list[Object] = []

    def text(value: Any) -> str:
        return value if isinstance(value, str) else json.dumps(value)

    for key, name in _CONFIG_MAPS.items():
        data = {entry: text(value) for entry, value in values.get("configs", {}).get(key, {}).items()}
        if data:
            merged = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
            patches.append({"target": {"kind": "ConfigMap", "name": name}, "patch": json.dumps(merged)})
    for key, (kind, name) in _WORKLOADS.items():
        given = values.get(key, {})
        container = "/spec/template/spec/containers/0"
        operations = [
            {"op": "add", "path": f"{container}/args/-", "value": argument} for argument in given.get("extraArgs", [])
        ]
        variables = given.get("env", [])
        operations += [{"op": "add", "path": f"{container}/env/-", "value": variable} for variable in variables]
        if "resources" in given:
            operations.append({"op": "add", "path": f"{container}/resources", "value": given["resources"]})
        if operations:
            patches.append(_json_patch(kind, name, *operations))
    for key, name in _OPTIONAL.items():
        if values.get(key, {}).get("enabled") is False:
            gone = {"$patch": "delete", "apiVersion": "v1", "kind": "Any", "metadata": {"name": "any"}}
            patches.append({"target": {"labelSelector": f"app.kubernetes.io/name={name}"}, "patch": json.dumps(gone)})
    return patches


def settings() -> Object:
    """Return the values that the chart gets."""
    return read_values(_VALUES)


def install(values: Object) -> None:
    """Install Argo CD and wait until it runs; by Helm where it is there, else from its manifest.

    Raises:
        LocalError: the cluster has an Argo CD that was not made here, or this one does not start.
    """
    ours = get("namespace", f"--field-selector=metadata.name={ARGOCD_NAMESPACE}", f"--selector={OWNED}")
    if not ours and get("customresourcedefinition", "applications.argoproj.io"):
        raise LocalError("the cluster has an Argo CD already: choose another cluster")
    make_namespace(ARGOCD_NAMESPACE)
    # Once installed by one way, by that way again.
    if _RENDERED.exists() or os.environ.get("ARGOCD_MANIFEST") or not found("helm"):
        if not _RENDERED.exists():
            _render(values)
        kubectl("apply", "--server-side", "--force-conflicts", "--filename", _RENDERED)
    else:
        chart = ("--repo", _CHARTS, "--version", _chart_version(), "--values", _VALUES, "--set", "crds.keep=false")
        where = ("--kubeconfig", KUBECONFIG, "--namespace", ARGOCD_NAMESPACE)
        run("helm", "upgrade", "--install", "argocd", "argo-cd", *where, *chart, timeout=600)
    for workload in ("statefulset/argocd-application-controller", "deployment/argocd-repo-server"):
        kubectl("--namespace", ARGOCD_NAMESPACE, "rollout", "status", workload, "--timeout=600s", timeout=630)


def _render(values: Object) -> None:
    folder = _RENDERED.parent
    folder.mkdir(exist_ok=True)
    (folder / "install.yaml").write_text(_manifest(), encoding="utf-8")
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": ARGOCD_NAMESPACE,
        "resources": ["install.yaml"],
        "images": [{"name": "quay.io/argoproj/argocd", "newTag": values["global"]["image"]["tag"]}],
        "patches": _patches(values),
    }
    (folder / "kustomization.yaml").write_text(json.dumps(kustomization), encoding="utf-8")
    text = run("kubectl", "kustomize", folder)
    new = _RENDERED.with_suffix(".new")
    new.write_text(text, encoding="utf-8")
    new.replace(_RENDERED)


def image() -> str:
    """Return the image of the Argo CD that runs."""
    [server] = get("--namespace", ARGOCD_NAMESPACE, "deployment", "argocd-repo-server")
    name: str = server["spec"]["template"]["spec"]["containers"][0]["image"]
    return name


def remove_applications() -> None:
    """Remove the Applications, and not what they have made; Argo CD is stopped, or it would bring them back."""
    where = ("--namespace", ARGOCD_NAMESPACE)
    if get(*where, "statefulset", "argocd-application-controller"):
        kubectl(*where, "scale", "statefulset/argocd-application-controller", "--replicas=0")
        kubectl(*where, "wait", "--for=delete", "pod/argocd-application-controller-0", "--timeout=120s")
    for kind in ("applicationsets.argoproj.io", "applications.argoproj.io", "appprojects.argoproj.io"):
        for item in get(*where, kind):
            name = (*where, kind, item["metadata"]["name"])
            if item["metadata"].get("finalizers"):
                patch = json.dumps({"metadata": {"finalizers": None}})
                succeeds("kubectl", "--kubeconfig", KUBECONFIG, "patch", *name, "--type=merge", f"--patch={patch}")
            kubectl("delete", *name, "--ignore-not-found", "--wait=false")


def remove() -> None:
    """Remove Argo CD."""
    if _RENDERED.exists():
        kubectl("delete", "--filename", _RENDERED, "--ignore-not-found", timeout=600)
    elif found("helm") and succeeds(
        "helm", "--kubeconfig", KUBECONFIG, "--namespace", ARGOCD_NAMESPACE, "status", "argocd"
    ):
        run("helm", "--kubeconfig", KUBECONFIG, "--namespace", ARGOCD_NAMESPACE, "uninstall", "argocd", "--wait")


def bring(folder: Path) -> None:
    """Apply the bootstrap Application, and nothing else."""
    kubectl("apply", "--server-side", "--force-conflicts", "--kustomize", folder)
