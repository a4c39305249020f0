"""The imagetags file of an environment: a kustomize Component that holds image tags and nothing else.

Scripts write the file whole, always in the same form, so that it is read here without a YAML library.
"""

import re
from dataclasses import dataclass

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
_FIELD = re.compile(
    r"""(?P<lead>  - |    )(?P<key>name|newTag|digest): (?P<quote>["']?)(?P<value>[!$-&(-~]+)(?P=quote)"""
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
    """Return the version of each image, in the order of the file.

    Raises:
        ValueError: a line is not of the form that `render` writes; the message names path and line.
    """
    versions: dict[str, Version] = {}
    name = ""
    in_images = False
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if not line.startswith(" "):
            in_images = line.rstrip() == "images:"
            if not in_images and line.split(":")[0] not in ("apiVersion", "kind"):
                raise ValueError(f"{path}:{number}: {line.split(':')[0]!r} does not belong here, only images do")
            continue
        match = _FIELD.fullmatch(line.rstrip())
        if not in_images or not match or (match["lead"] == "  - ") != (match["key"] == "name"):
            raise ValueError(f"{path}:{number}: expected name, newTag or digest of an image, found {line.strip()!r}")
        if match["key"] == "name":
            name = match["value"]
            if name in versions:
                raise ValueError(f"{path}:{number}: {name} is there twice, remove one")
            versions[name] = Version("")
        elif match["key"] == "newTag":
            versions[name] = Version(match["value"], versions[name].digest)
        else:
            versions[name] = Version(versions[name].tag, match["value"])
    return versions


def render(environment: str, versions: dict[str, Version]) -> str:
    """Return the text of the file. Values are quoted: a tag of digits must not become a number."""
    lines = [_HEADER.format(environment=environment)]
    for name, version in versions.items():
        lines.append(f'  - name: "{name}"\n    newTag: "{version.tag}"\n')
        if version.digest:
            lines.append(f'    digest: "{version.digest}"\n')
    return "".join(lines)
