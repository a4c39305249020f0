"""The questions at a terminal of 80 and of 60 columns: every help, choice and cure can be read."""

import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import support
from tests.terminal import CLEAR, ENTER, Terminal, running

pytestmark = pytest.mark.slow

WIDTHS = (80, 60)
ASKED = support.asked()
OWN = "https://github.com/octocat/goal-tracker"
# After wrong answers, the default has to be typed anew.
RIGHT = {
    name: f"{CLEAR}{answer}{ENTER}"
    for name, answer in {
        "git_repository": OWN, "project_name": "goal-tracker", "services": "[frontend, backend]", "code_owners": "",
        "environments": "[dev, prod]", "cluster_name": "aks-goal-tracker", "region": "westeurope",
        "registry_name": "octocatgoaltracker", "branch": "main", "runner": "", "private": "[]",
        "names": "{}", "tags": "{}", "existing": "{}",
    }.items()
} | {"advanced": "y"}  # fmt: skip
# Who may be asked for the owner is not on this PATH.
NOBODY = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null", "HOME": "/nonexistent"}


def new(columns: int, destination: Path, *arguments: str) -> Any:
    return running(
        columns, sys.executable, "-m", "hooks.new", destination, *arguments, cwd=support.ROOT, **NOBODY,
    )  # fmt: skip


def help_of(name: str) -> list[str]:
    """The lines of a question's help; of one that depends on another answer, as it is by default."""
    return [line for line in next(iter(support.helps(name).values())).split("\n") if line.strip()]


def wrong(name: str) -> list[tuple[str, str]]:
    """What is refused: the text that a person would type, and the message."""
    found = []
    for fixture in support.INVALID:
        answers = support.answers(fixture, "invalid")
        message = support.refusal(fixture)
        value = answers.get(name)
        if set(answers) != {name} or not message.startswith(f"{name}: ") or not isinstance(value, str | list):
            continue
        typed = value if isinstance(value, str) else yaml.safe_dump(value, default_flow_style=True, width=10**6).strip()
        message = message.removeprefix(f"{name}: ")
        if typed.isprintable() and "in quotes" not in message and "is not YAML" not in message:
            found.append((typed, message))
    return found


def see(terminal: Terminal, name: str) -> None:
    """Wait for a question, and look for all of it."""
    lines = help_of(name)
    terminal.wait(lines[-1])
    rows = [row.strip() for row in terminal.rows()]
    assert f"{ASKED[name]['qmark']} {lines[0]}" in rows
    assert set(lines[1:]) <= set(rows)
    for choice in support.meanings(name).values():
        terminal.wait(choice)
        assert any(row.strip(" »-").startswith(choice) for row in terminal.rows()), choice


@pytest.mark.parametrize("columns", WIDTHS)
def test_every_help_choice_and_cure_is_on_the_screen(columns: int) -> None:
    # In a folder of a short name, which the end message has on a line.
    with tempfile.TemporaryDirectory() as folder, new(columns, Path(folder, "product")) as terminal:
        terminal.wait("press Enter to accept it")
        for name, question in ASKED.items():
            if question.get("when"):  # The domain.
                continue
            see(terminal, name)
            if question["type"] in ("str", "yaml") and "choices" not in question:
                for typed, message in [("", "use https://HOST/OWNER/NAME")] * (name == "git_repository") + wrong(name):
                    terminal.press(CLEAR + typed + ENTER)
                    terminal.wait(message[: 23 * columns])
                    assert "Validation error" not in "".join(terminal.rows())
            terminal.press(RIGHT.get(name, ENTER))
        assert terminal.end() == 0, "\n".join(terminal.history())
        shown = terminal.history()
    summary = shown[next(number for number, row in enumerate(shown) if "goal-tracker is ready:" in row) :]
    assert not any("example-org" in row for row in summary)
    # A row that goes on at the edge was wrapped by the terminal, not by us.
    assert all(len(row) < columns for row in summary), "\n".join(summary)
    text = " ".join(" ".join(summary).replace("\\", "").split())
    assert "git remote add origin https://github.com/octocat/goal-tracker" in text
    assert "a month in westeurope" in text
    assert text.count("make up") == 1


@pytest.mark.parametrize("columns", WIDTHS)
def test_why_a_choice_is_not_possible_is_on_the_screen(columns: int, tmp_path: Path) -> None:
    services = "[{name: web, public: false, database: false, image: acme/web}]"
    given = [
        f"--data=services={services}",
        "--data=git_repository=https://gitlab.example.org/acme/web",
        "--data=registry_name=acme",
        "--pretend",
    ]
    expected = {
        "database": "set database: true on one of services, or choose none: no service would use it",
        "registry": "service web: write NAME.azurecr.io/acme/web, or docker.io/acme/web: image",
        "ci": "set ci to jenkins, or use a repository on github.com: Azure trusts GitHub Actions of github.com alone",
        "cluster_layout": "set cluster_layout to shared, or ci to github-actions: agents of Jenkins reach the cluster",
        "expose": "set public: true on one of services, or choose none: no service is public",
    }
    with new(columns, tmp_path / "product", *given) as terminal:
        for name, question in ASKED.items():
            if question.get("when") or name in (
                "git_repository",
                "services",
                "registry_name",
                "runner",
                "sample_app",
                "previews",
                "verify_images",
            ):
                continue
            see(terminal, name)
            if name in expected:
                terminal.wait(expected[name])
            terminal.press("y" if name == "advanced" else ENTER)
        assert terminal.end() == 0, "\n".join(terminal.rows())
