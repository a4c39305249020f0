"""AKS Automatic runs what is in Git as Git says: what its safeguards refuse, they say themselves.

Its rules: https://learn.microsoft.com/azure/aks/deployment-safeguards
"""

import math
from collections.abc import Iterator
from typing import Any

from . import kustomize
from .applications import folders_of_bootstrap, of_kind
from .documents import Problem, Repository
from .objects import Workload, environments, is_workload

# Less is raised to this.
_LEAST = {"cpu": (0.1, "100m"), "memory": (100.0 * 1024**2, "100Mi")}
# https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
_UNITS = {"": 1.0, "n": 1e-9, "u": 1e-6, "m": 1e-3}
_UNITS |= {unit: 1000.0 ** (power + 1) for power, unit in enumerate("kMGTPE")}
_UNITS |= {f"{unit}i": 1024.0 ** (power + 1) for power, unit in enumerate("KMGTPE")}
_ROLES = "terraform/gitops/values/argocd-automatic.yaml"


def check(repository: Repository) -> Iterator[Problem]:
    """Check what the overlays and clusters/ bring: Argo CD would call a kind unknown that it has no right to."""
    rules = repository.first(_ROLES).maps("controller", "clusterRoleRules", "rules")
    added = [rule for role in of_kind(repository, "ClusterRole") for rule in role.maps("rules")]
    groups = {group for rule in [*rules, *(added if rules else ())] for group in rule.texts("apiGroups")}
    code = "".join(map(repository.text, repository.matching(r"terraform/.*[.]tf")))
    folders = {*kustomize.deployed(repository), *folders_of_bootstrap(repository)}
    built = [kustomize.build(repository, one).objects for one in sorted(folders) if one.startswith("clusters/")]
    for objects in (*(environment.objects for environment in environments(repository)), *built):
        for item in objects:
            if groups and not {item.group, "*"} & groups and f'"{item.group}"' not in code:
                what = f"is a {item.kind} of {item.group}, to which Argo CD has no right"
                yield Problem(*item.where("apiVersion"), f"{what}: add {item.group} to apiGroups in {_ROLES}")
            if is_workload(item):
                yield from _pods(Workload(item))


def amount(quantity: Any) -> float:
    """Return a quantity as a number; infinity for one that is not understood."""
    number = str(quantity).rstrip("numikKMGTPE")
    try:
        return float(number) * _UNITS[str(quantity)[len(number) :]]
    except (KeyError, ValueError):
        return math.inf


def _pods(item: Workload) -> Iterator[Problem]:
    for container in item.containers:
        name, requests = container.get("name"), container.map("resources", "requests")
        for key, (least, shown) in _LEAST.items():
            if amount(requests.get(key, 0)) < least:
                what = f"container {name} requests {requests.get(key, 'no')} {key}, and AKS Automatic gives it more"
                yield Problem(*container.where("resources", "requests", key), f"{what}: write at least {shown}")
    if (
        (item.document.at("spec", "replicas") or 1) not in (0, 1)
        and not item.pod.get("topologySpreadConstraints")
        and not item.pod.at("affinity", "podAntiAffinity")
    ):
        what = f"AKS Automatic spreads the pods of {item.kind} {item.name} by a rule of its own"
        yield Problem(*item.document.where("spec", "replicas"), f"{what}: add topologySpreadConstraints")
