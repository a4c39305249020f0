"""Reads the values of a root: the part of HCL that a file of variables is written in."""

import json
import re
from typing import Any

from gitops.repository import ROOT

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<comment>(?:[#]|//)[^\n]*|/\*.*?\*/)
    | (?P<key>[A-Za-z_][\w-]*|"(?:[^"\\]|\\.)*")\s*[=:]
    | (?P<plain>"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?|true\b|false\b|null\b|[\[{])
    | <<-?(?P<mark>\w+)\n(?P<heredoc>.*?)^[ \t]*(?P=mark)$
    | (?P<comma>,)
    | (?P<end>[\]}])
    )""",
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)


def parse(text: str) -> dict[str, Any]:
    """Return the values of a file of variables, which differs from JSON by keys, commas, comments and heredocs.

    Raises:
        ValueError: it holds something other than plain values.
    """
    text, at, json_of = text.rstrip(), 0, "{"
    while at < len(text):
        match = _TOKEN.match(text, at)
        if not match:
            line = text.count("\n", 0, at) + 1
            raise ValueError(f"line {line} holds more than plain values: {text[at:].split()[0][:40]}")
        at = match.end()
        if match["key"]:
            key = match["key"] if match["key"][0] == '"' else json.dumps(match["key"])
            json_of = json_of.rstrip(",") + ("" if json_of[-1] == "{" else ",") + key + ":"
        elif match["end"]:
            json_of = json_of.rstrip(",") + match["end"]
        elif not match["comment"]:
            json_of += " " + (match["plain"] or match["comma"] or json.dumps(match["heredoc"]))
    try:
        values: dict[str, Any] = json.loads(json_of.rstrip(",") + "}")
    except json.JSONDecodeError as error:
        raise ValueError(f"can't be read as plain values: {error.doc[max(0, error.pos - 40) : error.pos]}") from error
    return values


def name(environment: str | None) -> str:
    """Return the file of values of an environment's own cluster; without one, that of the cluster that all share."""
    return f"{environment or 'terraform'}.tfvars"


def values(root: str, environment: str | None = None) -> dict[str, Any]:
    """Return the values of a root in the order in which they are taken: a later file wins.

    Raises:
        ValueError: a file can't be read; the message names it.
    """
    folder = ROOT / "terraform" / root
    result: dict[str, Any] = {}
    automatic = sorted(folder.glob("*.auto.tfvars"))
    own = folder / name(environment)
    for path in [*automatic, own] if environment else [own, *automatic]:
        try:
            result.update(parse(path.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            raise ValueError(f"{path.relative_to(ROOT)}: {error}") from error
    return result
