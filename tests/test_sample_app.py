"""The sample application's own tests pass in the product, with what its requirements pin."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import support

SERVICES = ("backend", "frontend")


@pytest.mark.parametrize("service", SERVICES)
def test_its_own_tests_pass(service: str, own_product: Path) -> None:
    done = support.run(sys.executable, "-m", "pytest", "--quiet", cwd=own_product / "src" / service, PYTHONPATH="")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("service", SERVICES)
def test_its_code_is_formatted_and_typed(service: str, own_product: Path) -> None:
    folder = own_product / "src" / service
    for command in (["ruff", "format", "--check", "."], ["ruff", "check", "."], ["mypy", "."]):
        done = support.run(sys.executable, "-m", *command, cwd=folder)
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("service", SERVICES)
def test_its_image_runs_as_the_user_that_the_deployment_names(service: str, rendered: Callable[[str], Path]) -> None:
    product = rendered("defaults")
    dockerfile = (product / "src" / service / "Dockerfile").read_text(encoding="utf-8")
    deployment = (product / "apps/goal-tracker/base" / service / "deployment.yaml").read_text(encoding="utf-8")
    user = re.search(r"^USER (\d+)", dockerfile, re.MULTILINE)
    assert user
    assert f"runAsUser: {user[1]}\n" in deployment
    assert all("@sha256:" in line for line in dockerfile.splitlines() if re.match(r"FROM \S+:", line))


def test_the_tests_here_use_the_versions_that_the_images_install() -> None:
    def pins(path: Path) -> set[str]:
        return set(re.findall(r"^([a-z0-9-]+==\S+)", path.read_text(encoding="utf-8"), re.MULTILINE))

    ours = pins(support.ROOT / "requirements" / "test.txt")
    for service in SERVICES:
        theirs = pins(support.ROOT / "template" / "src" / service / "requirements.txt")
        assert theirs <= ours, f"{service}: run make lock here and renew the service's requirements.txt"
