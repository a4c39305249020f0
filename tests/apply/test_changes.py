"""Every change of one answer, in both directions, on what was applied before: nothing is lost that was not given up.

What happens is written to docs/changes.md.
"""

import json
import os
import re
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests import support
from tests.apply.changes import DIRECTIONS
from tests.apply.lab import Answers, Lab, Outcome

Outcomes = dict[int, Future[Outcome]]
_DOCUMENT = support.ROOT / "docs" / "changes.md"
_TABLE = re.compile(r"(<!-- Made by `make test-apply`\. -->\n\n).*?(\n<!-- End -->)", re.DOTALL)
numbers = range(len(DIRECTIONS))


def name_of(number: int) -> str:
    answer, before, after = DIRECTIONS[number]
    return f"{answer}-{before[answer]}-{after[answer]}"


@pytest.fixture(scope="module")
def outcomes(lab: Lab, request: pytest.FixtureRequest) -> Iterator[Outcomes]:
    """What becomes of the changes that the selected tests ask about, side by side."""
    items = [getattr(item, "callspec", None) for item in request.session.items]
    asked = {spec.params["number"] for spec in items if spec and "number" in spec.params}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield {number: pool.submit(lab.change, *DIRECTIONS[number][1:]) for number in sorted(asked)}
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("number", numbers, ids=name_of)
def test_a_change_of_one_answer_is_made_or_refused_with_its_reason(outcomes: Outcomes, number: int) -> None:
    outcome = outcomes[number].result()
    assert outcome.failed == ""
    if outcome.refused:
        assert re.search(r"prevent_destroy|can only be applied when|not possible to disable", outcome.refused)
    # What is replaced although the answer did not give it up.
    assert [address for address in outcome.lost if address in outcome.all("create")] == []


def test_the_table_of_changes_is_what_happened(outcomes: Outcomes) -> None:
    if len(outcomes) < len(DIRECTIONS):
        pytest.skip("made of all changes: run the whole file")
    lines = ["| answer | from | to | what happens to what is there |", "| --- | --- | --- | --- |"]
    for number in numbers:
        answer, before, after = DIRECTIONS[number]
        lines.append(
            f"| {_answer(answer, before)} | {_value(before, answer)} | {_value(after, answer)} | {_told(outcomes[number].result())} |"
        )
    old = _DOCUMENT.read_text(encoding="utf-8")
    new = _TABLE.sub(lambda found: found[1] + "\n".join(lines) + "\n" + found[2], old)
    _DOCUMENT.write_text(new, encoding="utf-8")
    assert new == old, "docs/changes.md was out of date and is written anew: read it, and commit it"


def _answer(answer: str, before: Answers) -> str:
    beside = ", ".join(
        f"`{name}: {json.dumps(value)}`" for name, value in before.items() if name == "database" != answer
    )
    return f"`{answer}`" + (f", beside {beside}" if beside else "")


def _value(answers: Answers, name: str) -> str:
    value = answers[name]
    return ", ".join(value) if isinstance(value, list) else json.dumps(value).strip('"')


def _told(outcome: Outcome) -> str:
    """Return what happens, as a cell."""
    if outcome.refused:
        protected = re.search(r"Resource (\S+) has lifecycle.prevent_destroy", outcome.refused)
        text = (
            f"it would destroy `{protected[1]}`"
            if protected
            else outcome.refused.removeprefix("Error: ").split(" with ")[0]
        )
        return f"**refused**: {text}"
    created, deleted = set(outcome.all("create")), set(outcome.all("delete"))
    parts = [
        ("makes", created - deleted),
        ("changes", set(outcome.all("update"))),
        ("makes anew", created & deleted),
        ("removes", deleted - created - set(outcome.lost)),
    ]
    said = [f"{verb} {_kinds(addresses)}" for verb, addresses in parts if addresses]
    if outcome.lost:
        lost = ", ".join(f"`{address}`" for address in outcome.lost)
        said.insert(0, f"**refused by the pipeline**: it would destroy {lost}; after `make up`, which asks")
    if outcome.by_hand:
        said.insert(0, "by `make up`, since the pipeline's identity may not")
    return "; ".join(said) or "nothing"


def _kinds(addresses: set[str]) -> str:
    kinds = sorted(address.split(".")[0].removeprefix("azurerm_") for address in addresses)
    counted = [(kind, kinds.count(kind)) for kind in sorted(set(kinds))]
    return ", ".join(f"{count} {kind}" if count > 1 else kind for kind, count in counted)
