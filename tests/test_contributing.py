"""docs/ is true: the worked paths lead where they say, and made pages are made from what is there."""

import html
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from docs.tools import answers, costs, questions
from hooks import post_generation
from tests import support, tutorial, validation
from tests.in_process import InProcess

GUIDE = (support.ROOT / "docs" / "CONTRIBUTING.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", GUIDE, re.MULTILINE | re.DOTALL))
RECORDS = sorted((support.ROOT / "docs" / "decisions").glob("[0-9]*.md"))
ARCHITECTURE = support.ROOT / "ARCHITECTURE.md"


def table(section: str) -> list[list[str]]:
    """The rows of a section's table, without its head."""
    rows = [line.strip("| ").split(" | ") for line in SECTIONS[section].splitlines() if line.startswith("|")]
    return rows[2:]


def naming(word: str, *folders: str) -> set[str]:
    """The files in which a word stands, as answers stand in templates."""
    paths = [support.ROOT / "copier.yml"]
    for folder in folders:
        paths += support.files(support.ROOT / folder)
    return {
        path.relative_to(support.ROOT).as_posix()
        for path in paths
        if not re.search(r"__pycache__|/\.\w+_cache/", str(path))
        and re.search(rf"\b{word}\b", path.read_text(encoding="utf-8"))
    }


@pytest.mark.slow
def test_the_path_to_a_question_leads_to_it(tmp_path: Path) -> None:
    for part in (*support.TEMPLATE_PARTS, "docs", "tests/answers"):
        source = support.ROOT / part
        copy = shutil.copytree if source.is_dir() else shutil.copy2
        copy(source, tmp_path / part)
    patches = re.findall(r"```diff\n(.*?)```", SECTIONS["Add a question"], re.DOTALL)
    for number, patch in enumerate(patches):
        (tmp_path / "patch").write_text(patch)
        done = support.run("git", "apply", "--recount", "patch", cwd=tmp_path)
        assert done.returncode == 0, (number, done.stderr)
    # Besides the diffs: docs/questions.md and CHANGELOG.md.
    assert f"{ {5: 'Five', 6: 'Six', 7: 'Seven', 8: 'Eight'}[len(patches) + 2] } files" in SECTIONS["Add a question"]

    for given, expected in (({}, "platform"), ({"team": "payments"}, "payments")):
        product = support.render(tmp_path, tmp_path / expected, given)
        base = next(product.glob("apps/*/base/kustomization.yaml"))
        assert f'      team: "{expected}"\n' in base.read_text(encoding="utf-8")
    with pytest.raises(ValueError, match="use lower-case letters, digits and hyphens"):
        support.render(tmp_path, tmp_path / "refused", {"team": "Team 7"})


def test_the_guide_tells_every_field_of_a_registry(in_process: InProcess) -> None:
    module: Any = in_process.environment.get_template("includes/registries.jinja").module
    told = {field.strip("`"): what for field, what in table("Add a registry")}
    assert list(told) == module.FIELDS_BY_SIGN_IN["token"]
    for field, what in told.items():
        kinds = [kind for kind, fields in module.FIELDS_BY_SIGN_IN.items() if field in fields]
        expected = {3: "", 2: " (not `azure`)", 1: " (`token` alone)"}[len(kinds)]
        assert what.endswith(expected), field
        assert ("(" in what) == bool(expected), field


def test_a_ci_system_stands_where_the_guide_says_and_nowhere_else() -> None:
    listed = {row[0].strip("`") for row in table("Add a CI system")}
    named = re.compile(
        r"template/jenkins/|includes/(jenkins|renovate)/|includes/(images|pages|signed-images|terraform)/.*jenkins"
    )
    own = {path for path in naming("jenkins", "includes", "template") if named.match(path)}
    found = naming("jenkins", "includes", "template", "hooks") - own - {"template/Jenkinsfile.jinja"}
    assert listed == found


def test_what_pages_link_to_and_the_architecture_names_is_there() -> None:
    gone = []
    for page in [support.ROOT / "README.md", ARCHITECTURE, *(support.ROOT / "docs").rglob("*.md")]:
        text = page.read_text(encoding="utf-8")
        links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)
        # Pages of the example are made with the site.
        gone += [
            f"{page.name}: {link}" for link in links if not (page.parent / link).exists() and link[:8] != "example/"
        ]
        if page in (ARCHITECTURE, *RECORDS):
            for path, name in re.findall(r"`((?:docs|hooks|includes|template|tests)/[^`\s]*?)(?:::(\w+))?`", text):
                file = next(support.ROOT.glob(path), None)
                if not file or (name and not re.search(rf"\b(def|macro) {name}\b", file.read_text(encoding="utf-8"))):
                    gone.append(f"{page.name}: {path} {name}")
    assert gone == []


