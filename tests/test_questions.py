"""The questions as a person meets them: what is asked, in which order, and what an update keeps."""

import contextlib
import io
import itertools
import re
import shutil
from pathlib import Path
from typing import Any

import copier
import pytest
import yaml
from copier import _main
from copier.errors import UserMessageError
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from tests import support
from tests.in_process import InProcess

ENTER, DOWN = "\r", "\x1b[B"
# What nobody can know for a person, and is asked first.
FIRST = "https://github.com/example-org/goal-tracker"
NAMES = list(support.asked())
GATE = NAMES.index("advanced")
# Asked only where it matters.
CONDITIONAL = {"domain"}


class Person:
    """Runs Copier on the questions alone, and notes what it is asked."""

    def __init__(self, template: Path, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.template, self.project = template, project
        self.asked: list[str] = []
        prompt = getattr(_main, "unsafe_prompt")  # noqa: B009 - not one of its public names

        def noted(questions: list[dict[str, Any]], **more: Any) -> Any:
            if questions[0]["when"]({}):
                self.asked.append(questions[0]["name"])
            return prompt(questions, **more)

        monkeypatch.setattr(_main, "unsafe_prompt", noted)

    def _run(self, what: Any, *arguments: Any, keys: str | None, **options: Any) -> dict[str, Any]:
        self.asked.clear()
        with (
            create_pipe_input() as keyboard,
            create_app_session(input=keyboard, output=DummyOutput()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            keyboard.send_text(keys or "")
            keyboard.close()  # Who is asked for more than these keys answer gets an EOFError, not a wait for ever.
            what(*arguments, defaults=keys is None, quiet=True, overwrite=True, **options)
        support.git("init", "-q", "-b", "main", cwd=self.project)
        support.git("add", "-A", cwd=self.project)
        support.git("commit", "-q", "--allow-empty", "-m", "Generated", cwd=self.project)
        return self.stored()

    def stored(self) -> dict[str, Any]:
        """The answers file, without Copier's own entries."""
        loaded = yaml.safe_load((self.project / ".copier-answers.yml").read_text())
        return {name: value for name, value in loaded.items() if not name.startswith("_")}

    def copy(self, keys: str | None = None, **data: Any) -> dict[str, Any]:
        """Generate; with keys at a terminal, without them by --defaults."""
        return self._run(copier.run_copy, str(self.template), self.project, keys=keys, data=data)

    def recopy(self, keys: str | None = None, **data: Any) -> dict[str, Any]:
        return self._run(copier.run_recopy, self.project, keys=keys, data=data)

    def update(self, keys: str | None = None, **data: Any) -> dict[str, Any]:
        return self._run(copier.run_update, self.project, keys=keys, data=data)

    def new_version(self, old: str = "", new: str = "") -> None:
        """Change the questions and release them."""
        path = self.template / "copier.yml"
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")
        support.git("commit", "-q", "-a", "--allow-empty", "-m", "Next", cwd=self.template)
        support.git("tag", "v2.0.0", cwd=self.template)


@pytest.fixture(scope="session")
def questionnaire(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template with the answers file for its only file."""
    folder = tmp_path_factory.mktemp("questionnaire")
    text = (support.ROOT / "copier.yml").read_text(encoding="utf-8")
    (folder / "copier.yml").write_text(re.sub(r"(?ms)^_tasks:.*?(?=^_message)", "", text), encoding="utf-8")
    shutil.copytree(support.ROOT / "includes", folder / "includes")
    (folder / "template").mkdir()
    shutil.copy2(next((support.ROOT / "template").glob("*answers_file*")), folder / "template")
    support.git("init", "-q", "-b", "main", cwd=folder)
    support.git("add", "-A", cwd=folder)
    support.git("commit", "-q", "-m", "Begin", cwd=folder)
    support.git("tag", "v1.0.0", cwd=folder)
    return folder


@pytest.fixture
def person(questionnaire: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Person:
    return Person(shutil.copytree(questionnaire, tmp_path / "template"), tmp_path / "project", monkeypatch)


def test_a_person_who_presses_enter_is_asked_ten_questions_at_most(person: Person) -> None:
    stored = person.copy(FIRST + ENTER * 20)
    assert person.asked == NAMES[: GATE + 1]
    assert len(person.asked) <= 10
    assert set(stored) == set(NAMES) - {"advanced"} - CONDITIONAL
    shutil.rmtree(person.project)
    assert person.copy() == stored, "--defaults gives the same"


@pytest.mark.slow
def test_no_choice_on_the_short_path_leads_to_more_than_ten_questions(person: Person) -> None:
    for registry, database in zip(support.choices("registry"), itertools.cycle(support.choices("database"))):
        stored = person.copy(FIRST + ENTER * 20, registry=registry, database=database)
        assert len(person.asked) + 2 == GATE + 1
        assert stored["sample_app"] is (database != "none")
        shutil.rmtree(person.project)


@pytest.mark.slow
def test_who_asks_for_more_is_asked_everything_that_matters(person: Person) -> None:
    stored = person.copy(FIRST + ENTER * GATE + "y" + DOWN + ENTER * 20)
    assert person.asked == [name for name in NAMES if name not in CONDITIONAL]
    assert stored["size"] == "production"
    assert "advanced" not in stored


@pytest.mark.slow
def test_an_answer_behind_the_gate_is_given_without_naming_the_gate(person: Person) -> None:
    assert person.copy(size="production")["size"] == "production"
    with pytest.raises(ValueError, match="Invalid choice for 'size'"):
        person.update(size="huge")


def test_answers_given_as_text_are_taken_as_what_they_mean(person: Person) -> None:
    stored = person.copy(sample_app="no", services="[api, web]", environments="one, two")
    assert (stored["sample_app"], stored["services"], stored["environments"]) == (False, ["api", "web"], "one, two")
    assert person.update(services="[web, mailer]", sample_app="false")["services"] == ["web", "mailer"]


@pytest.mark.slow
def test_the_domain_is_asked_for_with_a_gateway_only(person: Person) -> None:
    to_expose = GATE + 1 + len(NAMES[GATE + 1 : NAMES.index("expose")])
    stored = person.copy(FIRST + ENTER * GATE + "y" + ENTER * (to_expose - GATE - 1) + DOWN + ENTER * 20)
    assert person.asked == NAMES
    assert stored["domain"] == "goal-tracker.example.com"
    shutil.rmtree(person.project)
    person.copy(FIRST + ENTER * 20, expose="gateway")
    assert person.asked == [*NAMES[: GATE + 1], "domain"]


@pytest.mark.slow
@pytest.mark.parametrize("keys", [None, ENTER * 20, ENTER * GATE + "y" + ENTER * 20], ids=["none", "few", "all"])
def test_an_update_keeps_every_answer_whoever_is_asked_and_whatever_is_the_default_now(
    keys: str | None, person: Person
) -> None:
    before = person.copy(iac="opentofu", expose="gateway", domain="shop.example.org")
    person.new_version("default: small", "default: production")
    assert person.update(keys) == before
    if keys:
        short, full = NAMES[: GATE + 1], NAMES
        assert person.asked == (full if "y" in keys else short)


@pytest.mark.slow
def test_a_later_update_changes_the_one_answer_that_it_is_given(person: Person) -> None:
    before = person.copy(FIRST + ENTER * 20)
    person.new_version()
    assert person.update(size="production") == {**before, "size": "production"}
    assert person.recopy() == {**before, "size": "production"}
    assert person.update(ENTER * 20, iac="opentofu") == {**before, "size": "production", "iac": "opentofu"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("keys", "stored", "given", "message"),
    [
        (None, {}, {"database": "none"}, 'sample_app: the stored answer true is not valid any more .* --data sample_app=false'),
        (None, {"services": "web,api"}, {"services": [{"name": "web", "database": False}]}, r'"postgres" .* \(set database: true on one of services, or choose none: no service would use it'),
        (None, {}, {"services": [{"name": "web", "public": False}], "sample_app": False}, r"\(set public: true on one of services, or choose none: no service is public"),
        (None, {"cluster_layout": "per-environment"}, {"ci": "jenkins"}, "set cluster_layout to shared"),
        (None, {"ci": "jenkins"}, {"cluster_layout": "per-environment"}, "set cluster_layout to shared"),
        (ENTER * 20, {"cluster_layout": "per-environment"}, {"environments": ["state"]}, "cluster_layout: the stored answer"),
    ],
)  # fmt: skip
def test_an_update_never_replaces_an_answer_in_silence(
    keys: str | None, stored: dict[str, Any], given: dict[str, Any], message: str, person: Person
) -> None:
    before = person.copy(**stored)
    with pytest.raises((UserMessageError, ValueError), match=message):
        person.update(keys, **given)
    assert person.stored() == before


def test_what_is_not_possible_can_not_be_chosen_at_the_prompt(person: Person) -> None:
    # What is given is not asked, and Jenkins has no runners.
    before = set(NAMES[GATE + 1 : NAMES.index("cluster_layout")]) - {"size", "ci", "runner"}
    keys = FIRST + ENTER * GATE + "y" + ENTER * len(before) + DOWN + ENTER * 20
    assert person.copy(keys, ci="jenkins", size="small")["cluster_layout"] == "shared"
    shutil.rmtree(person.project)
    stored = person.copy(FIRST + ENTER * GATE + "y" + ENTER * 20, database="none")
    assert "sample_app" not in person.asked
    assert stored["sample_app"] is False


@pytest.mark.parametrize(
    ("host", "ci"),
    [("github.com", "github-actions"), ("gitlab.example.org", "jenkins"), ("octocorp.ghe.com", "jenkins")],
)
def test_the_pipeline_is_one_that_the_host_can_have(host: str, ci: str, in_process: InProcess) -> None:
    assert in_process.ask({"git_repository": f"https://{host}/example-org/shop"})["ci"] == ci


def test_every_question_tells_its_effect_within_60_columns() -> None:
    for name, question in support.asked().items():
        for text in support.helps(name).values():
            assert all(len(line) < 59 for line in f"{question['qmark']} {text}".splitlines()), name
        for choice in support.meanings(name).values():
            assert ": " in choice, f"{name}: say what {choice!r} costs or means"
            assert len(choice) < 57, choice


def test_the_page_of_questions_names_the_defaults_that_a_product_gets() -> None:
    page = (support.ROOT / "docs" / "questions.md").read_text(encoding="utf-8")
    answers = InProcess(support.ROOT).ask({})
    for name in set(NAMES) - CONDITIONAL:
        [shown] = re.findall(rf"^## `{name}`\n(?:(?!## ).*\n)*?Default: (`[^`]*`|empty)", page, re.MULTILINE)
        told = yaml.safe_load(shown.strip("`")) if shown != "empty" else ""
        given = answers.get(name, told)
        assert told == (yaml.safe_load(given) if isinstance(given, str) and given else given), name
