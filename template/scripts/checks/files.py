"""Files that an update has left half-merged, and scripts that are called and not there."""

import os
import re
from collections.abc import Iterator

from .documents import Problem, Repository, configuration, conflict, is_ours

_TEXT = r".*[.](css|hcl|html|js|json|md|py|sh|sql|tf|tfvars|toml|txt|ya?ml|Jenkinsfile)|(.*/)?(Dockerfile|Makefile)"
# A script at the place of a command: of a line, or behind what begins one in it.
_CALL = re.compile(
    r"""(?m)(?:(?:^[ \t]*[@-]?|! |\b(?:run:|then|do|xargs) )["']?|\bsh[ (]+['"]|[;&|(] *)(?:\./)?"""
    r"""(scripts/[\w-]+)(?![\w./$*{:-])"""
)
# What runs a command of another machine, or of an image.
_ELSEWHERE = re.compile(r"\b(?:docker|kubectl|podman|ssh) .*|\$[({]\w+[)}] (?:exec|run) .*")
_FOLDER = re.compile(r"^ +(?:- )?(?:working-directory|repository):|\{ *working-directory:", re.MULTILINE)
# What calls scripts; what people write about them is none.
_CALLERS = r"Makefile|(?:[\w/]+[./])?Jenkinsfile|\.github/(?:workflows|actions)/.*(?<![.]md)|scripts/[\w-]+"


def inspect(repository: Repository) -> Iterator[Problem]:
    """Look at every file by itself. Texts of ConfigMaps may show a conflict; an update's own is one there too."""
    shown = {path for path in configuration(repository) if "<<<<<<< before updating\n" not in repository.text(path)}
    for path in repository.files:
        elsewhere = "/" in path and not (is_ours(path) or path.startswith(("docs/", "src/")))
        if path in shown or elsewhere or not re.fullmatch(f"{_TEXT}|scripts/[^.]+", path):
            continue
        if found := conflict(path, repository.text(path)):
            yield found


def check(repository: Repository) -> Iterator[Problem]:
    """Check that every script which is called is there, and can be run."""
    for path in repository.matching(_CALLERS):
        text = repository.text(path).replace("\\\n", "  ")  # Of the same length.
        if path.startswith(".github/") and _FOLDER.search(text):
            continue
        for call in _CALL.finditer(_ELSEWHERE.sub(lambda words: " " * len(words[0]), text)):
            script, number = call[1], repository.text(path).count("\n", 0, call.start(1)) + 1
            prepared = re.search(rf"(?m)(?:-[efox]|\+x) {script}\b|^{script}:", text)  # Made before, or asked for.
            where = os.path.join(repository.root, script)
            if prepared:
                continue
            if not os.path.exists(where) and not repository.matching(rf".+/{script}"):  # As seen from another folder.
                yield Problem(path, number, f"calls {script}, which does not exist: add it or fix the name")
            elif repository.text(script).startswith("#!") and not os.access(where, os.X_OK):
                yield Problem(path, number, f"calls {script}, which is not executable: chmod +x {script}")
