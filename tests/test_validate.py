"""scripts/validate finds what breaks a repository, with file, line and cure, and nothing else."""

import random
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import damages, fields, inprocess, support
from tests.damages import APP, DEV

EVERY = damages.every()
LINE = re.compile(r"[\w./ -]+?(:\d+)?: .+")
# Every line ends in what is to be done.
CURE = re.compile(
    r"\b(add|chmod|choose|close|copy|did you mean|give|hand|indent|keep|lower|make|mend|name|put|quote|raise|remove|rename"
    r"|restore|run|save|say|set|use|write|begin|depends)\b"
)


@pytest.fixture(scope="module")
def patients(
    rendered: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], inprocess.Patient]:
    """Give a copy of the product of an answer set that can be damaged and mends itself."""
    made: dict[str, inprocess.Patient] = {}

    def patient_of(answers: str) -> inprocess.Patient:
        if answers not in made:
            copy = tmp_path_factory.mktemp("patient") / "product"
            made[answers] = inprocess.Patient(rendered(answers), copy)
        return made[answers]

    return patient_of


def validate(product: Path) -> tuple[int, str]:
    done = support.run(sys.executable, "scripts/validate", "--no-tools", cwd=product)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(("answers", "damage"), EVERY)
def test_validate_finds(answers: str, damage: str, patients: Callable[[str], inprocess.Patient]) -> None:
    edit, words = EVERY[answers, damage]
    with patients(answers).damaged(edit) as product:
        lines = inprocess.problems(product)
    assert [line for line in lines if words in line], lines
    for line in lines:
        assert LINE.fullmatch(line), line
        assert CURE.search(line), line
        assert inprocess.STUMBLED not in line


def test_a_product_of_each_answer_set_is_whole_again_after_its_damages(
    patients: Callable[[str], inprocess.Patient],
) -> None:
    for answers in {answers for answers, _ in EVERY}:
        with patients(answers).damaged() as product:
            assert inprocess.problems(product) == []


# What makes a file unreadable is said alone, since all else could follow from it.
UNREADABLE = ("is there twice", "is not valid YAML", "is not UTF-8", "has a merge conflict")
# Damages that hide what others are about: without the object there is nothing to be said of it.
HIDING = {
    "a kind that does not exist",
    "a version that is gone",
    "a group that does not exist",
    "a misspelt field of a kustomization",
    "an overlay of the network",
    "a bootstrap of another branch",
    "an answer of another project",
    "a bootstrap that can't be read",
    "another namespace",
}


def test_damages_in_two_files_are_both_found(patients: Callable[[str], inprocess.Patient]) -> None:
    chance = random.Random(7)
    table = damages.DAMAGES | damages.EDITS
    clear = [
        name
        for name, (_, _, _, words) in table.items()
        if not any(word in words for word in UNREADABLE) and name not in HIDING
    ]
    tried = 0
    while tried < 60:
        first, second = chance.sample(clear, 2)
        if table[first][0].rpartition("/")[0] == table[second][0].rpartition("/")[0]:
            continue
        tried += 1
        edits = [EVERY["defaults", name][0] for name in (first, second)]
        with patients("defaults").damaged(*edits) as product:
            lines = inprocess.problems(product)
        for name in (first, second):
            words = table[name][3]
            assert any(words in line for line in lines), (first, second, words, lines)
        assert not any(inprocess.STUMBLED in line for line in lines), (first, second, lines)
