"""The product's commands for a person; Terraform, azurerm and the stand-ins for az, gh and kubectl ask the same Azure.

Helm's provider is a stand-in too, since there is neither Argo CD's chart nor an API server here: a release is noted, and what
it brings is there at once. What real Helm does with them is seen by tests/live.
"""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import support
from tests.apply.lab import Lab
from tests.apply.product import Product
from tests.terraform import toolchain

NAME = "aks-goal-tracker"
# What each step is about to do when the person presses Ctrl-C: azurerm gives up at once, whether Azure goes on or not.
UP = {
    "state": "PUT management.azure.com/.*/storageAccounts/[^/?]+[?]",
    "platform": "PUT management.azure.com/.*/managedClusters/[^/?]+[?]",
    "gitops": "PUT /releases/.*/bootstrap",
}
DOWN = {
    "platform ": "DELETE management.azure.com/.*/managedClusters/[^/?]+[?]",
}


class Person:
    """Who runs the commands of a product."""

    def __init__(self, product: Product, folder: Path) -> None:
        """Sign in."""
        self.product = product
        self.environment = product.variables() | product.azure.programs(folder / "bin")
        self.environment |= {"PYTHONPATH": str(support.CLOCK), "APPROVE": "yes", "CONFIRM": NAME}
        offline = toolchain.Terraform("terraform", self.environment, "offline")
        toolchain.lock(offline, product.folder, folder / "packages")

    def run(self, command: str, ctrl_c: str = "", **environment: str) -> tuple[int, str]:
        """Run a command, until it ends or until a request that matches is made; its status and what it says."""
        process = subprocess.Popen(
            [sys.executable, "scripts/from-template", command],
            cwd=self.product.folder,
            env=self.environment | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        interrupted = False

        def watch(request: str) -> None:
            nonlocal interrupted
            if "comp=list" in request:
                # Between two looks at the state lies a pause.
                self.product.azure.world.clock += 15
            if ctrl_c and not interrupted and re.search(ctrl_c, request):
                interrupted = True
                os.killpg(process.pid, signal.SIGINT)

        self.product.azure.watch = watch
        said, _ = process.communicate(timeout=300)
        assert interrupted == bool(ctrl_c), said
        return process.returncode, said


@pytest.fixture
def person(lab: Lab, tmp_path: Path) -> Iterator[Person]:
    """Somebody with a product of which nothing is made yet."""
    with lab.new({}) as product:
        support.git("init", "-q", "-b", "main", cwd=product.folder)
        yield Person(product, tmp_path)


def findings(person: Person, *about: str) -> list[str]:
    """What doctor says of Azure; none of it is wrong."""
    _, said = person.run("doctor")
    lines = [line for line in said.splitlines() if re.match(rf"\w+ +({'|'.join(about)}):", line)]
    assert {line.split()[0] for line in lines} == {"ok"}, said
    return lines


def test_what_is_interrupted_goes_on_and_everybody_sees_the_same_azure(person: Person) -> None:
    world = person.product.azure.world
    sections = ("Azure", "rights", "resource providers", "Kubernetes", "machines", "quota", "names")
    assert "once make up has registered its provider" in findings(person, *sections)[-1]

    for step, request in UP.items():
        status, said = person.run("up", request)
        assert (status, f", {step}, was interrupted" in said) == (1, True), said
    status, said = person.run("up")
    assert status == 0, said
    assert person.product.plans() == {}
    assert all(line.endswith(" is ours") for line in findings(person, "names"))

    # Where the state does not have it, the group is somebody else's.
    [state] = [name for name in world.blobs if name.endswith("platform.tfstate")]
    kept = world.blobs.pop(state)
    status, said = person.run("up")
    assert (status, f"rg-{NAME} is there, but not in the state of this repository" in said) == (1, True), said
    world.blobs[state] = kept

    assert person.run("ci-variables")[0] == 0
    variables = dict(line.split("=", 1) for line in world.github["variables"].splitlines())
    clients = {one.body["properties"].get("clientId") for one in world.resources.values()}
    assert {value for name, value in variables.items() if name.endswith("CLIENT_ID")} <= clients

    for step, request in DOWN.items():
        status, said = person.run("down", request)
        assert (status, f"{step}was interrupted" in said or "down: interrupted" in said) == (1, True), said
    status, said = person.run("down")
    assert status == 0, said
    assert [one.id for one in world.resources.values() if "-state" not in one.id] == []
    assert world.clusters == {}
    assert all(line.endswith((" is ours", " is free")) for line in findings(person, "names"))
