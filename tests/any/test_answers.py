"""Any answers: a clean refusal, or a product without a finding."""

import itertools
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings

from tests import support
from tests.any import answers, coverage, verdicts
from tests.any.coverage import Coverage
from tests.in_process import InProcess, RefusedError

CASES = int(os.environ.get("ANY_CASES", "10000"))
# Spread over the workers; each part draws other answers.
PARTS = 4
# Failures are shrunk, but not explained: that takes minutes.
RANDOM = settings(
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.generate, Phase.shrink),
    report_multiple_bugs=False,
    # The same cases every time, where a run decides on something else.
    derandomize=bool(os.environ.get("ANY_SAME")),
)


@pytest.mark.parametrize("_part", range(PARTS))
@given(data=answers.answer_sets())
@settings(RANDOM, max_examples=CASES // PARTS)
def test_any_answers_are_taken_or_refused_with_their_cure(
    _part: int, in_process: InProcess, data: dict[Any, Any]
) -> None:
    try:
        in_process.ask(data)
    except RefusedError as refusal:
        verdicts.is_a_sentence(refusal)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("any") / "product"


@pytest.mark.parametrize("_part", range(PARTS))
@given(data=answers.answer_sets(mistakes=1))
@settings(RANDOM, max_examples=CASES // 40 // PARTS)
def test_any_answers_that_are_taken_give_a_product_without_a_finding(
    _part: int, in_process: InProcess, place: Path, data: dict[Any, Any]
) -> None:
    shutil.rmtree(place, ignore_errors=True)
    try:
        taken = in_process.render(data, place)
    except RefusedError:
        assume(False)
    verdicts.is_sound(place, data, taken)


def test_pairs_of_choices_that_no_fixture_has_give_products_without_a_finding(
    in_process: InProcess, tmp_path: Path
) -> None:
    for name, data in Coverage(in_process).sets.items():
        data = coverage.with_what_exists(data)
        taken = in_process.render(data, tmp_path / name)
        verdicts.is_sound(tmp_path / name, data, taken)


def test_every_combination_of_choices_is_taken_but_for_the_pairs_that_are_refused(in_process: InProcess) -> None:
    refused = Coverage(in_process).refused
    choices = coverage.choices()
    for values in itertools.product(*choices.values()):
        data = dict(zip(choices, values, strict=True))
        wrong = [pair for pair in refused if all(data[name] == value for name, value in pair)]
        refusal = None
        try:
            in_process.ask(coverage.with_what_exists(data))
        except RefusedError as error:
            refusal = str(error)
        assert bool(wrong) == bool(refusal), (data, refusal)


@pytest.mark.parametrize("name", support.VALID)
def test_a_product_made_in_this_process_is_the_one_that_copier_makes(
    name: str, template: Path, rendered: Callable[[str], Path], tmp_path: Path
) -> None:
    product, plain = rendered(name), support.render(template, tmp_path / "plain", support.answers(name))
    assert support.relative(plain) == support.relative(product)
    for path in support.relative(product):
        assert (plain / path).read_bytes() == (product / path).read_bytes(), path
        assert (plain / path).stat().st_mode == (product / path).stat().st_mode, path
