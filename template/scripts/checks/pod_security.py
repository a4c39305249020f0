"""Pods satisfy the restricted level of pod security, which their namespaces enforce: others would be refused.

https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
"""

from collections.abc import Iterator

from .documents import Map, Problem, Repository
from .objects import Workload, applications, objects, workload

_HOST = ("hostNetwork", "hostPID", "hostIPC")
_VOLUMES = {
    *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"),
    *("name", "image"),
}


def check(repository: Repository) -> Iterator[Problem]:
    """Check every workload of the applications."""
    for application in applications(repository):
        for path, document in objects(repository, application):
            item = workload(path, document)
            if item and item.pod:
                yield from _check_pod(item)
                for container in item.all_containers():
                    yield from _check_container(item, container)


def _check_pod(item: Workload) -> Iterator[Problem]:
    pod, path = item.pod, item.path
    for key in _HOST:
        if pod.get(key) is True:
            yield Problem(path, pod.line_of(key), f"{key} gives pods what is the node's: remove it")
    for volume in pod.maps("volumes"):
        for kind in sorted(set(volume) - _VOLUMES):
            yield Problem(path, volume.line, f"the volume {volume.get('name')} is a {kind}: use emptyDir or a claim")
    if pod.at("securityContext", "runAsUser") == 0:
        line = pod.line_at("securityContext", "runAsUser")
        yield Problem(path, line, "may run as root: set runAsUser to the user of the image, which is not 0")


def _check_container(item: Workload, container: Map) -> Iterator[Problem]:
    path, name = item.path, container.get("name")
    own, all_of = container.at("securityContext"), item.pod.at("securityContext")
    own, all_of = own if isinstance(own, Map) else Map(), all_of if isinstance(all_of, Map) else Map()
    line = container.line_of("securityContext")
    if own.get("runAsNonRoot", all_of.get("runAsNonRoot")) is not True or own.get("runAsUser") == 0:
        where = line if "runAsNonRoot" in own or "runAsUser" in own else item.pod.line_of("securityContext")
        cure = "set securityContext.runAsNonRoot to true"
        yield Problem(path, where, f"container {name} may run as root: {cure}")
    if own.get("privileged") is True:
        yield Problem(path, own.line_of("privileged"), f"container {name} is privileged: remove it")
    if own.get("allowPrivilegeEscalation") is not False:
        cure = "set allowPrivilegeEscalation to false"
        yield Problem(path, line, f"container {name} may gain privileges: {cure}")
    if "ALL" not in own.texts("capabilities", "drop"):
        yield Problem(path, line, f"container {name} keeps capabilities: add `drop: [ALL]` below capabilities")
    for added in own.texts("capabilities", "add"):
        if added != "NET_BIND_SERVICE":
            yield Problem(path, own.line_of("capabilities"), f"container {name} adds {added}: remove it")
    profile = own.at("seccompProfile", "type") or all_of.at("seccompProfile", "type")
    if profile not in ("RuntimeDefault", "Localhost"):
        cure = "set securityContext.seccompProfile.type of the pod to RuntimeDefault"
        yield Problem(path, item.pod.line_of("securityContext"), f"container {name} has no seccomp profile: {cure}")
