"""What is measured: our template with a history, answers of every size, and templates to compare with."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests import support

ENVIRONMENTS = ("dev", "test", "staging", "preprod", "prod")
_FASTER = ("auto_reload", "optimized")
_YIELD = re.compile(r"#%.*?%#")
_VALUE = re.compile(r"#\{.*?\}#")


@dataclass(frozen=True, order=True)
class Size:
    """How many services and environments a product has; two of each are the default answers."""

    services: int
    environments: int

    def __str__(self) -> str:
        """Return the name of a folder."""
        return f"{self.services}x{self.environments}"

    def answers(self) -> dict[str, Any]:
        """Return the answers for a product of this size."""
        names = ["frontend", "backend", *(f"service-{number:03}" for number in range(3, self.services + 1))]
        return {
            "services": names[: self.services],
            "environments": ["dev", *ENVIRONMENTS[1 : self.environments - 1], "prod"][: self.environments],
        }


def commit(folder: Path, tag: str) -> Path:
    """Commit all that is in a folder under a tag."""
    if not (folder / ".git").exists():
        support.git("init", "-q", "-b", "main", cwd=folder)
    support.git("add", "-A", cwd=folder)
    support.git("commit", "-q", "-m", tag, cwd=folder)
    support.git("tag", tag, cwd=folder)
    return folder


def ours(folder: Path) -> Path:
    """Return a copy of this template as version 1.0.0, with a version 2.0.0 after it that changes a few files."""
    support.export_template(folder)
    shutil.copy2(support.ROOT / ".gitignore", folder)  # A checkout has no files of Python's that Git would see.
    template = commit(folder, "1.0.0")
    for path in (
        template / "template" / ".editorconfig",
        template / "template" / "Makefile.jinja",
        next((template / "template").glob("apps/*/overlays/*/kustomization.yaml.jinja")),
        next((template / "template").glob("apps/*/base/*/deployment.yaml.jinja")),
    ):
        path.write_text(path.read_text(encoding="utf-8") + "# From version 2.\n", encoding="utf-8")
    commit(template, "2.0.0")
    support.git("checkout", "-q", "1.0.0", cwd=template)
    return template


def _questions(folder: Path, text: str) -> None:
    folder.mkdir(parents=True)
    settings = yaml.safe_load((support.ROOT / "copier.yml").read_text(encoding="utf-8"))
    kept = {key: settings[key] for key in ("_min_copier_version", "_subdirectory", "_answers_file", "_envops")}
    # How fast Jinja compiles is ours to set.
    kept["_envops"] = {name: value for name, value in kept["_envops"].items() if name not in _FASTER}
    (folder / "copier.yml").write_text(yaml.safe_dump(kept) + text, encoding="utf-8")
    (folder / "template").mkdir()


def empty(folder: Path) -> Path:
    """Return a template without a file or a question: Copier's own floor."""
    _questions(folder, "")
    (folder / "template" / "#{ _copier_conf.answers_file }#.jinja").write_text("#{ _copier_answers | to_nice_yaml }#")
    return commit(folder, "1.0.0")


def _rendered_paths(template: Path) -> list[tuple[int, bool, re.Pattern[str]]]:
    """Return how the paths of a template's files look in a product, the plainest first, and whether Jinja makes them."""
    found = []
    for path in support.files(template / "template"):
        name = path.relative_to(template / "template").as_posix()
        plain = _YIELD.sub("", name.removesuffix(".jinja"))
        pattern = ".+".join(re.escape(part) for part in _VALUE.split(plain))
        found.append((pattern.count(".+"), name.endswith(".jinja"), re.compile(pattern)))
    return sorted(found, key=lambda entry: entry[:2])


def plain(template: Path, product: Path, folder: Path) -> tuple[Path, int]:
    """Return a template that gives the files of a product in Copier's plain way, and how many of them it renders.

    One question, no hook, no condition, no loop: a file of the template for each of the product, with the same text, and
    with Jinja where ours has it. The project's name is all that is filled in, in paths and in texts.
    """
    _questions(folder, "project_name:\n  type: str\n  default: goal-tracker\n")
    patterns = _rendered_paths(template)
    rendered = 0
    for path in support.files(product):
        name = path.relative_to(product).as_posix()
        by_jinja = next(by_jinja for _, by_jinja, pattern in patterns if pattern.fullmatch(name))
        target = "/".join("#{ project_name }#" if part == "goal-tracker" else part for part in name.split("/"))
        if name == ".copier-answers.yml":
            target, text = "#{ _copier_conf.answers_file }#", "#{ _copier_answers | to_nice_yaml }#"
        elif by_jinja:
            text = re.sub(r"#(?=[{%|])", "# ", path.read_text(encoding="utf-8"))
            text = text.replace("goal-tracker", "#{ project_name }#")
        destination = folder / "template" / (target + (".jinja" if by_jinja else ""))
        destination.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, destination)
        if by_jinja:
            destination.write_text(text, encoding="utf-8")
            rendered += 1
    return commit(folder, "1.0.0"), rendered
