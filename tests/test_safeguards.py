"""AKS Automatic refuses nothing of any product, and changes nothing: its published rules, over all that is rendered."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from checks import documents, kustomize
from checks.objects import Workload, is_workload
from checks.safeguards import amount

from tests import support
from tests.in_process import InProcess, RefusedError

Pod = dict[str, Any]

# https://github.com/microsoft/GitHub-Copilot-for-Azure, plugins/azure-skills/skills/azure-kubernetes/
# azure-kubernetes-automatic-readiness/references/constraint-spec-v1.yaml, 1.1.1: `safeguards`, without their first word.
# Of each rule on pods, what a container, or the pod with its containers, must be.
CONTAINERS: dict[str, Callable[[Pod], bool]] = {
    "container-resource-requests": lambda one: all(_asked(one, key) >= 100 for key in ("cpu", "memory")),
    "images-no-latest": lambda one: not re.search(r":latest(@|\Z)", one["image"]),
    "host-network-ports": lambda one: not any(port.get("hostPort") for port in one.get("ports", [])),
    "no-privileged-containers": lambda one: not _security(one).get("privileged"),
    "no-custom-proc-mount": lambda one: _security(one).get("procMount", "Default") == "Default",
    "container-capabilities": lambda one: not _security(one).get("capabilities", {}).get("add"),
    "host-probes": lambda one: (
        not re.search(r"'host': '[^']", str([value for key, value in one.items() if key != "env"]))
    ),
}
PODS: dict[str, Callable[[Pod], bool]] = {
    "block-host-namespaces": lambda pod: not {"hostPID", "hostIPC", "hostNetwork"} & set(pod),
    "allowed-sysctls": lambda pod: not _security(pod).get("sysctls"),
    "no-host-path-volumes": lambda pod: not any("hostPath" in volume for volume in pod.get("volumes", [])),
    "enforce-apparmor": lambda pod: "appArmorProfile" not in str(pod),
    "enforce-selinux": lambda pod: "seLinuxOptions" not in str(pod),
    "windows-block-host-process": lambda pod: "windowsOptions" not in str(pod),
    "allowed-seccomp-profiles": lambda pod: "Unconfined" not in str(pod),
    "restricted-taints": lambda pod: not pod.get("tolerations"),
}
OBJECTS = {
    "pod-enforce-antiaffinity",
    "probes-configured",
    "restricted-labels",
    "unique-service-selectors",
    "csi-driver-storage-class",
    "restricted-node-edits",
}
PUBLISHED = 21


def _security(one: Pod) -> dict[str, Any]:
    found: dict[str, Any] = one.get("securityContext", {})
    return found


def _asked(container: Pod, key: str) -> float:
    text = str(container.get("resources", {}).get("requests", {}).get(key, 0))
    number = float(text.rstrip("mMGi"))
    return number if text.endswith(("m", "Mi")) else number * (1024 if text.endswith("Gi") else 1000)


def _helm(product: Path) -> Iterator[Pod]:
    """What charts are told of the resources of their containers, as containers."""
    merged: dict[str, Any] = {}
    for name in ("argocd", "argocd-production", "argocd-automatic"):
        path = product / f"terraform/gitops/values/{name}.yaml"
        _merge(merged, yaml.safe_load(path.read_text()))
    charts = [merged]
    for path in product.glob("clusters/*/*.yaml"):
        source = yaml.safe_load(path.read_text()).get("spec", {}).get("source", {})
        charts += [source["helm"]["valuesObject"]] if "helm" in source else []
    for chart in charts:
        yield from _resources(chart)


def _resources(values: Any) -> Iterator[Pod]:
    for key, value in values.items() if isinstance(values, dict) else ():
        if key == "resources":
            yield {"image": "x", "resources": value}
        else:
            yield from _resources(value)


def _merge(into: dict[str, Any], other: dict[str, Any]) -> None:
    for key, value in other.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value


def test_every_published_rule_is_looked_at() -> None:
    assert len({*CONTAINERS, *PODS, *OBJECTS}) == PUBLISHED


@pytest.mark.costly
@pytest.mark.parametrize("product", support.VALID)
def test_aks_automatic_takes_every_product_as_it_is(in_process: InProcess, product: str, tmp_path: Path) -> None:
    try:
        in_process.render({**support.answers(product), "cluster": "automatic"}, tmp_path)
    except RefusedError as refusal:
        if product.startswith("automatic"):
            raise
        pytest.skip(str(refusal))
    repository = documents.read_repository(tmp_path)
    folders = [*repository.overlays(), *repository.matching(r"(apps/[^/]+/preview)/kustomization[.]yaml")]
    clusters = [item for _, item in repository.below("clusters/") if item.group != "kustomize.config.k8s.io"]
    for objects in (*(kustomize.build(repository, folder).objects for folder in folders), clusters):
        selectors = Counter(str(item["spec"].get("selector")) for item in objects if item.kind == "Service")
        assert not selectors or max(selectors.values()) == 1, "unique-service-selectors"
        assert "kubernetes.azure.com/" not in str([item.get("metadata") for item in objects]), "restricted-labels"
        assert "StorageClass" not in {item.kind for item in objects}, "csi-driver-storage-class"
        for workload in (Workload(item) for item in objects if is_workload(item)):
            broken = [name for name, holds in PODS.items() if not holds(workload.pod)]
            broken += [name for name, holds in CONTAINERS.items() for one in workload.containers if not holds(one)]
            if workload.kind in ("Deployment", "StatefulSet"):
                spread = workload.pod.get("topologySpreadConstraints")
                broken += (
                    [] if spread or workload.document["spec"].get("replicas", 1) == 1 else ["pod-enforce-antiaffinity"]
                )
                # Without them AKS warns, and no more. A worker that says nothing of its health has nobody who could be asked.
                main = [one for one in workload.pod["containers"] if "ports" in one]
                broken += (
                    []
                    if all({"livenessProbe", "readinessProbe"} <= set(one) for one in main)
                    else ["probes-configured"]
                )
            assert broken == [], f"{workload.kind} {workload.name}"
    for container in _helm(tmp_path):
        assert CONTAINERS["container-resource-requests"](container), container
    drivers = re.findall(
        r"provisioner *= *\"(.*)\"", "".join(path.read_text() for path in tmp_path.glob("terraform/gitops/*.tf"))
    )
    assert set(drivers) <= {"disk.csi.azure.com"}


def test_no_role_of_argo_cd_reaches_into_nodes() -> None:
    """AKS refuses a role with nodes/proxy, also by an asterisk, and one that changes nodes."""
    values = yaml.safe_load((support.ROOT / "template/terraform/gitops/values/argocd-automatic.yaml").read_text())
    rules = [rule for part in ("controller", "server") for rule in values[part]["clusterRoleRules"]["rules"]]
    for rule in rules:
        core = bool({"", "*"} & set(rule["apiGroups"]))
        assert not core or not [one for one in rule["resources"] if "*" in one or one.startswith("nodes/")]
        assert "nodes" not in rule["resources"] or set(rule["verbs"]) <= {"get", "list", "watch"}
    assert all(values[part]["clusterRoleRules"]["enabled"] for part in ("controller", "server"))


@pytest.mark.parametrize("memory", ["204800Ki", "200Mi", "209715200", "2.5e8", "1Pi", "1Ei", "half of it"])
def test_a_request_that_is_large_enough_or_not_understood_is_taken_for_right(memory: str) -> None:
    assert amount(memory) >= 100 * 1024**2 > amount("99Mi")
    assert amount("150000u") == pytest.approx(0.15)
    assert amount("50m") < 0.1
