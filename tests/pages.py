"""The worked examples on a product's pages: what a reader makes of them, made of a product.

The first line of a block is a comment that names its file. A `diff` changes that file, with `@@` between its places; any
other block is the whole file. `scripts/template-update` is the template, rendered anew. A paragraph that begins with
**By hand** is another way, from the start; one with **Wrong** goes on from there to what scripts/validate finds, and the
`text` behind it is what that says behind the name of the file.
"""

import itertools
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"# (\S+)")
Render = Callable[[dict[str, Any]], Path]


@dataclass(frozen=True)
class Block:
    """Something that a reader copies."""

    language: str
    text: str

    @property
    def path(self) -> str:
        """The file that the first line names; nothing where it names none."""
        match = _COMMENT.fullmatch(self.text.partition("\n")[0])
        return match[1] if match else ""

    def is_applied(self) -> bool:
        """Tell whether `Example.apply` makes something of it."""
        return bool(self.path) or self.language == "text"


@dataclass
class Example:
    """A way to do something, or a wrong one with what is said of it."""

    title: str
    blocks: list[Block]
    wrong: list[Block] = field(default_factory=list)

    @property
    def said(self) -> list[str]:
        """What scripts/validate says of the wrong way."""
        return [line for block in self.wrong if block.language == "text" for line in block.text.splitlines()]

    def apply(self, product: Path, render: Render | None = None, *, wrong: bool = False) -> Path:
        """Do what the blocks say, the wrong ones as well if asked to; return the product, which an answer makes anew."""
        data: dict[str, Any] = {}
        for block in self.blocks + (self.wrong if wrong else []):
            if block.language == "sh" and "scripts/template-update" in block.text:
                data |= _answers(block.text, product)
                if render:
                    product = render(data)
            elif block.language == "diff":
                change(place(product, block.path), block.text.partition("\n")[2])
            elif block.path:
                place(product, block.path).write_text(block.text, encoding="utf-8")
        return product


def place(product: Path, path: str) -> Path:
    """Return the file that a page means: in the folder of the application, and of the last environment."""
    answers = yaml.safe_load((product / ".copier-answers.yml").read_text(encoding="utf-8"))
    given = answers["environments"]
    last = (given.split(",") if isinstance(given, str) else given)[-1].strip()
    if re.match("base/|overlays/", path):
        path = f"apps/{answers['project_name']}/{path}"
    found = product / path.replace("ENVIRONMENT", last)
    # Of clusters, the one of that environment.
    [cluster] = product.glob(f"clusters/*/environments/{last}.yaml")
    return Path(str(found).replace("CLUSTER", cluster.parts[-3]))


def blocks(text: str) -> list[Block]:
    """Return every block of a text."""
    found = FENCE.findall(text)
    return [Block(language, re.sub(rf"(?m)^{indent}", "", content)) for indent, language, content in found]


def examples(page: Path) -> Iterator[Example]:
    """Yield the examples of a page."""
    for section in page.read_text(encoding="utf-8").split("\n## ")[1:]:
        title = section.partition("\n")[0]
        for way in re.split(r"(?m)^\*\*By hand\*\*", section):
            right, _, wrong = way.partition("\n**Wrong**")
            if blocks(right) or wrong:
                yield Example(title, blocks(right), blocks(wrong))


def example(product: Path, page: str, title: str) -> Example:
    """Return the first example of a section."""
    return next(one for one in examples(product / "docs" / page) if one.title == title)


def names(page: Path) -> str:
    """Return the block at the top of a page that gives the shell the names which the commands use."""
    return blocks(page.read_text(encoding="utf-8").partition("\n## ")[0])[0].text


def change(path: Path, diff: str) -> None:
    """Apply a diff without numbers of lines: each place must be there once."""
    lines = path.read_text(encoding="utf-8").splitlines()
    for hunk in diff.split("@@\n"):
        old = [line[1:] for line in hunk.splitlines() if not line.startswith("+")]
        new = [line[1:] for line in hunk.splitlines() if not line.startswith("-")]
        at = [start for start in range(len(lines)) if lines[start : start + len(old)] == old]
        assert len(at) == 1, f"{path} has this {len(at)} times:\n" + "\n".join(old)
        lines[at[0] : at[0] + len(old)] = new
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _answers(commands: str, product: Path) -> dict[str, Any]:
    """Return the answers that `scripts/template-update` is given."""
    words = shlex.split(commands.replace("\\\n", ""), comments=True)
    result: dict[str, Any] = {}
    for option, value in itertools.pairwise(words):
        if option == "--data":
            name, _, text = value.partition("=")
            result[name] = yaml.safe_load(text)
        elif option == "--data-file":
            result |= yaml.safe_load((product / value).read_text(encoding="utf-8"))
    return result


def plain(problem: str) -> str:
    """Return what a line of scripts/validate says, without the file and the number of the line."""
    return re.sub(r"^[^:]+(:\d+)?: ", "", problem)
