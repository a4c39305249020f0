"""The files of this repository, read once: of each YAML mapping it is known where it and its keys are written."""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml
from gitops.repository import plain

T = TypeVar("T")
Place = tuple[str, int]
# Folders that hold nothing of ours.
_PASSED_OVER = {".git", ".terraform", ".venv", "node_modules", "__pycache__", ".pytest_cache"}
# YAML elsewhere is read too, but whether it must be valid is for others to say: builds fill some files in.
_OURS = re.compile(r"[.][^/]+|(?:[.]github|apps|bootstrap|clusters|scripts|terraform)/.*", re.DOTALL)
# A page may show a conflict.
_BLOCK = re.compile(r"^(?:```|~~~).*\n(<{7} .*\n(?:(?!```|~~~).*\n)*)", re.MULTILINE)
# Numbers for the YAML library of Kubernetes and kustomize, texts for that of Python.
_NUMBER = re.compile(r"[-+]?(\d+([.]\d*)?|[.]\d+)[eE][-+]?\d+\Z|0o[0-7]+\Z")
# Far more than files for people have: levels of nesting, values that come by aliases, characters of a number.
_DEEPEST, _MOST_ALIASED, _LONGEST_NUMBER = 100, 10_000, 100
_INDENTED = re.compile(rf"^[ ?-]{{{_DEEPEST // 2}}}", re.MULTILINE)


@dataclass(frozen=True, order=True)
class Problem:
    """A finding: where, what is wrong and how to fix it; further lines are those of a tool."""

    path: str
    line: int
    what: str
    details: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return what a person reads."""
        where = f"{self.path}:{self.line}" if self.line else self.path
        return "\n  ".join(plain(line) for line in (f"{where}: {self.what}", *self.details))


class Map(dict[str, Any]):
    """A YAML mapping with its place and that of each key, also after it was merged with others."""

    place: Place = ("", 0)
    places: dict[str, Place]

    @classmethod
    def of(cls, place: Place, items: dict[str, Any]) -> "Map":
        """Make a mapping that is written nowhere by itself; every key has the same place."""
        result = cls(items)
        result.place, result.places = place, dict.fromkeys(items, place)
        return result

    def put(self, key: str, value: Any, place: Place) -> None:
        """Set a key, and where that is written."""
        self[key] = value
        self.places[key] = place

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

    def map(self, *keys: str) -> "Map":
        """Return the mapping under nested keys; an empty one where there is none."""
        value = self.at(*keys)
        return value if isinstance(value, Map) else Map.of(self.place, {})

    def maps(self, *keys: str) -> list["Map"]:
        """Return the mappings of the list under nested keys; nothing where there is no such list."""
        value = self.at(*keys)
        return [item for item in value if isinstance(item, Map)] if isinstance(value, list) else []

    def texts(self, *keys: str) -> list[str]:
        """Return the texts of the list under nested keys."""
        value = self.at(*keys)
        return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []

    def where(self, *keys: str) -> Place:
        """Return the place of what is under nested keys, or of the last of them that is there."""
        place, value = self.place, self
        for key in keys:
            if not isinstance(value, Map) or key not in value:
                break
            place, value = value.places.get(key, place), value[key]
        return place

    @property
    def kind(self) -> str:
        """Return the kind of an object."""
        return self.text("kind")

    @property
    def group(self) -> str:
        """Return the API group of an object."""
        return self.text("apiVersion").rpartition("/")[0]

    @property
    def name(self) -> str:
        """Return the name of an object."""
        return self.text("metadata", "name")


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Reads mappings as Map and refuses a key that is there twice."""

    path = ""
    offset = 1


def _construct_map(loader: Any, node: yaml.MappingNode) -> Iterator[Map]:
    result = Map()
    result.place, result.places = (loader.path, node.start_mark.line + loader.offset), {}
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
                what = f"the key {name!r} is there twice: remove one"
                raise yaml.constructor.ConstructorError(None, None, what, key_node.start_mark)
            seen.add(name)
        result[name] = loader.construct_object(value_node, deep=True)
        result.places[name] = (loader.path, key_node.start_mark.line + loader.offset)


