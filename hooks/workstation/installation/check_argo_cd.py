"""What runs already in a cluster that was there before: is its Argo CD named, and set up as this repository needs?"""

import json
import re
import tempfile
from collections.abc import Iterator
from typing import Any

from gitops.process import CommandError, output
from gitops.repository import ROOT, argocd_namespace

from .report import Line, failure, ok, warning
from .settings import Settings

_WHAT = "existing: Argo CD"
_CONTROLLER = "argocd-application-controller"
# Add-ons that this repository may bring, by a kind that each makes.
_ADD_ONS = {
    "cert-manager": "certificates.cert-manager.io",
    "external-secrets": "externalsecrets.external-secrets.io",
    "kyverno": "policies.kyverno.io",
}
# What the kinds in apps/ and clusters/ are, of which none may be excluded.
_KIND = re.compile(r"^kind: (\w+)$", re.MULTILINE)
_NAME = re.compile(r"^metadata:\n(?:  .*\n)*?  name: \"?([\w.-]+)", re.MULTILINE)


def check(wanted: Settings) -> Iterator[Line]:
    """Look into the cluster, with a sign-in that nothing else uses."""
    with tempfile.TemporaryDirectory() as folder:
        config = f"{folder}/config"
        subscription = wanted.existing["cluster"].split("/")[2]
        where = ("--subscription", subscription, "--resource-group", wanted.cluster_group, "--name", wanted.cluster)
        try:
            output("az", "aks", "get-credentials", *where, "--file", config, timeout=60)
            output("kubelogin", "convert-kubeconfig", "--login", "azurecli", "--kubeconfig", config, timeout=60)
            yield from _look(wanted, config)
        except CommandError as error:
            cure = "look from where it is reached, as one who may: Azure Kubernetes Service RBAC Cluster Admin"
            yield warning(f"existing: what runs in the cluster {wanted.cluster} can't be seen ({error})", cure)


def _get(config: str, *what: str) -> list[dict[str, Any]]:
    command = ("kubectl", "--kubeconfig", config, "--request-timeout=20s", "get", *what, "--ignore-not-found")
    text = output(*command, "--output", "json", timeout=60)
    found: dict[str, Any] = json.loads(text) if text.strip() else {}
    items: list[dict[str, Any]] = found.get("items", [found] if found else [])
    return items


def _look(wanted: Settings, config: str) -> Iterator[Line]:
    selector = ("--selector", "app.kubernetes.io/part-of=argocd")
    parts = _get(config, "deployments.apps,statefulsets.apps", "--all-namespaces", *selector)
    controllers = {
        one["metadata"]["namespace"]: one["spec"]["template"]["spec"]["containers"][0]
        for one in parts
        if one["metadata"]["labels"].get("app.kubernetes.io/name") == _CONTROLLER
    }
    named, namespace = not (ROOT / "terraform/gitops/outputs.tf").exists(), argocd_namespace()
    there: list[dict[str, Any]] = []
    if controllers:
        there = _get(config, "applications.argoproj.io,appprojects.argoproj.io", "--namespace", namespace)
    ours = {_id(one) for one in there if _is_ours(one, wanted.cluster)}
    if named and namespace not in controllers:
        yield failure(f"{_WHAT} is not in the namespace {namespace}", f"correct existing.argo_cd{_found(controllers)}")
    elif not named and controllers and ("Application", wanted.cluster) not in ours:
        cure = "answer existing.argo_cd with it, so that there is one"
        yield failure(f"{_WHAT} runs already{_found(controllers)}", cure)
    elif named:
        problems = [*_settings(config, namespace, controllers[namespace]), *_names(there, ours, wanted)]
        yield from problems or [ok(f"{_WHAT} in {namespace} is set up as this repository needs it")]
    for item in _get(config, "customresourcedefinitions", *_ADD_ONS.values()):
        name = next(name for name, kind in _ADD_ONS.items() if kind == item["metadata"]["name"])
        if (ROOT / f"clusters/{wanted.cluster}/{name}.yaml").exists() and ("Application", name) not in ours:
            cure = f"remove it, or answer so that this repository does not bring clusters/{wanted.cluster}/{name}.yaml"
            yield failure(f"existing: {name} is in the cluster already", cure)


def _found(controllers: dict[str, Any]) -> str:
    return f" (found in {', '.join(sorted(controllers))})" if controllers else ""


def _id(item: dict[str, Any]) -> tuple[str, str]:
    return item["kind"], item["metadata"]["name"]


