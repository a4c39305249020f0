"""Nothing asks for what the cluster refuses in the namespaces of environments: see terraform/gitops/namespaces.tf."""

from collections.abc import Iterator

from .documents import Map, Problem, Repository
from .objects import applications, objects, workload

_LEVEL = "pod-security.kubernetes.io/enforce"


def check(repository: Repository) -> Iterator[Problem]:
    """Check every object of the applications."""
    for application in applications(repository):
        for path, document in objects(repository, application):
            for line, what in refused(path, document):
                yield Problem(path, line, what)


def refused(path: str, document: Map) -> Iterator[tuple[int, str]]:
    """Yield what the cluster would refuse of an object, with the line and the cure."""
    kind, labels = document.text("kind"), ("metadata", "labels")
    if kind == "Namespace":
        if document.at(*labels, _LEVEL) != "restricted":
            cure = f"set {_LEVEL} to restricted"
            yield document.line_at(*labels, _LEVEL), f"does not enforce the restricted pod security level: {cure}"
        if document.at(*labels, f"{_LEVEL}-version") not in (None, "latest"):
            line = document.line_at(*labels, f"{_LEVEL}-version")
            yield line, f"{_LEVEL}-version asks for the pod security of an older Kubernetes: remove it"
    elif kind == "Service":
        if document.at("spec", "externalIPs"):
            line = document.line_at("spec", "externalIPs")
            yield line, "externalIPs takes the traffic to somebody else's address: remove it, or use a load balancer"
        if document.at("spec", "type") == "ExternalName":
            line = document.line_at("spec", "type")
            yield line, "ExternalName leads out of the namespace: remove it, and name the host where it is used"
    elif (item := workload(path, document)) and item.pod.text("priorityClassName").startswith("system-"):
        line = item.pod.line_of("priorityClassName")
        yield line, "priorityClassName puts other environments' pods off the nodes: remove it, or use one of yours"
