"""A few of the random answers of `make test-any`, the same each time; and that they are asked as Copier asks them."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from copier._tools import cast_to_bool
from hypothesis import assume, given, settings

from tests import support
from tests.any import answers, verdicts
from tests.any.test_answers import RANDOM
from tests.in_process import BrokenRuleError, InProcess, RefusedError

SAME = settings(RANDOM, derandomize=True)
RULES = support.ROOT / "includes" / "rules.jinja"


@pytest.mark.slow
@given(data=answers.answer_sets())
@settings(SAME, max_examples=150)
def test_some_answers_are_taken_or_refused_with_their_cure(in_process: InProcess, data: dict[Any, Any]) -> None:
    try:
        in_process.ask(data)
    except RefusedError as refusal:
        verdicts.is_a_sentence(refusal)


@pytest.mark.slow
@given(data=answers.answer_sets(mistakes=0))
@settings(SAME, max_examples=3)
def test_some_answers_that_are_taken_give_a_product_without_a_finding(
    in_process: InProcess, tmp_path_factory: pytest.TempPathFactory, data: dict[Any, Any]
) -> None:
    place = tmp_path_factory.mktemp("any") / "product"
    try:
        taken = in_process.render(data, place)
    except RefusedError:
        assume(False)
    verdicts.is_sound(place, data, taken)


@pytest.mark.costly
def test_a_product_says_what_was_answered(product: Path, request: pytest.FixtureRequest, in_process: InProcess) -> None:
    given = support.answers(request.node.callspec.params["product"])
    verdicts.says_what_was_answered(product, given, in_process.ask(given))


ASKED: dict[str, Any] = {
    "services": [{"name": "web", "port": 8080, "env": {"LEVEL": "info"}}, "api"],
    "region": "westeurope",
}


@pytest.fixture(scope="module")
def sound(in_process: InProcess, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A product, and all of its answers; read only."""
    place = tmp_path_factory.mktemp("sound") / "product"
    return place, in_process.render(ASKED, place)


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("apps/*/base/web/deployment.yaml", "8080", "8081"),
        ("apps/*/base/web/deployment.yaml", 'value: "info"', "value: off"),
        ("apps/*/base/api/deployment.yaml", 'image: "', 'image: "x/'),
        ("clusters/*/environments/dev.yaml", "repoURL: ", "repoURL: x"),
        ("clusters/*/environments/dev.yaml", "name: ", "name: secret-store #"),
        ("terraform/platform/terraform.tfvars", "westeurope", "westus"),
        ("terraform/platform/terraform.tfvars", "kv-", "kv--"),
        (".copier-answers.yml", "westeurope", "westus"),
        ("README.md", "\n\n", "\n\n\n"),
        ("clusters/*/projects/dev.yaml", "spec:", "spec: #% if %#"),
        ("terraform/gitops/backend.tf", "{", "{{"),
        ("apps/*/overlays/dev/imagetags/kustomization.yaml", "newTag", "newTags"),
    ],
)
def test_what_is_wrong_in_a_product_is_found(
    path: str, old: str, new: str, sound: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    shutil.copytree(sound[0], tmp_path / "product")
    [file] = (tmp_path / "product").glob(path)
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    with pytest.raises(Exception):  # noqa: B017, PT011 whichever comes first: a parser or an assertion
        verdicts.is_sound(tmp_path / "product", ASKED, sound[1])


def test_an_error_inside_a_rule_is_no_refusal(template: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(template, tmp_path / "template")
    rules = broken / "includes" / "rules.jinja"
    rules.write_text(rules.read_text().replace("value not in REGIONS", "value not in 5"))
    with pytest.raises(BrokenRuleError, match="region: TypeError"):
        InProcess(broken).ask({"region": "westeurope"})


@pytest.mark.parametrize(
    "message",
    [
        "region: 5 is no region",
        "'int' object has no attribute 'name'",
        "expected ',' or ']', but got '<stream end>'",
        "region: use\nanother",
        "region: use \x1b[31m",
        "region: use " + "a" * 500,
    ],
)
def test_what_is_no_sentence_with_a_cure_is_found(message: str) -> None:
    with pytest.raises(AssertionError):
        verdicts.is_a_sentence(RefusedError(message))


def test_rules_know_which_questions_are_no_text_and_what_copier_takes_for_yes_or_no() -> None:
    def listed(name: str) -> set[str]:
        found = re.search(rf"set {name} = \[(.*?)\]", RULES.read_text(encoding="utf-8"), re.DOTALL)
        assert found
        return set(re.findall(r'"(\w+)"', found[1]))

    types = {name: spec["type"] for name, spec in support.asked().items()}
    assert listed("LISTS") == {name for name, kind in types.items() if kind not in ("str", "bool")}
    assert listed("YES_OR_NO") == {name for name, kind in types.items() if kind == "bool"}
    # Any other text is true for Copier, whatever it says.
    words = {word: cast_to_bool(word) for word in listed("BOOLEAN_WORDS")}
    assert sorted(words.values()) == [False] * 5 + [True] * 5


def test_short_names_give_a_registry_name_that_is_long_enough(in_process: InProcess) -> None:
    taken = in_process.ask({"project_name": "b", "git_repository": "https://github.com/a/b"})
    assert taken["registry_name"] == "abregistry"


@pytest.mark.parametrize("given", [True, "yes", "No", " off "])
def test_words_for_yes_and_no_are_taken(given: Any, in_process: InProcess) -> None:
    assert in_process.ask({"sample_app": given})["sample_app"] is cast_to_bool(given)


def test_settings_are_stored_in_the_order_that_files_have_them_in(in_process: InProcess, tmp_path: Path) -> None:
    """Copier renders the older version from what is stored: another order would be an edit that nobody made."""
    services = [{"name": "web", "env": {"ZONE": "b", "ALPHA": "a"}, "azure": True}]
    in_process.render({"services": services}, tmp_path)
    stored = yaml.safe_load((tmp_path / ".copier-answers.yml").read_text(encoding="utf-8"))
    assert [list(stored["services"][0]), list(stored["services"][0]["env"])] == [
        ["name", "env", "azure"],
        ["ZONE", "ALPHA"],
    ]
    assert list(stored) == sorted(stored)