def _is_ours(item: dict[str, Any], cluster: str) -> bool:
    """Tell whether the release `bootstrap` has made an object, or its Application."""
    annotations = item["metadata"].get("annotations", {})
    tracked = str(annotations.get("argocd.argoproj.io/tracking-id")).startswith(f"{cluster}:")
    return tracked or bool(annotations.get("meta.helm.sh/release-name") == "bootstrap")


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])


def _texts() -> list[str]:
    folders = (ROOT / "apps", ROOT / "bootstrap", ROOT / "clusters")
    return [path.read_text(encoding="utf-8") for folder in folders for path in sorted(folder.rglob("*.yaml"))]


def _names(there: list[dict[str, Any]], ours: set[tuple[str, str]], wanted: Settings) -> Iterator[Line]:
    """Others may have Applications or projects of the names that ours have: Argo CD would take them over."""
    files = [*(ROOT / "bootstrap").rglob("*.yaml"), *(ROOT / "clusters" / wanted.cluster).rglob("*.yaml")]
    texts = [path.read_text(encoding="utf-8") for path in files]
    made = {(kind[1], name[1]) for text in texts if (kind := _KIND.search(text)) and (name := _NAME.search(text))}
    for taken, of in sorted({_id(one) for one in there} & made - ours):
        cure = "rename it there, or choose another project_name or cluster_name"
        yield failure(f"{_WHAT} has the {taken} {of} of somebody else", cure)


def _settings(config: str, namespace: str, controller: dict[str, Any]) -> Iterator[Line]:
    """Compare with what terraform/gitops/values/argocd.yaml would have set."""
    maps = _get(config, "configmaps", "--namespace", namespace, "argocd-cm", "argocd-cmd-params-cm")
    data = {one["metadata"]["name"]: one.get("data") or {} for one in maps}
    main, parameters = data.get("argocd-cm", {}), data.get("argocd-cmd-params-cm", {})
    values = (ROOT / "terraform/gitops/values/argocd.yaml").read_text(encoding="utf-8")

    def cure(name: str, key: str, value: str) -> str:
        patch = json.dumps({"data": {key: value}})
        return f"kubectl --namespace {namespace} patch configmap {name} --type=merge --patch '{patch}'"

    restart = f", then kubectl --namespace {namespace} rollout restart statefulset {_CONTROLLER}"
    tried, version = re.search(r"tag: (v\d+[.]\d+)", values), controller["image"].rpartition(":")[2]
    if tried and _number(version) < _number(tried[1]):
        yield warning(f"{_WHAT} is {version}", f"{tried[1]} was tried: ask its owner to update it")
    usual = "annotation" if _number(version) >= (3,) else "label"
    if main.get("application.resourceTrackingMethod", usual) == "label":
        fix = cure("argocd-cm", "application.resourceTrackingMethod", "annotation")
        yield failure(f"{_WHAT} tracks objects by a label, which pods and copies inherit", fix)
    if parameters.get("controller.diff.server.side") != "true":
        fix = cure("argocd-cmd-params-cm", "controller.diff.server.side", "true")
        yield failure(f"{_WHAT} compares without the API server: defaults are differences", fix + restart)
    persists = "--persist-resource-health" in controller.get("args", [])
    if parameters.get("controller.resource.health.persist") != "true" and not persists:
        fix = cure("argocd-cmd-params-cm", "controller.resource.health.persist", "true")
        yield failure(f"{_WHAT} keeps no health of single objects, which wait-healthy reads", fix + restart)
    if main.get("application.sync.impersonation.enabled") == "true":
        yield failure(f"{_WHAT} syncs as other accounts, which projects here do not name", "ask its owner to end that")
    health = "resource.customizations.health.batch_Job"
    if health in values and health not in main and "health.lua" not in main.get("resource.customizations", ""):
        cured = f"copy {health} and useOpenLibs from terraform/gitops/values/argocd.yaml into its argocd-cm"
        yield failure(f"{_WHAT} waits for ever for a migration whose pod does not start", cured)
    excluded = main.get("resource.exclusions", "")
    kinds = {kind for text in _texts() for kind in _KIND.findall(text)}
    for kind in sorted(kind for kind in kinds if re.search(rf"^\s*- [\"']?{kind}[\"']?\s*$", excluded, re.MULTILINE)):
        yield failure(f"{_WHAT} does not see objects of the kind {kind}", "take it out of resource.exclusions")
    if main.get("resource.inclusions"):
        yield warning(f"{_WHAT} sees only what resource.inclusions names", "see whether all kinds in apps/ are there")
    if main.get("timeout.reconciliation", "120s") not in ("30s", "60s"):
        fix = cure("argocd-cm", "timeout.reconciliation", "30s")
        yield warning(f"{_WHAT} looks into Git seldom: a push of your own takes minutes", fix)
