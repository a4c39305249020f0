"""Fields that Kubernetes never lets change: what is built is compared with what the main branch builds."""

import contextlib
from collections.abc import Callable, Iterator

from gitops.git import git, succeeds, unpacked
from gitops.process import CommandError
from gitops.repository import REMOTE, watched_by_argocd

from . import kustomize
from .applications import ignores_replicas
from .documents import Problem, Repository, read_repository

_DEPLOYED = ("apps", "clusters")
_RECREATED = ("metadata", "annotations", "gitops/recreated")
_OPTIONS = ("metadata", "annotations", "argocd.argoproj.io/sync-options")
# What may change in the spec of a StatefulSet; nothing else does.
# https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/
_OF_STATEFUL_SETS = {
    *("minReadySeconds", "ordinals", "persistentVolumeClaimRetentionPolicy", "replicas", "revisionHistoryLimit"),
    *("template", "updateStrategy"),
}
_FIXED: dict[str, Callable[[str], bool]] = {
    "DaemonSet": lambda key: key == "selector",
    "Deployment": lambda key: key == "selector",
    "PersistentVolumeClaim": lambda key: key not in ("resources", "volumeAttributesClassName", "volumeName"),
    "StatefulSet": lambda key: key not in _OF_STATEFUL_SETS,
}


def check(repository: Repository) -> Iterator[Problem]:
    """Compare every overlay, where something that is deployed differs from the main branch."""
    if begin := _begin():
        # The commit may be older than the folders.
        with contextlib.suppress(CommandError), unpacked(begin, *_DEPLOYED) as folder:
            main = read_repository(folder)
            for overlay in repository.overlays():
                yield from _compare(repository, main, overlay)


def _compare(repository: Repository, main: Repository, overlay: str) -> Iterator[Problem]:
    old = {(item.kind, item.name): item for item in kustomize.build(main, overlay).objects}
    namespaces = [kustomize.kustomization(one, overlay).get("namespace") for one in (repository, main)]
    for item in kustomize.build(repository, overlay).objects if namespaces[0] == namespaces[1] else ():
        fixed, before = _FIXED.get(item.kind), old.get((item.kind, item.name))
        if fixed is None or before is None:
            continue
        was, now = before.map("spec"), item.map("spec")
        if (was.get("replicas") or 1) > 1 and "replicas" not in now and not ignores_replicas(main, overlay, item):
            what = f"without replicas, {item.kind} {item.name} drops from {was['replicas']} pods to one"
            cure = "keep its count until its Application on the main branch ignores it"
            guide = "'Scale a service by load' in docs/operations.md"
            yield Problem(f"{overlay}/kustomization.yaml", 0, f"{what}: {cure}: {guide}")
        # What only one of the two says may be the default.
        changed = sorted(key for key in was.keys() & now.keys() if fixed(key) and was[key] != now[key])
        replaced = "Replace=true" in item.text(*_OPTIONS) and "Force=true" in item.text(*_OPTIONS)
        if changed and not replaced and item.at(*_RECREATED) == before.at(*_RECREATED):
            what = f"{', '.join(changed)} of {item.kind} {item.name} is fixed, so every sync of {overlay} would fail"
            cure = "keep the old value, or follow 'Change a field that is fixed' in docs/operations.md"
            yield Problem(*now.where(changed[0]), f"{what}: {cure}")


def _begin() -> str:
    """Return the commit that this change began from; nothing where no one knows, or nothing deployed differs."""
    main = f"refs/remotes/{REMOTE}/{watched_by_argocd('targetRevision')}"
    # A pull request is checked as a merge into the main branch, which is then its first parent.
    for command in (("merge-base", "HEAD", main), ("rev-parse", "--verify", "--quiet", "HEAD^1")):
        with contextlib.suppress(CommandError):
            begin = git(*command).strip()
            return "" if succeeds("diff", "--quiet", begin, "--", *_DEPLOYED) else begin
    return ""
