"""AKS Automatic changes nothing that is in Git: what its safeguards refuse, they say themselves.

Its rules: https://learn.microsoft.com/azure/aks/deployment-safeguards
"""

from collections.abc import Iterator

from . import kustomize
from .applications import folders_of_bootstrap
from .documents import Problem, Repository
from .objects import Workload, amount, environments, is_workload

# Less is raised to this: thousandths of a core, and mebibytes.
_LEAST = {"cpu": (100.0, "100m"), "memory": (100.0, "100Mi")}


def check(repository: Repository) -> Iterator[Problem]:
    """Check the pods of the overlays and of clusters/."""
    folders = {*kustomize.deployed(repository), *folders_of_bootstrap(repository)}
    built = [kustomize.build(repository, one).objects for one in sorted(folders) if one.startswith("clusters/")]
    for objects in (*(environment.objects for environment in environments(repository)), *built):
        for item in filter(is_workload, objects):
            yield from _pods(Workload(item))


def _pods(item: Workload) -> Iterator[Problem]:
    for container in item.containers:
        name, requests = container.get("name"), container.map("resources", "requests")
        for key, (least, shown) in _LEAST.items():
            if amount(key, requests.get(key, 0)) < least:
                what = f"container {name} requests {requests.get(key, 'no')} {key}, and AKS Automatic gives it more"
                yield Problem(*container.where("resources", "requests", key), f"{what}: write at least {shown}")
    if (
        (item.document.at("spec", "replicas") or 1) not in (0, 1)
        and not item.pod.get("topologySpreadConstraints")
        and not item.pod.at("affinity", "podAntiAffinity")
    ):
        what = f"AKS Automatic spreads the pods of {item.kind} {item.name} by a rule of its own"
        yield Problem(*item.document.where("spec", "replicas"), f"{what}: add topologySpreadConstraints")
