"""The YAML of this repository, read once, with the line of every key."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

# Folders that hold nothing of ours.
_PASSED_OVER = {".git", ".terraform", ".venv", "node_modules", "__pycache__", ".pytest_cache"}
_CONFLICT_MARKER = re.compile(r"^(<{7} |={7}$|>{7} )", re.MULTILINE)
_TEXT_SUFFIXES = {
    ".css",
    ".html",
    ".js",
    ".json",
    ".md",
    ".py",
    ".sh",
    ".tf",
    ".tfvars",
    ".toml",
    ".txt",
    ".yaml",
    ".yml",
}


@dataclass(frozen=True, order=True)
class Problem:
    """Something wrong: where, what, and how to mend it."""

    path: str
    line: int
    what: str

    def __str__(self) -> str:
        """Return the one line that a person reads."""
        return f"{self.path}:{self.line}: {self.what}" if self.line else f"{self.path}: {self.what}"


class Map(dict[str, Any]):
    """A YAML mapping that knows its own line and the line of each key."""

    line: int = 0
    lines: dict[str, int]

    def line_of(self, key: str) -> int:
        """Return the line of a key, or of the mapping where it has none such."""
        return self.lines.get(key, self.line)

    def at(self, *keys: str) -> Any:
        """Return the value under nested keys, or None where one is missing or not a mapping."""
        value: Any = self
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return value

    def maps(self, *keys: str) -> list["Map"]:
        """Return the mappings of the list under nested keys; nothing where there is no such list."""
        value = self.at(*keys)
        return [item for item in value if isinstance(item, Map)] if isinstance(value, list) else []

    def texts(self, *keys: str) -> list[str]:
        """Return the texts of the list under nested keys."""
        value = self.at(*keys)
        return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Reads mappings as Map and refuses a key that is there twice."""


def _construct_map(loader: Any, node: yaml.MappingNode) -> Iterator[Map]:
    result = Map()
    result.line = node.start_mark.line + 1
    result.lines = {}
    yield result
    loader.flatten_mapping(node)
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        # `on:` of a workflow is a boolean for YAML 1.1.
        name = key_node.value if isinstance(key, bool) else key
        if name in result:
            raise yaml.constructor.ConstructorError(None, None, f"the key {name!r} is there twice", key_node.start_mark)
        result[name] = loader.construct_object(value_node, deep=True)
        result.lines[name] = key_node.start_mark.line + 1


_Loader.add_constructor("tag:yaml.org,2002:map", _construct_map)


@dataclass
class Repository:
    """Every YAML file and the list of all files, by path from the root."""

    root: Path
    files: list[str] = field(default_factory=list)
    documents: dict[str, list[Map]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def first(self, path: str) -> Map | None:
        """Return the first document of a file, or None where the file is missing or not a mapping."""
        found = self.documents.get(path)
        return found[0] if found else None

    def below(self, folder: str) -> Iterator[tuple[str, Map]]:
        """Yield path and document for every YAML document in a folder and below."""
        for path, documents in self.documents.items():
            if path.startswith(folder):
                for document in documents:
                    yield path, document

    def cluster(self, environment: str) -> str:
        """Return the folder of the cluster that runs an environment; that of all clusters where none does."""
        pattern = re.compile(rf"(clusters/[^/]+/)environments/{re.escape(environment)}[.]yaml")
        return next((match[1] for path in self.files if (match := pattern.fullmatch(path))), "clusters/")

    def platforms(self) -> dict[str, str]:
        """Return the files of values of terraform/platform by path, one for each cluster, with their text."""
        found = [path for path in self.files if re.fullmatch(r"terraform/platform/[^/]+[.]tfvars", path)]
        return {path: self.text(path) for path in found if not path.endswith(".auto.tfvars")}

    def text(self, path: str) -> str:
        """Return the text of a file."""
        return Path(self.root, path).read_text(encoding="utf-8")

    def exists(self, path: str) -> bool:
        """Tell whether there is such a file or folder."""
        return Path(self.root, path).exists()


def _walk(root: Path) -> Iterator[str]:
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in _PASSED_OVER)
        for name in sorted(names):
            yield os.path.relpath(os.path.join(folder, name), root).replace(os.sep, "/")


def read_repository(root: Path) -> Repository:
    """Read the repository; what can't be read is among its problems."""
    repository = Repository(root)
    for path in _walk(root):
        repository.files.append(path)
        suffix = os.path.splitext(path)[1]
        if suffix not in _TEXT_SUFFIXES:
            continue
        try:
            text = repository.text(path)
        except UnicodeDecodeError:
            repository.problems.append(Problem(path, 0, "is not UTF-8: save it as UTF-8"))
            continue
        marker = _CONFLICT_MARKER.search(text) if "<<<<<<< " in text else None
        if marker:
            line = text.count("\n", 0, marker.start()) + 1
            repository.problems.append(
                Problem(path, line, "has a merge conflict: choose a side and remove the markers")
            )
        elif suffix in (".yaml", ".yml"):
            _read_yaml(repository, path, text)
    return repository


def _read_yaml(repository: Repository, path: str, text: str) -> None:
    try:
        documents = list(yaml.load_all(text, Loader=_Loader))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        repository.problems.append(Problem(path, line, f"is not valid YAML: {error.problem or error.context}"))
        return
    except (yaml.YAMLError, ValueError) as error:
        repository.problems.append(Problem(path, 0, f"is not valid YAML: {error}"))
        return
    repository.documents[path] = [document for document in documents if isinstance(document, Map)]
