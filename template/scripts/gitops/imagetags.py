"""The imagetags file of an environment: a kustomize Component that holds image tags and nothing else.

Scripts write the file whole, always in the same form. They also read what `kustomize edit set image` and formatters
make of it, without a YAML library: what could mean something else to kustomize is refused.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from . import repository

# The grammar of github.com/distribution/reference.
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
UNRELEASED = "unreleased"
# Before the commit that an image was built from.
BUILD_PREFIX = "sha-"

_HEADER = """\
# Image tags of {environment}, written by scripts/bump-image.
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
images:
"""
_FIELDS = ("name", "newName", "newTag", "digest")
_TOKEN = re.compile(
    r"""[ ]*(?:(?<!\S)\#.*|(?P<mark>[]\[{},]|-(?=[ ]|$))|(?P<key>\w+):(?=[ ]|$)"""
    r"""|(?:"(?P<double>[^"\\]*)"|'(?P<single>[^']*)'|(?P<plain>[\w.~+-](?:[\w./@~+-]|:(?=\w))*))(?=[] ,}]|$))""",
    re.ASCII,
)
# Words, numbers and dates, which YAML takes for something other than a text.
_NO_TEXT = re.compile(
    r"""~|null|true|false|yes|no|on|off|y|n|[-+]?[\d_]*[.]?[\d_]*(e[-+]?\d+)?|0x[\da-f_]+|0[ob][0-7_]+"""
    r"""|[-+]?[.](inf|nan)|[-+]?[\d_]+(:[0-5]?\d)+([.][\d_]*)?|\d{4}-\d\d?-\d\d?(t.*)?""",
    re.IGNORECASE | re.ASCII,
)


@dataclass(frozen=True)
class Version:
    """What an image is set to: a tag and, where known, the digest that it had when it was pushed."""

    tag: str
    digest: str = ""

    def __str__(self) -> str:
        """Return the text that `parse_version` reads."""
        return f"{self.tag}@{self.digest}" if self.digest else self.tag


def parse_version(text: str) -> Version:
    """Read `TAG` or `TAG@DIGEST`.

    Raises:
        ValueError: the text is neither, or the tag is `latest`; the message gives the cure.
    """
    tag, _, digest = text.partition("@")
    if not TAG.fullmatch(tag):
        raise ValueError(f"{tag!r} is not an image tag: use letters, digits and . _ -, as v1.2.3")
    if tag == "latest":
        raise ValueError("the tag 'latest' names no version: give the tag of one build, as sha-0123abc")
    if "@" in text and not DIGEST.fullmatch(digest):
        raise ValueError(f"{digest!r} is not a digest: give sha256: and 64 hexadecimal digits")
    return Version(tag, digest)


def parse(text: str, path: str) -> dict[str, Version]:
    """Return the version of each service in the order of the file; an image of no service goes by its own name.

    Raises:
        ValueError: a line may mean something else to kustomize; the message names path and line.
    """
    services = defaultdict(list)
    for service, image in repository.images().items():
        services[image].append(service)
    versions: dict[str, Version] = {}
    for number, entry in _Reader(text, path).images():
        name = entry.get("name", "")
        missing = [key for key in ("name", "newTag") if not entry.get(key)]
        if missing:
            raise ValueError(f"{path}:{number}: an image has no {missing[0]}, add it")
        if entry.get("newName", name) != name:
            cure = "set it in the overlay's kustomization.yaml"
            raise ValueError(f"{path}:{number}: newName of {name} does not belong here, {cure}")
        for service in services.get(name, [name]):
            if service in versions:
                raise ValueError(f"{path}:{number}: {name} is there twice, remove one")
            versions[service] = Version(entry["newTag"], entry.get("digest", ""))
    return versions


class _Token(NamedTuple):
    kind: str
    value: str
    line: int
    column: int


