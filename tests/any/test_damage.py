"""What tests/test_validate.py tries with a few, for the products of all answer sets."""

import random
import shutil
import zlib
from pathlib import Path

import pytest

from tests import extensions, support, validation
from tests.test_validate import LINE, random_edit


@pytest.mark.parametrize("seed", range(3))
def test_what_people_add_by_hand_is_not_complained_about(seed: int, product: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(product, tmp_path / "product")
    added = extensions.extend(copy, seed + zlib.crc32(product.name.encode()), 12)
    # What AKS Automatic gives more of, or lets Argo CD have no right to, is found rightly.
    found = [line for line in validation.problems(copy) if "automatic" not in line.lower()]
    assert found == [], added
    for folder in [*support.overlays(copy), *(copy / "clusters").iterdir()]:
        assert support.run("kubectl", "kustomize", ".", cwd=folder).returncode == 0, (folder, added)


def test_no_check_stumbles_over_random_damage(product: Path, tmp_path: Path) -> None:
    patient = validation.Patient(product, tmp_path / "product")
    for seed in range(100):
        chance = random.Random(seed)
        edits = [random_edit(chance) for _ in range(chance.choice([1, 1, 2, 4]))]
        with patient.damaged(*edits) as damaged:
            for line in validation.problems(damaged):
                assert validation.STUMBLED not in line, (seed, line)
                assert LINE.fullmatch(line), (seed, line)
