"""One program applies the infrastructure everywhere, in one version that the code accepts."""

import re
from collections.abc import Iterator

from .documents import Problem, Repository

_CALLERS = re.compile(r"Makefile|(.*/)?([\w-]+[.])?Jenkinsfile|[.]github/(workflows|actions)/.*|scripts/[\w-]+")
_CALL = re.compile(
    r"(?:^|[\s;&|(])(?P<name>terraform|tofu) (?:-chdir\S*|init|plan|apply|test|fmt|validate|output|import)\b"
)
_VERSION = re.compile(r"^\s*(?:- )?(?:terraform|tofu)_version: *[\"']?(?P<version>\d[\w.]*)", re.MULTILINE)
_REQUIRED = re.compile(r'^\s*required_version\s*=\s*">= *(?P<least>[\d.]+)"', re.MULTILINE)
_FILE = ".opentofu-version"


def check(repository: Repository) -> Iterator[Problem]:
    """Check who calls which program, and in which version."""
    ours, other = ("tofu", "terraform") if repository.exists(_FILE) else ("terraform", "tofu")
    versions = [(_FILE, 1, repository.text(_FILE).strip())] if repository.exists(_FILE) else []
    for path in repository.files:
        if not _CALLERS.fullmatch(path):
            continue
        text = repository.text(path)
        found = _VERSION.finditer(text)
        versions += [(path, _line(text, match.start("version")), match["version"]) for match in found]
        for number, words in enumerate(text.splitlines(), 1):
            call = _CALL.search(words.partition("# ")[0])
            if call and call["name"] == other:
                yield Problem(path, number, f"calls {other}, but the code here is applied by {ours}: write {ours}")
    for path, line, version in versions[1:]:
        if version != versions[0][2]:
            where = f"{versions[0][0]} has {versions[0][2]}"
            yield Problem(path, line, f"is version {version}, but {where}: make them the same")
    yield from _check_required(repository, versions)


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def _numbers(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)]


def _check_required(repository: Repository, versions: list[tuple[str, int, str]]) -> Iterator[Problem]:
    for path in repository.files:
        if re.fullmatch(r"terraform/.*[.]tf", path):
            text = repository.text(path)
            for match in _REQUIRED.finditer(text):
                if versions and _numbers(match["least"]) > _numbers(versions[0][2]):
                    what = f"wants {match['least']} or newer, but {versions[0][0]} has {versions[0][2]}"
                    yield Problem(path, _line(text, match.start("least")), f"{what}: raise that, or lower this")
