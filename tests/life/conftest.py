"""Fixtures: the template with its history, and products of each version; the table in docs/updates.md."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import support
from tests.life import history, lives

Generated = Callable[..., Path]
Recorded = Callable[[str, str], None]
_DOCUMENT = support.ROOT / "docs" / "updates.md"
_TABLE = re.compile(r"(<!-- Made by `make test-life`\. -->\n\n).*?(\n<!-- End -->)", re.DOTALL)


@pytest.fixture(scope="session")
def versions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template as a repository with tags; tests only read it."""
    return history.write(tmp_path_factory.mktemp("history") / "template")


@pytest.fixture(scope="session")
def generated(versions: Path, tmp_path_factory: pytest.TempPathFactory) -> Generated:
    """Give the product of a version for an answer set, or for answers; shared, so tests only read it."""
    made: dict[str, Path] = {}

    def product_of(version: str, name: str = "defaults", **more: Any) -> Path:
        key = f"{version} {name} {more}"
        if key not in made:
            folder = tmp_path_factory.mktemp("made") / "product"
            answers = support.answers(name) | more
            if version == history.OLDER:
                answers.pop("size", None)  # That question is newer.
            made[key] = lives.generate(versions, version, folder, answers)
        return made[key]

    return product_of


@pytest.fixture
def begun(generated: Generated, tmp_path: Path) -> Callable[..., lives.Life]:
    """Begin the life of a product of a version."""
    return lambda *which, **more: lives.begin(generated(*which, **more), tmp_path)


@pytest.fixture
def record(request: pytest.FixtureRequest) -> Recorded:
    """Note a scenario and its result for the table."""
    return lambda scenario, result: request.node.user_properties.append(("life", (scenario, result)))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the table, and keep it once every test has passed."""
    if hasattr(terminalreporter.config, "workerinput"):
        return  # A worker knows of its own tests alone.
    reports = [
        report for found in terminalreporter.stats.values() for report in found if hasattr(report, "user_properties")
    ]
    rows = sorted({tuple(value) for report in reports for name, value in report.user_properties if name == "life"})
    for line in sorted({value for report in reports for name, value in report.user_properties if name == "measured"}):
        terminalreporter.write_line(line)
    if not rows:
        return
    table = "\n".join(["| scenario | result |", "| --- | --- |", *[f"| {one} | {two} |" for one, two in rows]]) + "\n"
    terminalreporter.write_line(table)
    modules = {Path(report.nodeid.partition("::")[0]).name for report in reports}
    every = {path.name for path in Path(__file__).parent.glob("test_*.py")}
    bad = {"failed", "error", "deselected"} & terminalreporter.stats.keys()
    whole = modules == every and not bad and not terminalreporter.config.option.keyword
    if whole and _DOCUMENT.exists():
        text = _DOCUMENT.read_text(encoding="utf-8")
        _DOCUMENT.write_text(_TABLE.sub(lambda found: found[1] + table + found[2], text), encoding="utf-8")
