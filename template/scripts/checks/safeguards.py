"""AKS Automatic refuses nothing that is in Git, and runs it as Git says.

Its rules: https://learn.microsoft.com/azure/aks/deployment-safeguards. What else they forbid to pods, the level
`restricted` of the namespaces forbids too.
"""

from collections import Counter
from collections.abc import Iterator

from . import kustomize
from .applications import folders_of_bootstrap, of_kind
from .documents import Map, Problem, Repository
from .objects import Workload, amount, environments, is_workload

# Less is raised to this: thousandths of a core, and mebibytes.
_LEAST = {"cpu": (100.0, "100m"), "memory": (100.0, "100Mi")}
_ROLES = "terraform/gitops/values/argocd-automatic.yaml"


def check(repository: Repository) -> Iterator[Problem]:
    """Check what the overlays and clusters/ bring, each by itself."""
    rules = repository.first(_ROLES).maps("controller", "clusterRoleRules", "rules")
    added = [rule for role in of_kind(repository, "ClusterRole") for rule in role.maps("rules")]
    groups = {group for rule in [*rules, *(added if rules else ())] for group in rule.texts("apiGroups")}
    folders = {*kustomize.deployed(repository), *folders_of_bootstrap(repository)}
    built = [kustomize.build(repository, one).objects for one in sorted(folders) if one.startswith("clusters/")]
    for objects in (*(environment.objects for environment in environments(repository)), *built):
        selected = Counter(_selector(item) for item in objects)
        for item in objects:
            if groups and not {item.group, "*"} & groups:
                what = f"is a {item.kind} of {item.group}, to which Argo CD has no right"
                yield Problem(*item.where("apiVersion"), f"{what}: add {item.group} to apiGroups in {_ROLES}")
            if selected[_selector(item)] > 1 and _selector(item):
                what = f"AKS Automatic refuses Service {item.name}, which selects the same pods as another"
                yield Problem(*item.where("spec", "selector"), f"{what}: make them one, with both ports")
            if (driver := item.text("provisioner")).startswith("kubernetes.io/azure-"):
                cure = f"write {driver.removeprefix('kubernetes.io/azure-')}.csi.azure.com"
                yield Problem(*item.where("provisioner"), f"AKS Automatic refuses the provisioner {driver}: {cure}")
            for label in item.map("metadata", "labels"):
                if label.startswith("kubernetes.azure.com/"):
                    what = f"AKS Automatic refuses the label {label}, which is its own"
                    yield Problem(*item.where("metadata", "labels", label), f"{what}: rename it")
            if is_workload(item):
                yield from _pods(Workload(item))


def _selector(item: Map) -> str:
    selector = item.map("spec", "selector") if item.kind == "Service" and not item.group else {}
    return f"{item.text('metadata', 'namespace')} {sorted(selector.items())}" if selector else ""


def _pods(item: Workload) -> Iterator[Problem]:
    for container in item.containers:
        name, requests = container.get("name"), container.map("resources", "requests")
        for key, (least, shown) in _LEAST.items():
            if amount(key, requests.get(key, 0)) < least:
                what = f"container {name} requests {requests.get(key, 'no')} {key}, and AKS Automatic gives it more"
                yield Problem(*container.where("resources", "requests", key), f"{what}: write at least {shown}")
        if container.text("image").partition("@")[0].endswith(":latest"):
            yield Problem(*container.where("image"), "AKS Automatic refuses the tag latest: name a version")
    if (
        (item.document.at("spec", "replicas") or 1) not in (0, 1)
        and not item.pod.get("topologySpreadConstraints")
        and not item.pod.at("affinity", "podAntiAffinity")
    ):
        what = f"AKS Automatic spreads the pods of {item.kind} {item.name} by a rule of its own"
        yield Problem(*item.document.where("spec", "replicas"), f"{what}: add topologySpreadConstraints")
