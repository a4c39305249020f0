"""Renovate itself reads what tests/test_renovate.py says it reads. Needs npm; Renovate and its Node come from there."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import support, test_renovate
from tests.renovate import program

CASES = [
    "cluster-per-environment-with-gateway-and-database-of-azure",
    "defaults",
    "jenkins-with-acr-on-gitlab",
    "jenkins-with-ghcr-for-production",
    "production-database-of-azure-with-opentofu",
]


def extracted(node_modules: Path, repository: Path) -> dict[tuple[str, str], str]:
    """Return what Renovate reads of a repository, by manager and file, as one text of all values."""
    result: dict[tuple[str, str], str] = {}
    for record in program.records(node_modules, repository, "extract"):
        for manager, files in (record.get("packageFiles") or {}).items():
            for file in files if isinstance(files, list) else []:
                place = manager, file["packageFile"]
                values = [f"{dep.get('currentValue')} {dep.get('currentDigest')}" for dep in file["deps"]]
                result[place] = " ".join([result.get(place, ""), *values])
    return result


def check(node_modules: Path, repository: Path, config: test_renovate.Renovate) -> None:
    validated = program.run(node_modules, "config-validator.js", "--strict", "renovate.json5", cwd=repository)
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
