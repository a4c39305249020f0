"""What of the questions is exercised by which answer set: docs/coverage.md, by `make coverage`.

Pairs of choices that no fixture has are brought together in few further sets, which `make test-any` renders.
"""

import functools
import itertools
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from pathspec import PathSpec

from tests import support
from tests.in_process import InProcess, RefusedError

DOCUMENT = support.ROOT / "docs" / "coverage.md"
Choice = tuple[str, Any]
Pair = tuple[Choice, Choice]


def choices() -> dict[str, list[Any]]:
    """Return the questions that have a choice, with what may be chosen."""
    # A gate leads to other questions; nothing of the product depends on it.
    asked = {name: spec for name, spec in support.asked().items() if not spec.get("secret")}
    found = {name: support.choices(name) for name, spec in asked.items() if "choices" in spec}
    return found | {name: [True, False] for name, spec in asked.items() if spec["type"] == "bool"}


def pairs() -> list[Pair]:
    """Return every pair of choices of two questions."""
    return [
        ((one, a), (other, b))
        for (one, first), (other, second) in itertools.combinations(choices().items(), 2)
        for a, b in itertools.product(first, second)
    ]


def with_what_exists(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return answers with what a choice can't be without: the ids of a cluster that exists, and of its database's subnet."""
    if data.get("cluster") != "existing" or "existing" in data:
        return dict(data)
    group = "/subscriptions/22222222-2222-2222-2222-222222222222/resourceGroups/rg-platform/providers"
    name = "aks-goal-tracker" + ("-{environment}" if data.get("cluster_layout") == "per-environment" else "")
    existing = {"cluster": f"{group}/Microsoft.ContainerService/managedClusters/{name}"}
    if data.get("database") == "azure":
        existing |= {"database_subnet": f"{group}/Microsoft.Network/virtualNetworks/hub/subnets/postgres"}
        existing |= {"database_range": "10.1.4.0/27"}
    return {**data, "existing": existing}


@functools.cache
def _order() -> list[str]:
    return list(choices())


class Coverage:
    """Who covers what, worked out from the fixtures."""

    def __init__(self, in_process: InProcess) -> None:
        """Ask the questions of every fixture."""
        self._in_process = in_process
        self.fixtures = {name: in_process.ask(support.answers(name) or {}) for name in support.VALID}

    def _ask(self, data: Mapping[str, Any]) -> dict[str, Any] | RefusedError:
        try:
            return self._in_process.ask(with_what_exists(data))
        except RefusedError as refusal:
            return refusal

    def _completed(self, pair: Pair, wanted: set[Pair]) -> dict[str, Any] | RefusedError:
        """Return answers that have the pair and, taken one by one, as many of the wanted ones as go; or why none has."""
        data = dict(pair)
        refusal = self._ask(data)
        if isinstance(refusal, RefusedError):
            # What another question says by default may be what is wrong.
            for name, values in choices().items():
                for value in values if name not in data else []:
                    if not isinstance(self._ask({**data, name: value}), RefusedError):
                        return self._completed_from({**data, name: value}, wanted)
            return refusal
        return self._completed_from(data, wanted)

    def _completed_from(self, data: dict[str, Any], wanted: set[Pair]) -> dict[str, Any]:
        for name, values in choices().items():
            if name in data:
                continue
            ranked = sorted(values, key=lambda value: -len(_made(data, name, value) & wanted))
            data[name] = next(
                (one for one in ranked if not isinstance(self._ask({**data, name: one}), RefusedError)), None
            )
            if data[name] is None:
                del data[name]
        return data

    @property
    def sets(self) -> dict[str, dict[str, Any]]:
        """Return the further sets, which bring together the pairs that no fixture has."""
        return self._further[0]

    @property
    def refused(self) -> dict[Pair, str]:
        """Return the pairs that can't be, with the message."""
        return self._further[1]

    @functools.cached_property
    def _further(self) -> tuple[dict[str, dict[str, Any]], dict[Pair, str]]:
        missing = [pair for pair in pairs() if not self.by(pair)]
        sets: dict[str, dict[str, Any]] = {}
        refused: dict[Pair, str] = {}
        while missing:
            found = self._completed(missing[0], set(missing))
            if isinstance(found, RefusedError):
                refused[missing.pop(0)] = str(found)
                continue
            answers = self._in_process.ask(with_what_exists(found))
            sets[f"pairs-{len(sets) + 1}"] = {name: answers[name] for name in choices()}
            missing = [pair for pair in missing if not all(answers[name] == value for name, value in pair)]
        return sets, refused

    def by(self, wanted: Iterable[Choice]) -> list[str]:
        """Return the fixtures that have these choices."""
        listed = list(wanted)
        return [name for name, taken in self.fixtures.items() if all(taken[key] == value for key, value in listed)]


def files(product_of: Callable[[str], Path]) -> list[tuple[str, list[str], list[str]]]:
    """Return every pattern of the table of conditional files, with the sets where it is and is not."""
    found = {name: set(support.relative(product_of(name))) for name in support.VALID}
    every = set().union(*found.values())
    result = []
    for pattern in patterns():
        meant = set(PathSpec.from_lines("gitignore", [pattern]).match_files(every))
        present = [name for name, paths in found.items() if paths & meant]
        result.append((pattern, present, [name for name in found if name not in present]))
    return result


def _made(data: dict[str, Any], name: str, value: Any) -> set[Pair]:
    """Return the pairs that a further answer makes with those that are there."""
    order = _order()
    made = set()
    for other, given in data.items():
        first, second = sorted([(other, given), (name, value)], key=lambda choice: order.index(choice[0]))
        made.add((first, second))
    return made


def patterns() -> list[str]:
    """Return the patterns of the table of conditional files in copier.yml, each once."""
    config = yaml.safe_load((support.ROOT / "copier.yml").read_text(encoding="utf-8"))
    lines = config["_conditional_files"].splitlines()
    return list(dict.fromkeys(line for line in lines if not line.startswith("#%")))


def refusals() -> dict[str, list[str]]:
    """Return, for each question, the fixtures that it refuses."""
    found: dict[str, list[str]] = {name: [] for name in support.asked()}
    for name in support.INVALID:
        key = support.refusal(name).partition(":")[0]
        [given] = [key] if key in found else [one for one in support.answers(name, "invalid") if one in found] or [""]
        found.setdefault(given, []).append(name)
    return found


def _shown(value: Any) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _named(names: list[str]) -> str:
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return ", ".join(names[:2]) + more if names else "**none**"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterable[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{' --- |' * len(head)}"
    yield from (f"| {' | '.join(row)} |" for row in rows)
    yield ""


def document(coverage: Coverage, product_of: Callable[[str], Path]) -> str:
    """Return the text of docs/coverage.md."""
    conditional = files(product_of)
    every = pairs()
    by_fixture = sum(bool(coverage.by(pair)) for pair in every)
    refused = refusals()
    lines = [
        "# Coverage of the answers",
        "",
        "Made by `make coverage`; a test compares. Names are those of the answer sets in `tests/answers`; `pairs-…` are the",
        "sets at the end, which `make test-any` renders.",
        "",
        f"- choices: {sum(map(len, choices().values()))} of {len(choices())} questions",
        f"- conditional files: {len(conditional)} patterns",
        f"- wrong answers: {len(support.INVALID)} fixtures for {len(support.asked())} questions, and unknown ones",
        f"- pairs of choices: {len(every)}, of which {by_fixture} by fixtures, {len(every) - by_fixture - len(coverage.refused)} "
        f"by {len(coverage.sets)} further sets, {len(coverage.refused)} refused",
        "",
        "## Every choice",
        "",
    ]
    chosen = [
        (f"{name}: {_shown(value)}", _named(coverage.by([(name, value)])))
        for name, values in choices().items()
        for value in values
    ]
    lines += _table(("choice", "answer sets"), chosen)
    lines += ["## Every question that is refused", ""]
    lines += _table(
        ("question", "fixtures"), [(name or "no question", _named(names)) for name, names in refused.items()]
    )
    lines += ["## Every conditional file", ""]
    lines += _table(
        ("pattern", "there in", "left out in"), [(f"`{one}`", _named(a), _named(b)) for one, a, b in conditional]
    )
    lines += ["## Every pair of choices", ""]
    lines += _table(("one", "other", "covered by"), [_pair_row(coverage, pair) for pair in every])
    lines += ["## Further sets", ""]
    order = list(choices())
    lines += _table(
        ("set", *order), [(name, *(_shown(data[one]) for one in order)) for name, data in coverage.sets.items()]
    )
    return "\n".join(lines)


def _pair_row(coverage: Coverage, pair: Pair) -> tuple[str, str, str]:
    one, other = (f"{name}: {_shown(value)}" for name, value in pair)
    if names := coverage.by(pair):
        return one, other, names[0]
    if pair in coverage.refused:
        return one, other, f"refused: {coverage.refused[pair]}"
    has: Callable[[dict[str, Any]], bool] = lambda data: all(data[name] == value for name, value in pair)  # noqa: E731
    return one, other, next(name for name, data in coverage.sets.items() if has(data))


def main() -> None:
    """Write the document."""
    with tempfile.TemporaryDirectory() as folder:
        template = InProcess(support.export_template(Path(folder, "template")))

        def product_of(name: str) -> Path:
            product = Path(folder, name)
            template.render(support.answers(name) or {}, product)
            return product

        text = document(Coverage(template), product_of)
    DOCUMENT.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
