"""Runners of one's own: every job runs there, and `make doctor` says whether one is online and who may use it."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import fakes as fakes_of
from tests.fakes import Fakes
from tests.in_process import InProcess

ONLINE = "gh api --paginate … /actions/runners"
VISIBLE = "gh api … .visibility"


def places(product: Path) -> list[Any]:
    """Where each job of a product runs."""
    workflows = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in product.glob(".github/workflows/*.yml")]
    jobs = [job for workflow in workflows for job in workflow["jobs"].values()]
    return [job["runs-on"] for job in jobs if "uses" not in job]


@pytest.mark.parametrize(("runner", "written"), [
    ("", "ubuntu-24.04"), ("aks-runners", "aks-runners"), ("self-hosted,linux", ["self-hosted", "linux"]),
])  # fmt: skip
@pytest.mark.parametrize("more", [{}, {"cluster_layout": "per-environment"}, {"services": ["web"]}])
def test_every_job_runs_where_the_answer_says(
    in_process: InProcess, tmp_path: Path, runner: str, written: Any, more: dict[str, Any]
) -> None:
    in_process.render({**more, "runner": runner}, tmp_path / "product")
    found = places(tmp_path / "product")
    assert len(found) > 8
    assert all(place == written for place in found)
    lines = {text for path in tmp_path.rglob("*.yml") for text in path.read_text(encoding="utf-8").splitlines()}
    # Yamllint wants a space behind each comma.
    assert not [text for text in lines if "runs-on: [" in text and re.search(r",\S", text)]


@pytest.fixture
def faked(in_process: InProcess, tmp_path: Path) -> Fakes:
    in_process.render({"runner": "self-hosted, AKS"}, tmp_path / "product")
    faked = fakes_of.around(tmp_path / "product", tmp_path / "fakes")
    faked.answer(VISIBLE, stdout="private\n")
    return faked


def lines(faked: Fakes) -> list[str]:
    return [line for line in faked.run("doctor").stdout.splitlines() if "runners: " in line]


def test_a_runner_that_is_online_is_counted_by_all_of_its_labels(faked: Fakes) -> None:
    faked.answer(ONLINE, stdout="self-hosted,linux,aks\nself-hosted,linux\n")
    assert lines(faked) == ["ok       runners: 1 online with self-hosted, AKS"]


@pytest.mark.costly
@pytest.mark.parametrize(
    "how", [{"stdout": "self-hosted,linux\n"}, {"stdout": ""}, {"status": 1, "stderr": "HTTP 403\n"}]
)
def test_no_runner_in_the_list_is_a_warning_that_names_where_else_one_may_be(faked: Fakes, how: dict[str, Any]) -> None:
    faked.answer(ONLINE, **how)
    [found] = lines(faked)
    assert found.startswith("warning  runners: the repository lists none online with self-hosted, AKS")
    assert found.endswith("see that the organisation or a scale set has one, which this list does not show")


def test_a_public_repository_is_a_warning_that_anyone_runs_code_there(faked: Fakes) -> None:
    faked.answer(ONLINE, stdout="self-hosted,aks\n")
    faked.answer(VISIBLE, stdout="public\n")
    found = lines(faked)
    assert "anyone's pull request runs code on them: make it private" in found[0]
    assert found[1].startswith("ok ")
