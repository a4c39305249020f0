"""docs/coverage.md says what is exercised by which answer set, and nothing is missing from it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.any import coverage
from tests.in_process import InProcess

# The sets that bring pairs together are worked out once.
pytestmark = pytest.mark.xdist_group("coverage")


@pytest.fixture(scope="module")
def covered(in_process: InProcess) -> coverage.Coverage:
    return coverage.Coverage(in_process)


@pytest.mark.slow
def test_the_table_is_that_of_the_fixtures(covered: coverage.Coverage, rendered: Callable[[str], Path]) -> None:
    document = coverage.document(covered, rendered)
    assert coverage.DOCUMENT.read_text(encoding="utf-8") == document, "run `make coverage`"


def test_every_choice_has_a_fixture(covered: coverage.Coverage) -> None:
    for name, values in coverage.choices().items():
        for value in values:
            assert covered.by([(name, value)]), (name, value)


def test_every_question_has_a_fixture_that_it_refuses() -> None:
    assert [name for name, fixtures in coverage.refusals().items() if not fixtures] == []


def test_every_conditional_file_is_there_in_one_product_and_left_out_in_another(
    rendered: Callable[[str], Path],
) -> None:
    assert [pattern for pattern, present, absent in coverage.files(rendered) if not present or not absent] == []


@pytest.mark.slow
def test_every_pair_of_choices_is_in_a_set_or_refused(covered: coverage.Coverage) -> None:
    for pair in coverage.pairs():
        made = [data for data in covered.sets.values() if all(data[name] == value for name, value in pair)]
        assert bool(covered.by(pair) or made) != (pair in covered.refused), pair
