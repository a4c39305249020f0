"""Renovate knows every version that is pinned: in each product, and in the template itself."""

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import check_jsonschema
import hcl2
import jsonschema
import pytest
import yaml

from tests import support

# What Renovate's own managers read: files, and the places in them. https://docs.renovatebot.com/modules/manager/ has a page
# for each. The files are those by default, to which a configuration adds.
MANAGERS: dict[str, tuple[list[str], list[str]]] = {
    "argocd": ([], [r"chart: \S+\n(?: +#.*\n)? +targetRevision: \S+"]),
    "dockerfile": (
        [r"/(^|/|\.)([Dd]ocker|[Cc]ontainer)file$/", r"/(^|/)([Dd]ocker|[Cc]ontainer)file[^/]*$/"],
        [r"^FROM \S+"],
    ),
    "github-actions": (
        [r"/(^|/)(workflow-templates|\.(?:github|gitea|forgejo)/(?:workflows|actions))/.+\.ya?ml$/"],
        [r"uses: \S+@[0-9a-f]{40} # v[\d.]+$", r"setup-(?:terraform|opentofu)@.*\n +with:\n +(?:terraform|tofu)_version: .*"],
    ),
    "kubernetes": ([], [r"^ +(?:- )?image: \S+$"]),
    "pip_requirements": ([r"/(^|/)[\w-]*requirements([-._]\w+)?\.(txt|pip)$/"], [r"^[\w.\[\]-]+==[^ ;]+"]),
    "terraform": (
        ["**/*.tf", "**/*.tofu"],
        [
            r"^ +required_version = \".*\"",
            r"^ +source  = \"[\w/-]+\"\n +version = \".*\"",
            r"^ +repository +=.*\n +chart +=.*\n +version +=.*",
        ],
    ),
    "tflint-plugin": ([r"/\.tflint\.hcl$/"], [r"^ +source +=.*\n +version +=.*"]),
}  # fmt: skip
# A full version, but no address; or a digest, a commit, a constraint of HCL.
PIN = re.compile(
    r"@[0-9a-f]{40}\b|@sha256:[0-9a-f]{64}|(?<![\w.])v?\d+\.\d+\.\d+(?:-[\w.]+)?(?![\w.])"
    r'|^ +(?:required_)?version += "(?:[\^~<>= ]*\d[^"]*)"',
    re.MULTILINE,
)
# What looks like a pin and is none, with the reason.
NO_PINS = [
    ("**/tests/**", r".*", "values that tests make up; Renovate leaves tests alone too"),
    ("**/*.md*", r"(?!.*@sha256:).*", "prose"),
    ("**/*.md*", r".*@sha256:(?:0123456789abcdef){4}.*", "an example of a version to come"),
    ("**/*.json5*", r".*", "the configuration itself"),
    ("**/Chart.yaml*", r"version: 1.0.0", "the chart's own version: it is installed from here"),
    ("pyproject.toml", r"version = .*", "the template's own version"),
    ("**/registry_previews.tf", r" +version = \"v1\.1\.0\"", "the version of a format, of tasks of a registry"),
    ("copier.yml", r"_min_copier_version: .*", "the oldest that works"),
    ("**", r"\s*(?:#|//).*", "a comment"),
    ("**/*.txt", r".*; python_full_version [<>=]+ '[\d.]+'.*", "the Python that a package is for"),
    ("**/requirements*/*.in", r"copier>=[\d.]+,<\d+", "the range of versions that work, not the one that is installed"),
    ("**/scripts/**", r".*\bv1\.2\.3\b.*", "an example in a message"),
]


@cache
def schema() -> Any:
    path = Path(str(check_jsonschema.__file__)).parent / "builtin_schemas" / "vendor" / "renovate.json"
    return jsonschema.validators.validator_for(loaded := json.loads(path.read_text()))(loaded)


def read(path: Path) -> dict[str, Any]:
    """Read a configuration; of JSON5 it uses comments on their own lines and commas at the end."""
    text = re.sub(r"^\s*//.*$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    loaded: dict[str, Any] = json.loads(re.sub(r",(\s*[}\]])", r"\1", text))
    return loaded


def matches(pattern: str, path: str) -> bool:
    """As Renovate does: a regular expression between slashes, else a glob."""
    if pattern.startswith("/"):
        return bool(re.search(pattern.strip("/"), path))
    return fnmatchcase(path, pattern) or fnmatchcase(path, pattern.removeprefix("**/"))


@cache
def can_read(manager: str, text: str) -> bool:
    """Tell whether a template is what its name says, for a manager that parses the whole file.

    Of what is no whole workflow or action in YAML, Renovate reads `uses:` by line, but no inputs.
    """
    try:
        if manager == "terraform":
            hcl2.loads(text)
        if manager != "github-actions":
            return True
        return not has_keys_twice(text) and bool({"jobs", "runs"} & yaml.safe_load(text).keys())
    except Exception:
        return False


def has_keys_twice(text: str) -> bool:
    """Tell whether a mapping has a key twice, which PyYAML lets pass."""
    nodes = list(yaml.compose_all(text))
    while nodes:
        one = nodes.pop()
        if isinstance(one, yaml.MappingNode):
            if len({key.value for key, _ in one.value}) < len(one.value):
                return True
            nodes += [value for _, value in one.value]
        elif isinstance(one, yaml.SequenceNode):
            nodes += one.value
    return False


