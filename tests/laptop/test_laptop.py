"""`make local` as a person meets it: nothing runs yet, and Docker, kind, kubectl and Helm are real.

Where this machine has Docker and kind, they are used as they are; else those of a root of our own (engine.py).
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import support, tutorial
from tests.in_process import InProcess

from . import engine
from .machine import Machine

NAME = "goal-tracker-local"
NODE, REGISTRY = f"{NAME}-control-plane", f"{NAME}-registry"
Figure = Callable[[str, str], None]


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """A folder that the machine sees."""
    with tempfile.TemporaryDirectory(prefix="laptop-") as made:
        yield Path(made)


@pytest.fixture(scope="session")
def machine(folder: Path) -> Iterator[Machine]:
    """A machine with Docker."""
    if (
        all(shutil.which(name) for name in ("docker", "kind", "kubectl", "helm"))
        and not subprocess.run(["docker", "version"], capture_output=True, check=False).returncode
    ):
        here = Machine()
        here.clean()
        yield here
        here.clean()
    else:
        with engine.engine(folder) as inside:
            yield inside


@pytest.fixture(scope="session")
def figure() -> Iterator[Figure]:
    """What was measured, for docs/live.md."""
    lines: list[str] = []
    yield lambda what, measured: lines.append(f"| {what} | {measured} |")
    path = support.ROOT / "build" / "laptop-figures.md"
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(["| what | measured |", "| --- | --- |", *lines]) + "\n")
    print("\n" + path.read_text(), flush=True)


@pytest.fixture(scope="session")
def product(folder: Path, machine: Machine) -> Path:
    """The default product, committed, and beside it the template, whose commands it runs."""
    made = folder / "product"
    InProcess(support.export_template(folder / "template")).render(support.answers("defaults"), made)
    if machine.stand_ins:
        for dockerfile in made.glob("src/*/Dockerfile"):
            dockerfile.write_text(re.sub(r"(?m)^(FROM \S+?)@\S+", r"\1", dockerfile.read_text()))
    support.git("init", "-q", "-b", "main", cwd=made)
    support.git("add", "-A", cwd=made)
    support.git("commit", "-q", "-m", "Begin", cwd=made)
    return made


def seconds(started: float) -> str:
    """How long it was."""
    return f"{time.monotonic() - started:.1f} s"


def address(said: str) -> str:
    """Where the page is."""
    found = re.search(r"^frontend: (http://localhost:\d+)$", said, re.M)
    assert found, said
    return found[1]


def state(machine: Machine, product: Path) -> str:
    """All that must stay: other kubeconfigs, git's own view of the repository, containers and volumes of others."""
    kubeconfig = machine.run("sh", "-c", "cat ~/.kube/config 2>/dev/null | sha256sum")
    git = [support.git(*arguments, cwd=product) for arguments in (("for-each-ref",), ("config", "--local", "--list"))]
    containers = sorted(machine.docker("ps", "--all", "--format={{.Names}}"))
    return "\n".join([kubeconfig, *git, *containers])


def test_the_tutorial_leads_from_nothing_to_a_rollback_and_away(
    machine: Machine, product: Path, figure: Figure
) -> None:
    before = state(machine, product)
    steps = iter(tutorial.STEPS)

    def play(measured: str, status: int = 0) -> str:
        for language, text in steps:
            if language == "sh":
                break
            tutorial.edit(product, text)
        started = time.monotonic()
        said = machine.run("sh", "-euc", text, cwd=product, status=status)
        figure(measured, seconds(started))
        return said

    def shows(text: str) -> None:
        # kube-proxy takes a moment to turn from a pod that ends to the ready one.
        asked = 'until curl -sS "$0" | grep -qF "$1"; do sleep 0.2; done'
        machine.run("timeout", "10", "sh", "-c", asked, at, text)

    said = play("`make local`, from nothing to the page")
    for line in re.findall(r"^(.+): ([\d.]+ s)$", said, re.M):
        figure(f"of that, {line[0]}", line[1])
    at = address(said)
    assert "<h1>Goals</h1>" in machine.run("curl", "-sS", at)
    assert machine.run("curl", "-sS", f"{at}/api/goals") == '{"goals":[]}', "with a database behind it"

    said = play("`make local-push` of a page")
    assert "image of backend" not in said, "only what changed is built"
    assert address(said) == at
    shows("<h1>Our goals</h1>")

    said = play("`make local-push` of a version that does not start, until the one before is back", status=1)
    assert re.search(r"Pod backend-\S+: CrashLoopBackOff", said)
    assert machine.run("curl", "-sS", f"{at}/api/goals") == '{"goals":[]}'
    newest, before_it, *_ = play("`scripts/history`").splitlines()
    assert "deploy(dev): roll back to backend " in newest
    assert "deploy(dev): backend " in before_it

    said = play("`make local-push` of the source as it was")
    assert "image of" not in said, "it is there already"
    shows("<h1>Our goals</h1>")

    play("`make local-down`")
    assert next(steps, None) is None
    assert state(machine, product) == before
    assert not (product / ".local").exists()


