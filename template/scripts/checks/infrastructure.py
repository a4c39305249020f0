"""Infrastructure code can be read, and its values are those of variables that there are; without any other program."""

import re
from collections.abc import Iterator

from cloud import tfvars

from .documents import Problem, Repository

_VARIABLE = re.compile(r'^variable\s+"(?P<name>[\w-]+)"\s*\{(?P<body>.*?)^\}', re.MULTILINE | re.DOTALL)
_OPENS = {")": ("(",), "]": ("[",), "}": ("{", "${", "%{")}
_CODE = re.compile(
    r"""
      (?P<skip>[#][^\n]*|//[^\n]*|/\*.*?\*/|<<-?(?P<mark>\w+)\n.*?^\s*(?P=mark)\b)
    | (?P<sign>[][(){}"])
    """,
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)
_STRING = re.compile(r"""(?P<skip>\\.|[$]{2}\{|%{2}\{)|(?P<sign>[$]\{|%\{|"|\n)""")


def inspect(repository: Repository) -> Iterator[Problem]:
    """Look at every file of code and of values by itself."""
    for path in repository.files:
        if path.startswith("terraform/") and path.endswith((".tf", ".tfvars")):
            yield from _inspect_brackets(path, repository.text(path))


def _inspect_brackets(path: str, text: str) -> Iterator[Problem]:
    stack: list[tuple[str, int]] = []
    at = 0
    while token := (_STRING if stack and stack[-1][0] == '"' else _CODE).search(text, at):
        at, sign = token.end(), token["sign"]
        line = text.count("\n", 0, token.start()) + 1
        in_string = bool(stack) and stack[-1][0] == '"'
        if sign == "\n":
            yield Problem(path, line, "has a quotation mark that is not closed on its line: close it")
            return
        if sign == '"' and in_string:
            stack.pop()
        elif sign in _OPENS:
            if not stack or stack.pop()[0] not in _OPENS[sign]:
                yield Problem(path, line, f"has a {sign} that closes nothing: remove it, or open it before")
                return
        elif sign:
            stack.append((sign, line))
    if stack:
        yield Problem(path, stack[-1][1], f"has a {stack[-1][0]} that is not closed: close it")


def check(repository: Repository) -> Iterator[Problem]:
    """Check the values of every root."""
    roots = sorted({"/".join(path.split("/")[:2]) for path in repository.files if re.match(r"terraform/\w+/", path)})
    for root in roots:
        variables = {
            match["name"]: "default" in re.findall(r"^  (\w+)\s*=", match["body"], re.MULTILINE)
            for path in repository.files
            if re.fullmatch(rf"{root}/[^/]+[.]tf", path)
            for match in _VARIABLE.finditer(repository.text(path))
        }
        files = [path for path in repository.files if re.fullmatch(rf"{root}/[^/]+[.]tfvars", path)]
        automatic = {key for path in files if path.endswith(".auto.tfvars") for key in _keys(repository, path)}
        for path in files:
            yield from _check_values(repository, path, variables, automatic)


def _keys(repository: Repository, path: str) -> dict[str, int]:
    """Return what a file sets at its top, with the line."""
    lines = enumerate(repository.text(path).splitlines(), 1)
    return {match[1]: number for number, line in lines if (match := re.match(r"([A-Za-z_]\w*)\s*=", line))}


def _check_values(
    repository: Repository, path: str, variables: dict[str, bool], automatic: set[str]
) -> Iterator[Problem]:
    text = repository.text(path)
    try:
        values = tfvars.parse(text)
    except ValueError as error:
        line = re.match(r"line (\d+) ", str(error))
        yield Problem(path, int(line[1]) if line else 0, f"can't be read ({error}): write `name = value` alone")
        return
    lines = _keys(repository, path)
    for name in values:
        if name not in variables:
            yield Problem(path, lines.get(name, 0), f"sets {name}, which no variable has: mend the name, or remove it")
    for name in {name for name in lines if len(re.findall(rf"^{name}\s*=", text, re.MULTILINE)) > 1}:
        yield Problem(path, lines[name], f"sets {name} twice: remove one")
    if not path.endswith(".auto.tfvars"):
        for name, has_default in variables.items():
            if not has_default and name not in values and name not in automatic:
                yield Problem(path, 0, f"does not set {name}, which has no default: add it")
