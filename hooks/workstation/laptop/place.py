"""Where things are in `.local`, and what is remembered there between runs."""

import contextlib
import fcntl
import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from gitops.process import CommandError
from gitops.repository import ROOT, application

from .commands import Object, documents, run

FOLDER = ROOT / ".local"
CLONE = FOLDER / "clone"
KUBECONFIG = FOLDER / "kubeconfig"
_STATE = FOLDER / "state.json"

# On the namespaces that are made here: others are left alone.
OWNED = "app.kubernetes.io/managed-by=make-local"


@dataclass
class Place:
    """What runs where; enough to go on with it and to take it away."""

    context: str
    """The context of the cluster, in the file that it is from."""
    kubeconfig: str
    """That file; nothing for kubectl's own choice."""
    registry: str
    """Where images are pushed to and pulled from, HOST:PORT."""
    environment: str
    cluster: str
    """The folder in clusters/ that stands for this cluster; kubectl's context is named so too."""
    ports: list[int] = field(default_factory=list)
    """Ports of this machine that lead to node ports; none on a cluster that was there before."""

    @property
    def namespace(self) -> str:
        """The namespace of the environment."""
        return f"{application()}-{self.environment}"

    def save(self) -> None:
        """Remember it, before what it says is made."""
        FOLDER.mkdir(exist_ok=True)
        new = _STATE.with_suffix(".new")
        new.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")
        new.replace(_STATE)


def remembered() -> Place | None:
    """Return what an earlier run has made or begun to make."""
    return Place(**json.loads(_STATE.read_text(encoding="utf-8"))) if _STATE.exists() else None


def required() -> Place:
    """Return what runs."""
    place = remembered()
    if place is None or not KUBECONFIG.exists():
        raise CommandError("nothing runs here yet: begin with make local")
    return place


def folder_of(environment: str) -> str:
    """Return the folder in clusters/ that has an environment."""
    paths = sorted((ROOT / "clusters").glob("*/environments/*.yaml"))
    for path in paths:
        if path.stem == environment:
            return path.parents[1].name
    raise CommandError(f"there is no environment {environment!r}: choose one of {', '.join(p.stem for p in paths)}")


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Refuse to run beside another of these commands."""
    FOLDER.mkdir(exist_ok=True)
    with (FOLDER / "lock").open("w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise CommandError("another make local, local-push or local-down runs here: wait for it") from error
        try:
            yield
        finally:
            if not _STATE.exists():
                shutil.rmtree(FOLDER, ignore_errors=True)


def kubectl(*arguments: str | Path, stdin: str = "", timeout: float = 300) -> str:
    """Run kubectl on the cluster."""
    return run("kubectl", "--kubeconfig", KUBECONFIG, *arguments, stdin=stdin, timeout=timeout)


def apply(*objects: Object) -> None:
    """Make or change objects."""
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    kubectl("apply", "--server-side", "--force-conflicts", "--filename=-", stdin=text)


def get(*arguments: str) -> list[Object]:
    """Return the objects of a list; none where there is no such kind."""
    try:
        printed = kubectl("get", *arguments, "--output=json", "--ignore-not-found")
    except CommandError as error:
        if "the server doesn't have a resource type" in str(error):
            return []
        raise
    found = documents(printed)
    return [item for one in found for item in one.get("items", [one])]


def make_namespace(name: str) -> None:
    """Make a namespace, marked as ours."""
    key, _, value = OWNED.partition("=")
    for item in get("namespace", name):
        if item["metadata"].get("labels", {}).get(key) != value:
            raise CommandError(
                f"the cluster has a namespace {name} that make local did not make: choose another cluster"
            )
    apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {key: value}}})
