"""The YAML of this repository, read once, with the line of every key."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from gitops.repository import plain

# Folders that hold nothing of ours.
_PASSED_OVER = {".git", ".terraform", ".venv", "node_modules", "__pycache__", ".pytest_cache"}
# Numbers for the YAML library of Kubernetes and kustomize, texts for that of Python.
_NUMBER = re.compile(r"[-+]?(\d+([.]\d*)?|[.]\d+)[eE][-+]?\d+\Z|0o[0-7]+\Z")
# Far more than files for people have: levels of nesting, values that come by aliases, characters of a number.
_DEEPEST, _MOST_ALIASED, _LONGEST_NUMBER = 100, 10_000, 100
# A line that may be nested so deep.
_INDENTED = re.compile(rf"^[ ?-]{{{_DEEPEST // 2}}}", re.MULTILINE)
_CURES = (
    ("\\t", "indent with spaces, never tabs"),
    ("a tab character", "indent with spaces, never tabs"),
    ("expected <block end>", "mend the indent"),
    ("mapping values are not allowed", "mend the indent, or quote the value"),
    ("could not find expected ':'", "write `key: value`, and mend the indent"),
    ("is there twice", "remove one"),
    ("undefined alias", "define it before it is used"),
)


@dataclass(frozen=True, order=True)
class Problem:
    """Something wrong: where, what, and how to mend it; what a program has said of it follows line by line."""

    path: str
    line: int
    what: str
    details: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return what a person reads."""
        where = f"{self.path}:{self.line}" if self.line else self.path
        return "\n  ".join(plain(line) for line in (f"{where}: {self.what}", *self.details))


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

    def text(self, *keys: str) -> str:
        """Return the text under nested keys; the empty text where there is none."""
        value = self.at(*keys)
        return value if isinstance(value, str) else ""

    def line_at(self, *keys: str) -> int:
        """Return the line of what is under nested keys, or of the last of them that is there."""
        line, value = self.line, self
        for key in keys:
            if not isinstance(value, Map) or key not in value:
                break
            line, value = value.line_of(key), value[key]
        return line

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
    own = {id(key) for key, _ in node.value}
    loader.flatten_mapping(node)
    seen: set[Any] = set()
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key_node, yaml.ScalarNode):
            raise yaml.constructor.ConstructorError(None, None, "a key is not a text: quote it", key_node.start_mark)
        # `on:` of a workflow is a boolean for YAML 1.1.
        name = key_node.value if isinstance(key, bool) else key
        if id(key_node) in own:  # What a merge key brings may be set anew.
            if name in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {name!r} is there twice", key_node.start_mark
                )
            seen.add(name)
        result[name] = loader.construct_object(value_node, deep=True)
        result.lines[name] = key_node.start_mark.line + 1


def _construct_unknown(loader: Any, _: str, node: yaml.Node) -> Any:
    """Read a value with a tag of some other program as if it had none."""
    if isinstance(node, yaml.MappingNode):
        return next(_construct_map(loader, node))
    return loader.construct_sequence(node) if isinstance(node, yaml.SequenceNode) else str(node.value)


_Loader.add_constructor("tag:yaml.org,2002:map", _construct_map)
_Loader.add_multi_constructor("!", _construct_unknown)
_Loader.add_multi_constructor("tag:yaml.org,2002:python/", _construct_unknown)
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", _NUMBER, list("-+.0123456789"))
_Loader.add_constructor("tag:yaml.org,2002:float", lambda loader, node: _number(loader, node))
_Loader.add_constructor("tag:yaml.org,2002:int", lambda loader, node: _number(loader, node))


def _number(loader: Any, node: yaml.ScalarNode) -> float:
    # Numbers to the base 60, as 1:30, take time that grows with the square of their length.
    if len(node.value) > _LONGEST_NUMBER:
        raise yaml.constructor.ConstructorError(None, None, "the number is too long: quote it", node.start_mark)
    if node.value.startswith("0o"):
        return float(int(node.value, 8))
    whole = node.tag.endswith(":int")
    return loader.construct_yaml_int(node) if whole else float(loader.construct_yaml_float(node))


