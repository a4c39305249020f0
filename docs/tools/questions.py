"""docs/questions.md: every question, made from copier.yml, the table of registries and the answers that tests refuse.

Usage: python -m docs.tools.questions
"""

import re

from docs.tools.answers import EXAMPLES, SETS
from tests import support
from tests.in_process import InProcess

PAGE = support.ROOT / "docs" / "questions.md"


def _text(name: str) -> str:
    return (support.ROOT / "includes" / name).read_text(encoding="utf-8")


# Longer answers make no good example.
_LONGEST = 60

# What may be named, and what may be there already, each with what it is.
_KINDS = {
    "names": re.findall(r'^  "(\w+)": .*what"?[=:] ?"(.*?)"', _text("azure_names.jinja"), re.MULTILINE),
    "existing": [
        ("resource_group", "resource group, by its name"),
        *re.findall(r'^  "(\w+)": \[.*, "(.*)"\],$', _text("existing.jinja"), re.MULTILINE),
        ("database_range", "range of `database_subnet`, as 10.1.4.0/27"),
        ("argo_cd", "namespace of the Argo CD that runs in the cluster"),
    ],
}

# What a service may be given in its long form, and what each setting is.
SERVICE_SETTINGS = dict(re.findall(r'^  "(\w+)": "(.*)",$', _text("service_settings.jinja"), re.MULTILINE))


def _refused() -> dict[str, list[tuple[str, str]]]:
    """Return by question what the fixtures give, and the message that they get."""
    result: dict[str, list[tuple[str, str]]] = {}
    for fixture in support.INVALID:
        name, colon, message = support.refusal(fixture).partition(": ")
        answer = support.answers(fixture, "invalid").get(name)
        if colon and isinstance(answer, str) and 0 < len(answer) <= _LONGEST and "\n" not in answer:
            result.setdefault(name, []).append((answer, message))
    return result


def _help(name: str) -> str:
    """Return the help; one that depends on another answer is told by its cases."""
    cases = {case: " ".join(told.split()) for case, told in support.helps(name).items()}
    return " ".join(f"`{case}`: {told}" if case else told for case, told in cases.items())


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def page() -> str:
    """Return the text of the page."""
    template = InProcess(support.ROOT)
    # Only a gateway has a domain.
    given = template.ask({"expose": "gateway"}) | template.ask({})
    refused = _refused()
    lines = [
        "# Questions",
        "",
        "<!-- Made by `make reference` from copier.yml. -->",
        "",
        "Every question has a default that works: `--defaults` takes them all, `--data NAME=VALUE` answers one, and",
        "`--data-file FILE` takes answers from YAML. A wrong answer is refused in one line, before anything is",
        "written. Answers can be changed later: see [updates](updates.md).",
        "",
        "## Whole sets of answers",
        "",
        "Write one of these into a file, and generate:",
        "",
        "```console",
        'make new DEST=../shop ARGS="--defaults --data-file answers.yaml"',
        "```",
        "",
    ]
    for title, answers in SETS.items():
        lines += [f"### {title}", "", "```yaml", *answers.splitlines(), "```", ""]
    for name, spec in support.asked().items():
        default = str(spec["default"])
        computed = "#{" in default or "#%" in default
        shown = given.get(name) if computed else default
        shown = {True: "true", False: "false", "True": "true", "False": "false"}.get(shown, shown)
        lines += [f"## `{name}`", "", _help(name), ""]
        if "choices" in spec:
            lines += ["| answer | what it means |", "| --- | --- |"]
            lines += [f"| `{value}` | {_cell(meaning)} |" for value, meaning in support.meanings(name).items()]
            lines.append("")
        default = "empty" if shown == "" else f"`{shown}`"
        lines += [f"Default: {default}" + (", computed from answers before it." if computed else "."), ""]
        if name == "services":
            lines += ["| setting of a service | what it is |", "| --- | --- |"]
            lines += [f"| `{key}` | {told} |" for key, told in SERVICE_SETTINGS.items()]
            lines.append("")
        if name in _KINDS:
            lines += ["| key | what it is |", "| --- | --- |"]
            lines += [f"| `{key}` | {told} |" for key, told in _KINDS[name]]
            lines.append("")
        if name in EXAMPLES:
            lines += ["| for example | gives |", "| --- | --- |"]
            lines += [f"| `{_cell(answer)}` | {_cell(gives)} |" for answer, gives in EXAMPLES[name]]
            lines.append("")
    lines += ["## What is refused", "", "Some wrong answers, with the words that they get.", ""]
    lines += ["| question | answer | refused with |", "| --- | --- | --- |"]
    for name, spec in support.asked().items():
        if "choices" not in spec:
            lines += [f"| `{name}` | `{_cell(answer)}` | {_cell(told)} |" for answer, told in refused.get(name, [])]
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
