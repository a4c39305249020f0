"""The imagetags file of an environment: a kustomize Component that holds image tags and nothing else.

Scripts write the file whole, always in the same form. They also read what `kustomize edit set image` and formatters
make of it, without a YAML library: what could mean something else to kustomize is refused.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

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
_LINE = re.compile(
    r"""(?P<indent>[ ]*)(?P<dash>-(?:[ ]+|$))?(?:(?P<key>\w+):(?:[ ]+(?:"(?P<double>[^"\\]*)"|'(?P<single>[^']*)'"""
    r"""|(?P<plain>[\w.~+-](?:[\w./@~+-]|:(?=\w))*)|(?P<empty>\[\])))?)?(?:[ ]+\#.*|[ ]*)""",
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
    for number, entry in _images(text, path):
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


def _images(text: str, path: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the line and the fields of each image, from YAML of this one shape: a list of mappings in block style."""
    found: list[tuple[int, dict[str, str]]] = []
    seen: set[str] = set()
    open_list, margin, column = False, -1, -1
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip(" ") or line.lstrip(" ").startswith("#") or (line == "---" and not seen):
            continue
        match = _LINE.fullmatch(line)
        cure = "write name, newTag and digest of each image on lines of their own"
        unsure = ValueError(f"{path}:{number}: can't be sure of {line.strip()!r}, {cure}")
        if not match:
            raise unsure
        key, value = match["key"], next((match[kind] for kind in ("double", "single", "plain") if match[kind]), None)
        if match["plain"] and _NO_TEXT.fullmatch(match["plain"]):
            raise ValueError(f"{path}:{number}: {match['plain']} is not a text, quote it")
        indent = len(match["indent"])
        if not indent and not match["dash"]:
            if key in seen:
                raise unsure
            if key not in ("apiVersion", "kind", "images"):
                raise ValueError(f"{path}:{number}: {key!r} does not belong here, remove it")
            seen.add(key)
            open_list = key == "images" and not match["empty"]
            if (value is None) != (key == "images"):
                raise unsure
            continue
        if match["dash"]:
            if margin not in (-1, indent):
                raise unsure
            margin, column = indent, indent + len(match["dash"]) if key else -1
            found.append((number, {}))
        elif column == -1 and indent > margin:
            column = indent
        if not open_list or not found or (key and not match["dash"] and indent != column):
            raise unsure
        fields = found[-1][1]
        if key:
            if key not in _FIELDS or key in fields or value is None:
                raise unsure
            fields[key] = value
    yield from found


def render(environment: str, versions: dict[str, Version]) -> str:
    """Return the text of the file. Values are quoted: a tag of digits must not become a number."""
    lines = [_HEADER.format(environment=environment)]
    known = repository.images()
    for name, version in {known.get(service, service): version for service, version in versions.items()}.items():
        lines.append(f'  - name: "{name}"\n    newTag: "{version.tag}"\n')
        if version.digest:
            lines.append(f'    digest: "{version.digest}"\n')
    return "".join(lines)
