"""The template's own house rules."""

import re
from pathlib import Path

import pytest
import yaml

from tests import support

TEMPLATE = support.ROOT / "template"
FILES = [
    path for path in support.files(TEMPLATE) if not re.search(r"__pycache__|/\.(\w+_cache|venv|terraform)/", str(path))
]
TEMPLATED = [path for path in FILES if path.suffix == ".jinja"]
MARKERS = re.compile(r"#%|#\{|#\|")


def test_most_files_are_static() -> None:
    assert len(TEMPLATED) / len(FILES) < 0.5


def test_few_lines_carry_jinja() -> None:
    lines = [line for path in FILES for line in path.read_text(encoding="utf-8").splitlines()]
    marked = [
        line for path in TEMPLATED for line in path.read_text(encoding="utf-8").splitlines() if MARKERS.search(line)
    ]
    assert len(marked) / len(lines) < 0.1


def test_a_block_tag_owns_its_line_and_nothing_is_trimmed() -> None:
    for path in TEMPLATED:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if "#%" in line:
                assert re.fullmatch(r"#%.*%#", line), f"{path}:{number}"
            if path.name != "#{ _copier_conf.answers_file }#.jinja":
                assert not re.search(r"#[%{|]-|-[%}|]#", line), f"{path}:{number}"


def test_a_static_file_is_not_named_as_a_template_and_the_other_way_round() -> None:
    for path in FILES:
        assert bool(MARKERS.search(path.read_text(encoding="utf-8"))) == (path.suffix == ".jinja"), path


def test_file_names_hold_plain_substitutions_and_loops_only() -> None:
    for path in FILES:
        for part in path.relative_to(TEMPLATE).parts:
            loops = re.sub(r"#% yield \w+ from [\w.\[\]]+ %#(.*?)#% endyield %#", r"\1", part)
            assert not MARKERS.search(re.sub(r"#\{ [\w.]+ \}#", "", loops)), path
            # Copier leaves orphans below these: the default ignores of Python's filecmp.
            assert part.lower() not in {"tags", "rcs", "cvs"}, path


def test_every_pattern_of_the_exclude_table_matches_a_file() -> None:
    config = yaml.safe_load((support.ROOT / "copier.yml").read_text(encoding="utf-8"))
    plain = [re.sub(r"#%.*?%#", "", str(path.relative_to(TEMPLATE))) for path in FILES]
    plain = [re.sub(r"#\{.*?\}#", "X", name).removesuffix(".jinja") for name in plain]
    table = config["left_out"]["default"]
    for pattern in [line for line in table.splitlines() if not line.startswith("#%")]:
        assert "/" in pattern, f"{pattern} also matches a service of that name: write /{pattern}"
        pattern = pattern.removeprefix("/")
        assert any(Path(*Path(name).parts[: pattern.count("/") + 1]).match(pattern) for name in plain), pattern


@pytest.mark.parametrize("name", support.asked())
def test_every_question_has_help_a_default_and_a_rule(name: str) -> None:
    question = support.asked()[name]
    assert question["help"].endswith((".", "?")) or "#{" in question["help"]
    assert "default" in question
    assert "validator" in question or "choices" in question or question["type"] == "bool"


def test_the_known_answers_are_the_questions() -> None:
    rules = (support.ROOT / "includes" / "rules.jinja").read_text(encoding="utf-8")
    known = re.search(r"set ANSWERS = \[(.*?)\]", rules, re.DOTALL)
    assert known
    assert re.findall(r'"(\w+)"', known[1]) == list(support.asked())


def test_every_choice_is_in_some_valid_answer_set() -> None:
    for name, question in support.asked().items():
        for choice in support.choices(name):
            default = str(choice) in str(question["default"])
            assert default or any(support.answers(case).get(name) == choice for case in support.VALID), (name, choice)


def test_the_two_sample_servers_are_the_same() -> None:
    one, other = (TEMPLATE / "src" / service / "server.py.jinja" for service in ("backend", "frontend"))
    assert one.read_bytes() == other.read_bytes()


def test_versions_of_a_tool_agree_wherever_they_must_stand() -> None:
    seen: dict[str, set[str]] = {}
    for path in [*FILES, *(support.ROOT / "includes" / "workflows").iterdir()]:
        text = path.read_text(encoding="utf-8")
        for action, commit, version in re.findall(r"uses: (\S+)@([0-9a-f]{40}) # (\S+)", text):
            seen.setdefault(action, set()).add(f"{commit} {version}")
        for tool, version in re.findall(
            r"(terraform_version: |tofu_version: |--kubelogin-version |--client-version )\"?([\d.]+)", text
        ):
            seen.setdefault(tool, set()).add(version)
        if path.parent.name == "agents":
            for comment, image, version in re.findall(r"^((?: +# .*\n)?) +image: ([^@:\s]+)(\S+)$", text, re.MULTILINE):
                seen.setdefault(image, set()).add(version + (comment if version.startswith("@") else ""))
            assert len(seen) > 1
        if not {"agents", "docs"} & set(path.parts):
            for image, version in re.findall(r"image: ([a-z]+):(\S+@sha256:[0-9a-f]{64})", text):
                seen.setdefault(image, set()).add(version)
    seen["tofu_version: "].add((TEMPLATE / ".opentofu-version").read_text(encoding="utf-8").strip())
    assert {tool: versions for tool, versions in seen.items() if len(versions) > 1} == {}