class Renovate:
    """What a configuration makes of a repository's files."""

    def __init__(self, config: dict[str, Any], files: dict[str, str]) -> None:
        self.config, self.files = config, files
        self.places: list[tuple[str, list[str], list[str]]] = []
        for name in config["enabledManagers"]:
            if name != "custom.regex":
                by_default, reads = MANAGERS[name]
                self.places.append((name, by_default + config.get(name, {}).get("managerFilePatterns", []), reads))
        for custom in config["customManagers"]:
            assert custom["customType"] == "regex"
            reads = [text.replace("(?<", "(?P<") for text in custom["matchStrings"]]
            self.places.append((f"custom {reads[0]}", custom["managerFilePatterns"], reads))

    @cached_property
    def found(self) -> list[tuple[str, str, int, int]]:
        """Manager, file, begin and end of every place that a manager reads."""
        return list(self._find())

    def _find(self) -> Iterator[tuple[str, str, int, int]]:
        for name, patterns, reads in self.places:
            for path, text in self.files.items():
                if not any(matches(pattern, path) for pattern in patterns):
                    continue
                whole = can_read(name, text)
                for expression in reads if whole else reads[:1] if name == "github-actions" else []:
                    for match in re.finditer(expression, text, re.MULTILINE):
                        yield name, path, match.start(), match.end()

    def unknown(self) -> list[str]:
        """Return every pin that no manager knows."""
        result = []
        for path, text in self.files.items():
            spans = [(begin, end) for _, there, begin, end in self.found if there == path]
            for pin in PIN.finditer(text):
                begin, end = text.rfind("\n", 0, pin.start()) + 1, text.find("\n", pin.end())
                line = text[begin : end if end >= 0 else None]
                none = any(matches(glob, path) and re.fullmatch(words, line) for glob, words, _ in NO_PINS)
                if not none and not any(first <= pin.start() and pin.end() <= last for first, last in spans):
                    result.append(f"{path}: {line.strip()}")
        return result


def texts(folder: Path, paths: list[str]) -> dict[str, str]:
    return {path: (folder / path).read_text(encoding="utf-8") for path in paths}


@cache
def configured(product: Path) -> Renovate:
    return Renovate(read(product / "renovate.json5"), texts(product, support.relative(product)))


@pytest.fixture
def renovate(product: Path) -> Renovate:
    return configured(product)


@cache
def our_own() -> Renovate:
    listed = support.git("ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=support.ROOT).split("\0")
    here = [path for path in listed if path and (support.ROOT / path).is_file()]
    paths = [path for path in here if not path.startswith(("tests/", "docs/"))]
    return Renovate(read(support.ROOT / "renovate.json5"), texts(support.ROOT, paths))


@pytest.fixture
def ours() -> Renovate:
    return our_own()


@pytest.mark.costly
def test_renovate_knows_every_pin_of_a_product(renovate: Renovate) -> None:
    assert renovate.unknown() == []


def test_renovate_knows_every_pin_of_the_template(ours: Renovate) -> None:
    assert ours.unknown() == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("apps/goal-tracker/base/cache/deployment.yaml", "          image: redis:7.2.1\n"),
        ("scripts/build-images", "curl https://example.com/tool/v1.4.2/tool\n"),
        (".github/workflows/check.yml", "      - uses: owner/action@" + "a" * 40 + "\n"),
        ("terraform/platform/other.tf", 'module "x" {\n  version = "1.2"\n}\n'),
        ("clusters/aks-goal-tracker/environments/dev.yaml", "    targetRevision: v1.2.0\n"),
    ],
)
def test_a_pin_that_it_does_not_know_is_found(path: str, text: str, rendered: Any) -> None:
    product = rendered("defaults")
    files = texts(product, support.relative(product))
    files[path] = files.get(path, "") + text
    [unknown] = Renovate(read(product / "renovate.json5"), files).unknown()
    assert unknown.startswith(f"{path}: ")


def test_the_configuration_is_valid(renovate: Renovate) -> None:
    assert [error.message for error in schema().iter_errors(renovate.config)] == []


def test_the_template_s_own_configuration_is_valid(ours: Renovate) -> None:
    assert [error.message for error in schema().iter_errors(ours.config)] == []


def check_that_nothing_is_idle(renovate: Renovate) -> None:
    used = {name for name, *_ in renovate.found}
    assert {name for name, *_ in renovate.places} == used
    for name, patterns, _ in renovate.places:
        for pattern in set(patterns) - set(MANAGERS.get(name, ([], []))[0]):
            assert any(matches(pattern, path) for path in renovate.files), pattern
    read_by_managers = "".join(renovate.files[path][begin:end] for _, path, begin, end in renovate.found)
    templates = "".join(str(custom.get("depNameTemplate")) for custom in renovate.config["customManagers"])
    for rule in renovate.config["packageRules"]:
        for name in rule.get("matchDepNames", []):
            assert name.rpartition("/")[2] in read_by_managers + templates, name


def test_nothing_in_the_configuration_is_idle(renovate: Renovate) -> None:
    check_that_nothing_is_idle(renovate)


def test_nothing_in_the_template_s_own_configuration_is_idle(ours: Renovate) -> None:
    check_that_nothing_is_idle(ours)


def test_nothing_is_merged_by_itself_nor_on_the_day_it_appears(renovate: Renovate, ours: Renovate) -> None:
    for config in (renovate.config, ours.config):
        assert config["automerge"] is False
        assert not any("automerge" in rule for rule in config["packageRules"])
        assert int(config["minimumReleaseAge"].split()[0]) >= 3


def test_image_tags_are_left_to_the_pipeline(renovate: Renovate) -> None:
    assert not [path for _, path, *_ in renovate.found if "/overlays/" in path]
