"""Fields that Kubernetes never lets change: what is built is compared with what the main branch builds."""

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from . import argocd
from .documents import Map, Problem, Repository, parse, read_repository

RECREATED = "gitops/recreated"
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


@contextmanager
def main_branch(root: Path) -> Iterator[Path | None]:
    """Give the folder of what this change began from; None where nothing that is deployed differs, or no one knows."""
    with tempfile.TemporaryDirectory() as name:
        yield _unpack(root, Path(name))


def compare(repository: Repository, main: Path, folder: str, before: str, after: str) -> Iterator[Problem]:
    """Compare what is built of a folder with what was built of it in the folder `main`."""
    old = dict(_objects(before))
    for identity, document in _objects(after):
        fixed = _FIXED.get(identity[0])
        if fixed is None or identity not in old:
            continue
        at = ("metadata", "annotations", RECREATED)
        was, now = old[identity].at("spec") or {}, document.at("spec") or {}
        if (was.get("replicas") or 1) > 1 and "replicas" not in now:
            kind, name = identity[0], identity[-1]
            if not argocd.ignores_replicas(read_repository(main), folder, kind, name):
                what = f"without replicas, {kind} {name} drops from {was['replicas']} pods to one"
                cure = "keep it, and follow 'Scale a service by load' in docs/operations.md"
                yield Problem(f"{folder}/kustomization.yaml", 0, f"{what}: {cure}")
        changed = sorted(key for key in {*was, *now} if fixed(key) and was.get(key) != now.get(key))
        if changed and document.at(*at) == old[identity].at(*at):
            kind, name = identity[0], identity[-1]
            path, line = _place(repository, folder, document, changed[0])
            what = f"{', '.join(changed)} of {kind} {name} is fixed, so every sync of {folder} would fail"
            cure = "keep the old value, or follow 'Change a field that is fixed' in docs/operations.md"
            yield Problem(path, line, f"{what}: {cure}")


def _objects(text: str) -> Iterator[tuple[tuple[str, ...], Map]]:
    try:
        documents = parse(text)
    except yaml.YAMLError:  # What is in the files is said by who reads them.
        return
    for document in documents:
        if isinstance(document, Map):
            namespace = document.text("metadata", "namespace")
            yield (document.text("kind"), namespace, document.text("metadata", "name")), document


def _place(repository: Repository, folder: str, item: Map, key: str) -> tuple[str, int]:
    """Return where a field of an object is written, or the folder that is built where a patch sets it."""
    for path, document in repository.below("/".join(folder.split("/")[:2]) + "/"):
        same = document.at("spec", key) == item.at("spec", key)
        if same and all(document.at(*at) == item.at(*at) for at in (("kind",), ("metadata", "name"))):
            return path, document.line_at("spec", key)
    return folder, 0


def _unpack(root: Path, folder: Path) -> Path | None:
    def git(*arguments: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(["git", *arguments], cwd=root, capture_output=True, check=False)

    if shutil.which("git") is None:
        return None
    # A pull request is checked as a merge into the main branch, which is then its first parent.
    for command in (("merge-base", "HEAD", "refs/remotes/origin/main"), ("rev-parse", "--verify", "--quiet", "HEAD^1")):
        found = git(*command)
        if found.returncode == 0:
            break
    else:
        return None
    begin = found.stdout.decode().strip()
    archive = git("archive", begin, "--", "apps", "clusters")
    if archive.returncode != 0 or git("diff", "--quiet", begin, "--", "apps", "clusters").returncode == 0:
        return None
    unpacked = subprocess.run(["tar", "-x"], cwd=folder, input=archive.stdout, capture_output=True, check=False)
    return folder if unpacked.returncode == 0 else None