class _Reader:
    """Reads the YAML of this one shape: a list of mappings in block or flow style."""

    def __init__(self, text: str, path: str) -> None:
        self._path, self._lines = path, text.splitlines()
        self._tokens = list(self._split())

    def _split(self) -> Iterator[_Token]:
        begun = False
        for number, line in enumerate(self._lines, 1):
            at = len(line) if line == "---" and not begun else 0
            while line[at:].strip(" "):
                token = _TOKEN.match(line, at)
                if not token:
                    raise self._refusal(number)
                kind, at = token.lastgroup, token.end()
                if kind == "plain" and _NO_TEXT.fullmatch(token[kind]):
                    raise ValueError(f"{self._path}:{number}: {token[kind]} is not a text, quote it")
                if kind:
                    begun = True
                    text = kind if kind in ("mark", "key") else "text"
                    yield _Token(text, token[kind], number, token.start(kind))
        yield _Token("end", "", len(self._lines), -1)

    def _refusal(self, line: int) -> ValueError:
        words = self._lines[line - 1].strip() if self._lines else ""
        cure = "write name, newTag and digest of each image on lines of their own"
        return ValueError(f"{self._path}:{line}: can't be sure of {words!r}, {cure}")

    def _next(self, kind: str = "", value: str = "") -> _Token:
        token = self._tokens.pop(0)
        if kind not in ("", token.kind) or value not in ("", token.value):
            raise self._refusal(token.line)
        return token

    def _at(self, value: str) -> bool:
        return self._tokens[0][:2] == ("mark", value)

    def images(self) -> Iterator[tuple[int, dict[str, str]]]:
        """Yield the line and the fields of each image."""
        seen = set()
        while (key := self._next()).kind != "end":
            if key.kind != "key" or key.column or key.value in seen:
                raise self._refusal(key.line)
            seen.add(key.value)
            if key.value == "images":
                yield from self._flow_list() if self._at("[") else self._block_list()
            elif key.value in ("apiVersion", "kind"):
                self._next("text")
            else:
                raise ValueError(f"{self._path}:{key.line}: {key.value!r} does not belong here, remove it")

    def _flow_list(self) -> Iterator[tuple[int, dict[str, str]]]:
        self._next("mark", "[")
        while not self._at("]"):
            yield self._flow_map()
            if not self._at("]"):
                self._next("mark", ",")
        self._next("mark", "]")

    def _block_list(self) -> Iterator[tuple[int, dict[str, str]]]:
        margin = self._tokens[0].column
        while self._at("-"):
            dash = self._next()
            if dash.column != margin:
                raise self._refusal(dash.line)
            if self._at("{"):
                yield self._flow_map()
                continue
            first, fields = self._tokens[0], dict[str, str]()
            while self._tokens[0].kind == "key" and self._tokens[0].column > margin:
                if self._tokens[0].column != first.column:
                    raise self._refusal(self._tokens[0].line)
                self._field(fields)
            yield first.line, fields

    def _flow_map(self) -> tuple[int, dict[str, str]]:
        first, fields = self._next("mark", "{"), dict[str, str]()
        while not self._at("}"):
            self._field(fields)
            if not self._at("}"):
                self._next("mark", ",")
        self._next("mark", "}")
        return first.line, fields

    def _field(self, fields: dict[str, str]) -> None:
        key, value = self._next("key"), self._next("text")
        if key.value not in _FIELDS or key.value in fields or key.line != value.line:
            raise self._refusal(key.line)
        fields[key.value] = value.value


def render(environment: str, versions: dict[str, Version]) -> str:
    """Return the text of the file. Values are quoted: a tag of digits must not become a number."""
    lines = [_HEADER.format(environment=environment)]
    known = repository.images()
    for name, version in {known.get(service, service): version for service, version in versions.items()}.items():
        lines.append(f'  - name: "{name}"\n    newTag: "{version.tag}"\n')
        if version.digest:
            lines.append(f'    digest: "{version.digest}"\n')
    return "".join(lines)
