"""Carry stored answers over to this version's questions, before an update touches anything.

Run by Copier in the product's folder as the first stage of `copier update`, with the name of the answers file. To
rename, reshape or drop a question, add a line to CHANGES; it stays there for products that skip versions. Answers that
no question asks for any more and no line explains are refused: Copier would drop them without a word.

What a newer version has in another file is carried over too, where a merge would conflict.
"""

import copy
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from packaging.version import Version

_QUESTIONS = Path(__file__).resolve().parents[1] / "copier.yml"


@dataclass(frozen=True)
class Change:
    """What became of a question.

    Attributes:
        version: the first that has the new form; products made from that one or a newer one are left alone.
        old: name of the answer until then.
        new: its name since then; the same where only the shape changed, None where the question is gone.
        reshape: gives the new answer for the old one. It may see an answer twice where a template has no tags.
    """

    version: str
    old: str
    new: str | None
    reshape: Callable[[Any], Any] = lambda answer: answer


CHANGES: tuple[Change, ...] = ()


def migrated(answers: dict[str, Any], version: Version, changes: tuple[Change, ...] = CHANGES) -> dict[str, Any]:
    """Return the answers as this version stores them; an answer that has the new name already wins."""
    result = dict(answers)
    for change in changes:
        if change.old in result and version < Version(change.version):
            answer = change.reshape(result.pop(change.old))
            if change.new:
                result.setdefault(change.new, answer)
    return result


def carry_images(product: Path, answers: dict[str, Any]) -> dict[str, Any]:
    """Write repositories of images into the base, where overlays named them up to 0.13; return the answers to that.

    What runs stays the same. As Deployments become what the new version makes of them, nothing conflicts.
    """
    entry = r"""^ *- name: ["']?{}["']?\n +newName: ["']?([^"'\s]+)["']?\n"""
    overlays = {path: path.read_text(encoding="utf-8") for path in product.glob("apps/*/overlays/*/kustomization.yaml")}
    changed: list[Path] = []
    services = answers.get("services")
    given = {item["name"]: item for item in services if isinstance(item, dict)} if isinstance(services, list) else {}
    for path in product.glob("apps/*/base/*/deployment.yaml"):
        name, text = path.parent.name, path.read_text(encoding="utf-8")
        pattern = re.compile(entry.format(re.escape(name)), re.MULTILINE)
        images = {image for overlay in overlays.values() for image in pattern.findall(overlay)}
        placeholder = re.compile(rf"""(\bimage: )["']?{re.escape(name)}["']?(?= *(#.*)?$)""", re.MULTILINE)
        if len(images) != 1 or not placeholder.search(text):
            continue
        [image] = images
        host, slash, _ = image.partition("/")
        bare = not slash or (answers.get("registry") != "dockerhub" and not re.search("[.:]|^localhost$", host))
        if bare and given.get(name, {}).get("image") == image:
            # So far it was, whatever the registry; now a name without a host would be of the registry, or refused.
            image = given[name]["image"] = f"docker.io/{image}" if slash else f"docker.io/library/{image}"
        for other in path.parents[2].rglob("*.yaml"):  # Jobs and sidecars of people's own have the image too.
            before = other.read_text(encoding="utf-8")
            after = placeholder.sub(rf'\1"{image}"', before)
            if other == path:
                after = after.replace("# Repository, tag and digest are set", "# Tag and digest are set")
            if after != before:
                other.write_text(after, encoding="utf-8")
                changed.append(other)
        overlays = {overlay: pattern.sub("", before) for overlay, before in overlays.items()}
    for path, text in overlays.items():
        text = re.sub(r"^images:\n(?! *-)", "", text, flags=re.MULTILINE)
        if text != path.read_text(encoding="utf-8"):
            path.write_text(text, encoding="utf-8")
            changed.append(path)
    if changed:  # Copier merges what the index has.
        subprocess.run(["git", "add", "--", *changed], cwd=product, check=True)
    return answers


def unknown(answers: dict[str, Any]) -> list[str]:
    """Return the names of answers that no question of this version asks for."""
    questions = yaml.safe_load(_QUESTIONS.read_text(encoding="utf-8"))
    asked = {name for name, question in questions.items() if name[0] != "_" and question.get("when") is not False}
    return sorted(name for name in answers if not name.startswith("_") and name not in asked)


def _shown(name: str) -> str:
    return name if name.isprintable() else ascii(name)


def main() -> None:
    """Rewrite the answers file where something changed."""
    path = Path(sys.argv[1])
    stored = yaml.safe_load(path.read_text(encoding="utf-8"))
    answers = migrated(stored, Version(os.environ["VERSION_PEP440_FROM"]))
    if strangers := unknown(answers):
        sys.exit(
            f"error: {path}: unknown stored answer {', '.join(map(_shown, strangers))}: "
            "no question of this version asks for it. Remove its line, commit, and update again"
        )
    answers = carry_images(Path.cwd(), copy.deepcopy(answers))
    if answers != stored:
        text = yaml.safe_dump(answers, allow_unicode=True, sort_keys=False)
        path.write_text(f"# Written by copier; never edit by hand.\n{text}", encoding="utf-8")
        gone, come = sorted(stored.keys() - answers.keys()), sorted(answers.keys() - stored.keys())
        print(f"Answers carried over: {', '.join(gone) or '-'} -> {', '.join(come) or '-'}")


if __name__ == "__main__":
    main()