def test_the_index_has_every_decision_and_each_is_short() -> None:
    index = (support.ROOT / "docs" / "decisions" / "README.md").read_text(encoding="utf-8")
    titles = [path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ") for path in RECORDS]
    listed = re.findall(r"^- \[(.*)\]\((.*)\)$", index, re.MULTILINE)
    assert sorted(listed, key=lambda entry: entry[1]) == [
        (title, path.name) for title, path in zip(titles, RECORDS, strict=True)
    ]
    for path in RECORDS:
        text = path.read_text(encoding="utf-8")
        assert re.findall(r"^\*\*(\w+)\.\*\* ", text, re.MULTILINE) == ["Context", "Decision", "Consequence"], path
        assert text.count("\n") <= 15, path


@pytest.mark.parametrize("row", table("Bump a version"), ids=lambda row: row[0])
def test_a_version_stands_in_as_many_files_as_the_guide_says(row: list[str]) -> None:
    what, where, count = row
    if count != "1":
        assert (support.ROOT / "requirements").is_dir()
    elif where.startswith("`"):
        text = (support.ROOT / where.strip("`")).read_text(encoding="utf-8")
        assert len(re.findall(r' version +=? *"[\d.]+" # https://', text)) == 1
    else:
        assert len([path for path in naming(re.escape(what.strip("`")), "template") if path]) == 1


def test_the_reference_of_questions_is_made_from_the_questions() -> None:
    assert questions.PAGE.read_text(encoding="utf-8") == questions.page(), "run `make reference`"


@pytest.mark.parametrize("title", answers.SETS)
def test_a_whole_set_of_answers_gives_a_product(in_process: InProcess, tmp_path: Path, title: str) -> None:
    in_process.render(yaml.safe_load(answers.SETS[title]), tmp_path / "product")
    assert validation.problems(tmp_path / "product") == []


@pytest.mark.parametrize("name", answers.EXAMPLES)
def test_an_example_of_an_answer_gives_what_the_page_says(in_process: InProcess, tmp_path: Path, name: str) -> None:
    for number, (answer, gives) in enumerate(answers.EXAMPLES[name]):
        product = tmp_path / f"{number}"
        in_process.render(
            {name: yaml.safe_load(f'"{answer}"' if answer[0] == "@" else answer)} | answers.BESIDE.get(name, {}),
            product,
        )
        texts = "\n".join(path.read_text(encoding="utf-8") for path in support.files(product))
        promised = re.findall(r"`([^`]+)`", gives)
        assert promised
        assert [word for word in promised if word not in texts and not (product / word).exists()] == []


def test_the_costs_are_those_that_the_template_computes() -> None:
    found = costs.asked()
    assert costs.PAGE.read_text(encoding="utf-8") == costs.page(found), "run `make reference`"
    text = costs.README.read_text(encoding="utf-8")
    assert text == costs.readme(found, text), "run `make reference`"


def test_the_recorded_session_shows_what_a_generation_ends_with_today(in_process: InProcess, tmp_path: Path) -> None:
    picture = (support.ROOT / "docs" / "session.svg").read_text(encoding="utf-8")
    text = html.unescape(re.sub(r"<[^>]*>", "\n", picture)).replace("\N{NO-BREAK SPACE}", " ")
    repository = re.search(r"git_repository=([^\s']+)", text)
    assert repository
    product = tmp_path / "product"
    in_process.render({"git_repository": repository[1]}, product)
    given = yaml.safe_load((product / ".copier-answers.yml").read_text(encoding="utf-8"))
    for role, words in post_generation.made(given, product).items():
        assert f"  {role:<16}{words}" in text, "run `make session`"
    assert f"Checked {len(list(support.files(product)))} files" in text, "run `make session`"


def test_every_attack_that_the_table_of_boundaries_names_is_a_test() -> None:
    text = (support.ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[\w/]+[.]py)(?:::(\w+))?`", text)
    assert len(named) > 40
    gone = [
        f"{path}::{name}"
        for path, name in named
        if (f"def {name}(" if name else "") not in (support.ROOT / path).read_text(encoding="utf-8")
    ]
    assert gone == []
    rows = [line for line in text.splitlines() if line.startswith("| ") and "---" not in line and "| who |" not in line]
    assert [row for row in rows if "`tests/" not in row] == []


def scripts_of(product: Path) -> str:
    """The commands of a product: its own, and those that it runs out of the template."""
    paths = [*support.files(product / "scripts"), *(support.ROOT / "hooks" / "workstation").rglob("*.py")]
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)


@pytest.mark.parametrize("name", ["defaults", "jenkins-with-acr-on-gitlab", "gateway-with-two-environments"])
def test_every_message_that_troubleshooting_quotes_is_one_of_the_product(
    rendered: Callable[[str], Path], name: str
) -> None:
    product = rendered(name)
    page = (product / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    quoted = [text for line in re.findall(r"^### (.*)$", page, re.M) for text in re.findall(r"`([^`]+)`", line)]
    sources = scripts_of(product)
    messages = [text for text in quoted if not text.startswith("make ")]
    assert len(messages) > 15
    assert [text for text in messages for part in text.split("…") if part.strip(" ,") and part not in sources] == []


def test_the_edits_of_the_tutorial_fit_the_product_and_its_quotes_are_ours(
    rendered: Callable[[str], Path], tmp_path: Path
) -> None:
    product = shutil.copytree(rendered("defaults"), tmp_path / "product")
    support.git("init", "-q", cwd=product)
    for language, text in tutorial.STEPS:
        if language == "diff":
            tutorial.edit(product, text)
    sources = scripts_of(product)
    quoted = "".join(re.findall(r"```text\n(.*?)```", tutorial.PAGE, re.DOTALL))
    for words in (
        "; make local-push brings changes, make local-down removes it",
        " to build, ",
        " s from push to healthy",
    ):
        assert words in quoted
        assert words in sources
    for words in (" is not healthy after ", ": healthy at ", "CrashLoopBackOff", "roll back to"):
        assert words in quoted
        assert words in sources


def test_every_command_of_make_that_a_page_names_is_there(rendered: Callable[[str], Path]) -> None:
    makefiles = [root / "Makefile" for root in (support.ROOT, rendered("defaults"), rendered("secrets-alone"))]
    targets = {
        name for path in makefiles for name in re.findall(r"^([a-z-]+):", path.read_text(encoding="utf-8"), re.M)
    }
    for page in [support.ROOT / "README.md", *(support.ROOT / "docs").rglob("*.md")]:
        named = re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE)
        assert set(named) <= targets, page
