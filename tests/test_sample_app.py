"""The sample application's own tests pass in the product, with what its requirements pin."""

import os
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import support

SERVICES = ("backend", "frontend")


@pytest.mark.slow
@pytest.mark.parametrize("service", SERVICES)
def test_its_own_tests_pass_by_make_test_which_installs_what_they_need_once(
    service: str, own_product: Path, tmp_path: Path
) -> None:
    # In place of an environment of its own, the one of these tests, which has the same versions.
    python, pip = tmp_path / "python", tmp_path / "pip"
    python.write_text(
        f"""#!/bin/sh
case "$*" in
"-m venv .venv") mkdir -p .venv/bin && cp {python} {pip} .venv/bin/ ;;
*) exec {sys.executable} "$@" ;;
esac
"""
    )
    pip.write_text(f'#!/bin/sh\necho "$*" >>{tmp_path}/installed\n')
    python.chmod(0o755)
    pip.chmod(0o755)
    command = ("make", "test", f"SERVICE={service}", f"PYTHON={python}")
    done = support.run(*command, cwd=own_product, PYTHONPATH="")
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
    # Again, with nothing to install and nothing left to test; then with requirements that are newer.
    for test in (own_product / "src" / service / "tests").glob("test_*.py"):
        test.write_text("def test_nothing(): pass\n")
    assert support.run(*command, cwd=own_product, PYTHONPATH="").returncode == 0
    requirements = own_product / "src" / service / "requirements-test.txt"
    assert (tmp_path / "installed").read_text().count("requirements-test.txt") == 1
    os.utime(requirements, (time.time() + 60,) * 2)
    assert support.run(*command, cwd=own_product, PYTHONPATH="").returncode == 0
    assert (tmp_path / "installed").read_text().count("requirements-test.txt") == 2


@pytest.mark.slow
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
        theirs = pins(support.ROOT / "template" / "src" / service / "requirements-test.txt")
        assert theirs <= ours, f"{service}: run make lock here"