@dataclass
class Repository:
    """Every YAML file and the list of all files, by path from the root."""

    root: Path
    files: list[str] = field(default_factory=list)
    documents: dict[str, list[Map]] = field(default_factory=dict)
    # Documents that are lists, as patches may be.
    lists: dict[str, list[list[Any]]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    # What checks have found out about the repository for each other.
    known: dict[str, Any] = field(default_factory=dict)
    _texts: dict[str, str | None] = field(default_factory=dict)

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

    def overlays(self) -> list[str]:
        """Return the folders of the overlays, sorted."""
        pattern = re.compile(r"(apps/[^/]+/overlays/[^/]+)/kustomization[.]yaml")
        return sorted(match[1] for path in self.files if (match := pattern.fullmatch(path)))

    def cluster(self, environment: str) -> str:
        """Return the folder of the cluster that runs an environment; that of all clusters where none does."""
        pattern = re.compile(rf"(clusters/[^/]+/)environments/{re.escape(environment)}[.]yaml")
        return next((match[1] for path in self.files if (match := pattern.fullmatch(path))), "clusters/")

    def platforms(self) -> dict[str, str]:
        """Return the files of values of terraform/platform by path, one for each cluster, with their text."""
        found = [path for path in self.files if re.fullmatch(r"terraform/platform/[^/]+[.]tfvars", path)]
        return {path: self.text(path) for path in found if not path.endswith(".auto.tfvars")}

    def text(self, path: str) -> str:
        """Return the text of a file; the empty text where it is missing or is no text."""
        if path not in self._texts:
            self._texts[path] = _read(Path(self.root, path))
        return self._texts[path] or ""

    def is_text(self, path: str) -> bool:
        """Tell whether a file can be read as UTF-8."""
        return self.text(path) != "" or self._texts[path] is not None

    def exists(self, path: str) -> bool:
        """Tell whether there is such a file or folder."""
        return path in self._texts or Path(self.root, path).exists()


def _read(path: Path) -> str | None:
    try:
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _walk(root: Path) -> Iterator[str]:
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in _PASSED_OVER)
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        for name in sorted([*names, *links]):
            yield os.path.relpath(os.path.join(folder, name), root).replace(os.sep, "/")


def _is_chart_template(repository: Repository, path: str) -> bool:
    """Tell whether a file is YAML only once Helm has rendered it."""
    chart = path.rpartition("/templates/")[0]
    return bool(chart) and repository.exists(f"{chart}/Chart.yaml") and "{{" in repository.text(path)


def read_repository(root: Path) -> Repository:
    """Read the repository; what can't be read is among its problems."""
    repository = Repository(root)
    repository.files.extend(_walk(root))
    for path in repository.files:
        if not path.endswith((".yaml", ".yml")) or not Path(root, path).is_file():
            continue
        if not repository.is_text(path):
            repository.problems.append(Problem(path, 0, "is not UTF-8: save it as UTF-8"))
        elif not _is_chart_template(repository, path):
            _read_yaml(repository, path, repository.text(path))
    return repository


def parse(text: str) -> list[Any]:
    """Return the documents of a text.

    Raises:
        yaml.YAMLError: it is no YAML, or more than anything here needs: aliases of aliases, or no end of nesting.
    """
    if "*" in text or text.count("[") + text.count("{") > _DEEPEST or _INDENTED.search(text):
        _require_modest(text)
    return list(yaml.load_all(text, Loader=_Loader))


def _require_modest(text: str) -> None:
    """Refuse a text that is short and yet takes minutes, or more memory than there is, to read."""
    # How many values an alias of a name stands for: no end of them inside what has the name.
    sizes: dict[str | None, int] = {}
    begun: list[tuple[str | None, int]] = []
    written = read = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionEndEvent):
            anchor, before = begun.pop()
            sizes[anchor] = read - before
        elif isinstance(event, yaml.NodeEvent):
            written += 1
            read += 1
            if isinstance(event, yaml.CollectionStartEvent):
                begun.append((event.anchor, read))
                sizes[event.anchor] = _MOST_ALIASED + 1
            elif isinstance(event, yaml.AliasEvent):
                read += sizes.get(event.anchor, 0)
        if len(begun) > _DEEPEST or read - written > _MOST_ALIASED:
            mark: Any = event.start_mark
            raise yaml.MarkedYAMLError(problem="aliases or nesting go too far: write them out", problem_mark=mark)


def _read_yaml(repository: Repository, path: str, text: str) -> None:
    try:
        documents = parse(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        what = str(error.problem or error.context)
        cure = next((cure for words, cure in _CURES if words in what), "mend what stands there or on the line above")
        what = what if ": " in what else f"{what}: {cure}"
        words = f"is not valid YAML: {what}"
        if marker := re.search(r"^<{7} ", text, re.MULTILINE):
            line = text.count("\n", 0, marker.start()) + 1
            words = "has a merge conflict: choose a side and remove the markers"
        repository.problems.append(Problem(path, line, words))
        return
    except Exception as error:  # The library stumbles over values in many ways, such as `!!bool maybe`.
        what = " ".join(str(error).split())
        repository.problems.append(Problem(path, 0, f"is not valid YAML: {what}: mend it"))
        return
    repository.documents[path] = [document for document in documents if isinstance(document, Map)]
    repository.lists[path] = [document for document in documents if isinstance(document, list)]