def _construct_unknown(loader: Any, _: str, node: yaml.Node) -> Any:
    """Read a value with a tag of some other program as if it had none."""
    if isinstance(node, yaml.MappingNode):
        return next(_construct_map(loader, node))
    return loader.construct_sequence(node) if isinstance(node, yaml.SequenceNode) else str(node.value)


def _number(loader: Any, node: yaml.ScalarNode) -> float:
    # Numbers to the base 60, as 1:30, take time that grows with the square of their length.
    if len(node.value) > _LONGEST_NUMBER:
        raise yaml.constructor.ConstructorError(None, None, "the number is too long: quote it", node.start_mark)
    if node.value.startswith("0o"):
        return float(int(node.value, 8))
    whole = node.tag.endswith(":int")
    return loader.construct_yaml_int(node) if whole else float(loader.construct_yaml_float(node))


_Loader.add_constructor("tag:yaml.org,2002:map", _construct_map)
_Loader.add_multi_constructor("!", _construct_unknown)
_Loader.add_multi_constructor("tag:yaml.org,2002:python/", _construct_unknown)
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", _NUMBER, list("-+.0123456789"))
_Loader.add_constructor("tag:yaml.org,2002:float", _number)
_Loader.add_constructor("tag:yaml.org,2002:int", _number)
_Loader.add_constructor("tag:yaml.org,2002:value", _Loader.construct_scalar)  # An equals sign alone.


def parse(text: str, place: Place = ("", 1)) -> list[Any]:
    """Return the documents of a text that begins at a place.

    Raises:
        yaml.YAMLError: it is no YAML, or more than anything here needs: aliases of aliases, or no end of nesting.
    """
    if "*" in text or text.count("[") + text.count("{") > _DEEPEST or _INDENTED.search(text):
        _require_modest(text)
    loader = _Loader(text)
    loader.path, loader.offset = place
    try:
        found = []
        while loader.check_data():
            found.append(loader.get_data())
        return found
    finally:
        loader.dispose()


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


@dataclass
class Repository:
    """Every YAML file and the list of all files, by path from the root."""

    root: Path
    files: list[str] = field(default_factory=list)
    documents: dict[str, list[Map]] = field(default_factory=dict)
    # Documents that are lists, as patches may be.
    lists: dict[str, list[list[Any]]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    _known: dict[Any, Any] = field(default_factory=dict)
    _texts: dict[str, str | None] = field(default_factory=dict)

    def known(self, key: Any, find: Callable[[], T]) -> T:
        """Return what a function finds out, which is called once for a key."""
        if key not in self._known:
            self._known[key] = find()
        found: T = self._known[key]
        return found

    def first(self, path: str) -> Map:
        """Return the first document of a file; an empty one where the file is missing or not a mapping."""
        return next(iter(self.documents.get(path, ())), Map.of((path, 0), {}))

    def below(self, folder: str) -> Iterator[tuple[str, Map]]:
        """Yield path and document for every YAML document in a folder and below."""
        for path, documents in self.documents.items():
            if path.startswith(folder):
                for document in documents:
                    yield path, document

    def matching(self, pattern: str) -> list[str]:
        """Return the paths of the files that a pattern matches in full: its first group, where it has one."""

        def find() -> list[str]:
            found = map(re.compile(pattern).fullmatch, self.files)
            return sorted(match[1] if match.groups() else match[0] for match in found if match)

        return list(self.known(("matching", pattern), find))

    def overlays(self) -> list[str]:
        """Return the folders of the overlays that are environments, sorted: those with image tags."""
        found = self.matching(r"(apps/[^/]+/overlays/[^/]+)/kustomization[.]yaml")
        tagged = set(self.matching(r"(apps/[^/]+/overlays/[^/]+)/imagetags/.*"))
        return [one for one in found if one in tagged or "imagetags" in self.text(f"{one}/kustomization.yaml")]

    def laptops(self) -> tuple[str, ...]:
        """Return the folders of other overlays: nobody deploys them, and they may want files that Git passes over."""
        found = self.matching(r"(apps/[^/]+/overlays/[^/]+)/kustomization[.]yaml")
        return tuple(sorted({*found} - {*self.overlays()}))

    def environments(self) -> list[str]:
        """Return the names of the overlays, sorted."""
        return sorted({overlay.rpartition("/")[2] for overlay in self.overlays()})

    def text(self, path: str) -> str:
        """Return the text of a file; the empty text where it is missing or is no text."""
        if path not in self._texts:
            try:
                with open(os.path.join(self.root, path), "rb") as file:
                    self._texts[path] = file.read().decode("utf-8")
            except (OSError, UnicodeDecodeError):
                self._texts[path] = None
        return self._texts[path] or ""

    def exists(self, path: str) -> bool:
        """Tell whether there is such a file or folder."""
        return self._texts.get(path) is not None or os.path.exists(os.path.join(self.root, path))


def _walk(root: Path) -> Iterator[str]:
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in _PASSED_OVER)
        path = os.path.relpath(folder, root).replace(os.sep, "/")
        for name in sorted(names):
            yield name if path == "." else f"{path}/{name}"


