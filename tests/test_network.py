"""What is in a network: who reaches it from here, and what `make up` says where nobody does."""

import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import fakes as fakes_of
from tests import support
from tests.fakes import Fakes
from tests.in_process import InProcess

# Nothing listens there.
CLOSED = "127.0.0.1"


def inside(faked: Fakes, **access: Any) -> Fakes:
    """The same with a cluster whose API server is not reached from here."""
    name = "aks-goal-tracker"
    made = {**faked.world["new_cluster"], "fqdn": CLOSED, "apiServerAccessProfile": access}
    faked.change(new_cluster={**made, "name": name, "resourceGroup": f"rg-{name}"})
    return faked


@pytest.fixture
def private(in_process: InProcess, tmp_path: Path) -> Fakes:
    """A product of which everything is in the network."""
    in_process.render({"runner": "aks", "private": ["cluster", "data"]}, tmp_path / "product")
    return inside(fakes_of.around(tmp_path / "product", tmp_path / "fakes"), enablePrivateCluster=True)


def lines(faked: Fakes, **environment: str) -> list[str]:
    return [line for line in faked.run("doctor", **environment).stdout.splitlines() if "network: " in line]


def test_nothing_is_said_before_there_is_a_cluster(private: Fakes) -> None:
    assert lines(private) == []


def test_what_is_in_the_network_is_a_failure_from_outside(private: Fakes) -> None:
    fakes_of.installed(private)
    found = lines(private)
    assert found[0].startswith(
        "failure  network: the API server of aks-goal-tracker is in its network, this machine is not"
    )
    assert all("work on a machine in that network: In the network, in README.md" in line for line in found)
    hosts = [line.split()[2] for line in found[1:]]
    assert [host.partition(".")[2] for host in hosts] == ["vault.azure.net", "blob.core.windows.net", "azurecr.io"]
    assert len(lines(private, TF_VAR_open_to='["203.0.113.7"]')) == 1


@pytest.mark.parametrize(("access", "words"), [
    ({"authorizedIpRanges": ["203.0.113.0/24"]}, "lets in only 203.0.113.0/24: add the address of this machine to api_server_authorized"),
    ({}, "is not reached from here: see whether the cluster was stopped"),
])  # fmt: skip
def test_a_public_api_server_that_is_not_reached_has_another_cure(faked: Fakes, access: Any, words: str) -> None:
    fakes_of.installed(inside(faked, **access))
    [found] = lines(faked)
    assert words in found


def test_make_up_makes_all_but_argo_cd_from_outside_and_says_where_to_go_on(private: Fakes) -> None:
    done = private.run("up")
    assert done.returncode == 1
    assert "step 3 of 3, gitops, failed: the API server of aks-goal-tracker is in its network" in done.stderr
    assert "In the network, in README.md; what was made stays" in done.stderr
    assert private.world["terraform"]["platform"]
    assert not private.world["terraform"]["gitops"]


def test_a_port_that_is_open_is_reached(private: Fakes) -> None:
    code = (
        "import sys; sys.path.append(sys.argv[1]); from hooks.workstation.installation.network import *\n"
        "print(reaches('127.0.0.1', int(sys.argv[2])), is_private('127.0.0.1'))"
    )
    with socket.create_server((CLOSED, 0)) as server:
        port = str(server.getsockname()[1])
        done = support.run(sys.executable, "-c", code, support.ROOT, port, cwd=private.product / "scripts")
    assert done.stdout.split() == ["True", "True"], done.stderr


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        (["cluster"], "Run those of `terraform/gitops` on a machine with a way into the network"),
        (["data"], "Run them on a machine with a way into the network. A first run takes the steps of"),
        ([], ""),
    ],
)
def test_the_way_by_hand_says_what_needs_a_machine_in_the_network(
    parts: list[str], words: str, in_process: InProcess, tmp_path: Path
) -> None:
    in_process.render({"runner": "aks", "private": parts}, tmp_path / "product")
    page = (tmp_path / "product" / "docs" / "operations.md").read_text(encoding="utf-8")
    by_hand = page.partition("\n## By hand\n")[2].partition("\n## ")[0]
    assert words in by_hand
    assert ("[In the network](../README.md#in-the-network)" in by_hand) == bool(parts)
