"""Reads the values of a root: the part of HCL that a file of variables is written in."""

import json
import re
from pathlib import Path
from typing import Any

from gitops.repository import ROOT

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<comment>(?:[#]|//)[^\n]*|/\*.*?\*/)
    | (?P<string>"(?:[^"\\]|\\.)*")
    | (?P<heredoc><<-?(?P<mark>\w+)\n.*?^[ \t]*(?P=mark)$)
    | (?P<number>-?\d+(?:\.\d+)?)
    | (?P<word>[A-Za-z_][\w-]*)
    | (?P<sign>[][{}=:,])
    )""",
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)
_WORDS = {"true": True, "false": False, "null": None}


def _tokens(text: str) -> list[str]:
    tokens, at = [], 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if not match:
            line = text.count("\n", 0, at) + 1
            raise ValueError(f"line {line} holds more than plain values: {text[at:].split()[0][:40]}")
        if match["heredoc"]:
            text_of = match["heredoc"].split("\n")[1:-1]
            tokens.append(json.dumps("".join(f"{line}\n" for line in text_of)))
        elif match.lastgroup != "comment":
            tokens.append(match[match.lastgroup or 0])
        at = match.end()
    return tokens


def _value(tokens: list[str]) -> Any:
    first = tokens.pop(0)
    if first == "[":
        items = []
        while tokens[0] != "]":
            items.append(_value(tokens))
            if tokens[0] == ",":
                tokens.pop(0)
        tokens.pop(0)
        return items
    if first == "{":
        result = _assignments(tokens, "}")
        tokens.pop(0)
        return result
    if first.startswith('"'):
        return re.sub(r"\\(.)", lambda match: {"n": "\n", "t": "\t"}.get(match[1], match[1]), first[1:-1])
    if first in _WORDS:
        return _WORDS[first]
    if not re.fullmatch(r"-?\d+(\.\d+)?", first):
        raise ValueError(f"{first} is not a plain value")
    return float(first) if "." in first else int(first)


def _assignments(tokens: list[str], end: str | None) -> dict[str, Any]:
    result: dict[str, Any] = {}
    while tokens and tokens[0] != end:
        key = tokens.pop(0).strip('"')
        if tokens.pop(0) not in ("=", ":"):
            raise ValueError(f"{key} has no value")
        result[key] = _value(tokens)
        if tokens and tokens[0] == ",":
            tokens.pop(0)
    return result


def parse(text: str) -> dict[str, Any]:
    """Return the values of a file of variables.

    Raises:
        ValueError: it holds something other than plain values.
    """
    try:
        return _assignments(_tokens(text), None)
    except IndexError as error:
        raise ValueError("ends in the middle of a value") from error


def name(environment: str | None) -> str:
    """Return the file of values of an environment's own cluster; without one, that of the cluster that all share."""
    return f"{environment or 'terraform'}.tfvars"


def values(root: str, repository: Path = ROOT, environment: str | None = None) -> dict[str, Any]:
    """Return the values of a root in the order in which they are taken: a later file wins.

    Raises:
        ValueError: a file can't be read; the message names it.
    """
    folder = repository / "terraform" / root
    result: dict[str, Any] = {}
    automatic = sorted(folder.glob("*.auto.tfvars"))
    own = folder / name(environment)
    for path in [*automatic, own] if environment else [own, *automatic]:
        try:
            result.update(parse(path.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            raise ValueError(f"{path.relative_to(repository)}: {error}") from error
    return result