def read_repository(root: Path) -> Repository:
    """Read the repository; what can't be read is among its problems."""
    repository = Repository(root)
    repository.files.extend(_walk(root))
    for path in repository.files:
        if path.endswith((".yaml", ".yml")) and os.path.isfile(os.path.join(root, path)):
            text = repository.text(path)
            if repository._texts[path] is None:
                readable = os.access(Path(root, path), os.R_OK)
                what = "is not UTF-8: save it as UTF-8" if readable else f"may not be read: chmod +r {path}"
                repository.problems.append(Problem(path, 0, what))
            elif not is_template(path, text):
                _read_yaml(repository, path, text)
    repository.problems = [found for found in repository.problems if is_ours(found.path)]
    for path in configuration(repository):  # The program that reads it knows what it must be.
        repository.documents.pop(path, None)
        repository.lists.pop(path, None)
        repository.problems = [found for found in repository.problems if found.path != path]
    return repository


def is_ours(path: str) -> bool:
    """Tell whether a file is where this repository keeps what it works with."""
    return bool(_OURS.fullmatch(path))


def is_template(path: str, text: str) -> bool:
    """Tell whether a file is for people, or YAML only once Helm, or another program, has filled it in."""
    shown = path.endswith((".example.yaml", ".sample.yaml"))
    return shown or ("{{" in text and "/templates/" in path) or ("%{" in text and path.startswith("terraform/"))


def configuration(repository: Repository) -> set[str]:
    """Return the files that become texts of ConfigMaps."""
    return {
        os.path.normpath(f"{os.path.dirname(path)}/{entry.rpartition('=')[2]}").replace(os.sep, "/")
        for path, document in repository.below("")
        if os.path.basename(path).startswith("kustomization.")
        for generator in document.maps("configMapGenerator")
        for entry in generator.texts("files")
    }


def conflict(path: str, text: str) -> Problem | None:
    """Return the problem of a merge that was left half-way; a line of equals signs alone may be a heading."""
    if path.endswith(".md"):
        text = _BLOCK.sub(lambda block: "\n" * block[0].count("\n"), text)
    marker = re.search(r"^(<{7} |>{7} )", text, re.MULTILINE) if "<<<<<<< " in text or ">>>>>>> " in text else None
    if marker is None or "\n=======" not in text:
        return None
    line = text.count("\n", 0, marker.start()) + 1
    return Problem(path, line, "has a merge conflict: choose a side and remove the markers")


def _read_yaml(repository: Repository, path: str, text: str) -> None:
    try:
        documents = parse(text, (path, 1))
    except Exception as error:  # The library stumbles over values in many ways, such as `!!bool maybe`.
        mark = getattr(error, "problem_mark", None)
        what = " ".join(str(getattr(error, "problem", None) or getattr(error, "context", None) or error).split())
        cure = "" if ": " in what else ": fix this line or the one above, indented with spaces"
        found = Problem(path, mark.line + 1 if mark else 0, f"is not valid YAML: {what}{cure}")
        repository.problems.append(conflict(path, text) or found)
        return
    repository.documents[path] = [document for document in documents if isinstance(document, Map)]
    repository.lists[path] = [document for document in documents if isinstance(document, list)]