def test_what_was_cut_off_or_lost_is_taken_up(machine: Machine, product: Path, folder: Path) -> None:
    """Ended while Helm installs, its state deleted, behind a proxy, with another context: it goes on."""
    # Where images are there already, nothing needs the world behind it.
    proxy = dict.fromkeys(("HTTP_PROXY", "http_proxy"), "http://127.0.0.1:9") if machine.stand_ins else {}
    process = machine.start("make", "local", cwd=product, **proxy)
    assert process.stdout
    assert any(line.startswith("Argo CD") for line in process.stdout)
    kubeconfig = product / ".local" / "kubeconfig"
    kubectl = ("kubectl", "--kubeconfig", str(kubeconfig), "--namespace", "argocd")
    record = (*kubectl, "get", "secret", "--selector=owner=helm", "--output=name")
    deadline = time.monotonic() + 120
    while "sh.helm" not in machine.run(*record, status=None) and time.monotonic() < deadline:
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    # It was in the middle of it, or had just ended: then the record says so.
    machine.run(*kubectl, "label", "--overwrite", "secret", "--selector=owner=helm", "status=pending-install")
    node = machine.run("docker", "inspect", "--format={{.Id}}", NODE)
    assert not proxy or REGISTRY in machine.run("docker", "exec", NODE, "printenv", "NO_PROXY")

    machine.run("docker", "context", "create", "other", "--docker=host=unix:///var/run/docker.sock")
    try:
        at = address(machine.run("make", "local", cwd=product, DOCKER_CONTEXT="other"))
    finally:
        machine.run("docker", "context", "rm", "--force", "other")
    assert machine.run("docker", "inspect", "--format={{.Id}}", NODE) == node

    other = shutil.copytree(product, folder / "other")
    for command in ("local", "local-down"):
        assert f"{NAME} runs for {product} already" in machine.run("make", command, cwd=other, status=1)
    listed = ("image", "ls", "--digests", "--format={{.Repository}}@{{.Digest}}")
    digests = set(machine.docker(*listed))
    shutil.rmtree(product / ".local")
    assert address(machine.run("make", "local", cwd=product, status=0, **proxy)) == at
    assert machine.run("docker", "inspect", "--format={{.Id}}", NODE) == node
    assert set(machine.docker(*listed)) == digests, "what is built again has the digest that it had"
    assert "goals</h1>" in machine.run("curl", "-sS", at).lower()

    shutil.rmtree(product / ".local")
    machine.run("make", "local-down", cwd=product)
    assert not machine.docker("ps", "--all", "--quiet", "--filter", f"name=^{NAME}-")


def test_a_cluster_of_anothers_is_left_alone(machine: Machine, product: Path) -> None:
    machine.run("docker", "run", "--detach", f"--name={NODE}", "registry:3.1.0")
    assert f"make local did not make: kind delete cluster --name {NAME}" in machine.run(
        "make", "local", cwd=product, status=1
    )
    assert machine.docker("ps", "--quiet", "--filter", f"name=^{NODE}$")
    machine.run("docker", "rm", "--force", "--volumes", NODE)
