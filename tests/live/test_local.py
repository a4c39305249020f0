"""`make local` on the live cluster: the loop without Azure, on a cluster that a person names (tests/laptop has kind)."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import support

from . import argocd, shims, world
from .cluster import Cluster
from .figures import Figures
from .processes import say
from .settings import REPOSITORY

pytestmark = pytest.mark.live

FORWARD = re.compile(r"^frontend: (kubectl .* port-forward service/frontend) 8080:80$", re.M)


class Laptop:
    """A person's product and shell."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self.cluster = cluster
        self.product = world.generate(folder)
        shims.install(folder / "bin", REPOSITORY, cluster.tools.bin / "kubectl", "docker")
        variables = argocd.workstation(cluster)
        self.environment = {
            **{name: value for name, value in os.environ.items() if name != "KUBECONFIG"},
            **variables,
            "PATH": f"{folder / 'bin'}:{variables['PATH']}",
        }

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Begin a command, in a process group of its own."""
        return subprocess.Popen(
            ["make", *arguments],
            cwd=self.product,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def make(self, *arguments: str, status: int = 0) -> str:
        """Run a command to its end; what it said."""
        process = self.start(*arguments)
        said, _ = process.communicate(timeout=600)
        say(f"make {' '.join(arguments)}:\n{said}")
        assert (process.returncode != 0) == (status != 0), said
        return said

    def objects(self) -> set[str]:
        """Every object of the cluster, but those that come and go by themselves."""
        kinds = self.cluster.kubectl("api-resources", "--verbs=list", "--output=name").split()
        passing = {"events", "events.events.k8s.io", "leases.coordination.k8s.io", "componentstatuses"}
        wanted = ",".join(kind for kind in kinds if kind not in passing and not kind.endswith("metrics.k8s.io"))
        columns = "--output=custom-columns=KIND:.kind,NAMESPACE:.metadata.namespace,NAME:.metadata.name"
        return set(self.cluster.kubectl("get", wanted, "--all-namespaces", "--no-headers", columns).splitlines())

    def settled_objects(self) -> set[str]:
        """The same, once a cluster that has just begun has made all that it makes by itself."""
        seen = self.objects()
        time.sleep(5)
        while (now := self.objects()) != seen:
            seen = now
            time.sleep(5)
        return seen

    def repository(self) -> str:
        """All that a person would see of their repository."""
        return "\n".join(
            support.git(*command, cwd=self.product)
            for command in (("status", "--porcelain"), ("for-each-ref",), ("config", "--local", "--list"))
        )


@pytest.fixture(scope="module")
def laptop(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laptop]:
    """A person who has generated a product, and whatever happens, takes it down in the end."""
    made = Laptop(cluster, tmp_path_factory.mktemp("laptop"))
    yield made
    if (made.product / ".local").exists():
        made.make("local-down")


def page(laptop: Laptop, said: str, path: str = "") -> str:
    """What a browser gets, once the person has run the command that was printed."""
    found = FORWARD.search(said)
    assert found, said
    command = [*found[1].split(), ":80"]
    with subprocess.Popen(
        command, cwd=laptop.product, env=laptop.environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        port = process.stdout.readline().split()[2].rpartition(":")[2]
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=10) as answer:
                text: str = answer.read().decode()
                return text
        finally:
            process.terminate()


def test_the_loop_runs_on_this_machine_and_leaves_nothing(laptop: Laptop, figures: Figures) -> None:
    (laptop.product / "notes.txt").write_text("not committed")
    objects, repository = laptop.settled_objects(), laptop.repository()
    named = (f"KUBECONFIG={laptop.cluster.kubeconfig}",)

    # Killed half-way, and again.
    first = laptop.start("local", *named)
    assert first.stdout
    for line in first.stdout:
        if line.startswith("Argo CD"):
            break
    time.sleep(1)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    started = time.monotonic()
    begun = laptop.make("local", *named)
    figures.add("make local, Argo CD's images being there", f"{time.monotonic() - started:.0f} s")
    assert "<h1>Goals</h1>" in page(laptop, begun)
    assert page(laptop, begun, "api/goals") == '{"goals":[]}', "with a database behind it"

    source = laptop.product / "src" / "frontend" / "static" / "index.html"
    source.write_text(source.read_text().replace("<h1>Goals</h1>", "<h1>Our goals</h1>"))
    said = laptop.make("local-push")
    assert "image of backend" not in said, "only what changed is built"
    assert "<h1>Our goals</h1>" in page(laptop, said)
    took = re.search(r"live after .*", said)
    assert took
    figures.add("make local-push of a changed page", took[0])

    overlay = laptop.product / "apps" / world.APPLICATION / "overlays" / "dev" / "kustomization.yaml"
    overlay.write_text(overlay.read_text().replace("count: 1", "count: 2"))
    laptop.make("local-push")
    pods = laptop.cluster.kubectl("-n", world.DEV, "get", "pods", "-l", "app.kubernetes.io/name=frontend", "-o", "name")
    assert len(pods.split()) >= 2

    support.git("checkout", "-q", "--", "src", "apps", cwd=laptop.product)
    assert laptop.repository() == repository, "nothing in the person's repository has changed"
    started = time.monotonic()
    laptop.make("local-down")
    figures.add("make local-down", f"{time.monotonic() - started:.0f} s")
    assert not (laptop.product / ".local").exists()
    assert processes_of(laptop.product) == []
    deadline = time.monotonic() + 30
    while (differences := laptop.objects() ^ objects) and time.monotonic() < deadline:
        time.sleep(2)
    assert not differences


def processes_of(product: Path) -> list[str]:
    """The command lines of processes that were started by the product's scripts."""
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if "from-template" in line or str(product) in line]


def test_a_version_that_does_not_start_is_put_back(laptop: Laptop) -> None:
    begun = laptop.make("local", f"KUBECONFIG={laptop.cluster.kubeconfig}")
    source = laptop.product / "src" / "backend" / "app.py"
    sound = source.read_text()
    source.write_text(sound.replace("import server\n", "import server\nraise SystemExit('broken')\n"))
    said = laptop.make("local-push", status=1)
    assert re.search(r"Pod backend-\S+: CrashLoopBackOff", said)
    assert "dev: back to backend local-" in said
    assert page(laptop, begun, "api/goals") == '{"goals":[]}'
    source.write_text(sound)
    laptop.make("local-push")
    shutil.rmtree(laptop.product / ".local" / "clone")
    laptop.make("local", f"KUBECONFIG={laptop.cluster.kubeconfig}")
    laptop.make("local-down")


def test_a_cluster_that_others_use_is_left_alone(laptop: Laptop) -> None:
    laptop.cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "argocd"}})
    before = laptop.objects()
    said = laptop.make("local", f"KUBECONFIG={laptop.cluster.kubeconfig}", status=1)
    assert "local: the cluster has a namespace argocd that make local did not make: choose another cluster" in said
    assert laptop.objects() == before
    laptop.make("local-down")
    assert laptop.objects() == before
    laptop.cluster.kubectl("delete", "namespace", "argocd")
