"""Files that an update has left half-merged, and scripts that are called and not there."""

import os
import re
from collections.abc import Iterator

from .documents import Problem, Repository, configuration, conflict, is_ours

_TEXT = r".*[.](css|hcl|html|js|json|md|py|sh|sql|tf|tfvars|toml|txt|ya?ml|Jenkinsfile)|(.*/)?(Dockerfile|Makefile)"
_SCRIPT = re.compile(r"(?<![\w./:$}-])(?:\./)?(?P<path>scripts/[\w-]+)(?![\w./$*{-])")
# What is before a command, and not before what another program reads.
_COMMAND = re.compile(r"""(?:^|[;&|(@!"'`-]|\b(?:run:|then|do|xargs)) *$""")
# What runs a command of another machine, or of an image, or shows it; and steps in another folder or repository.
_ELSEWHERE = re.compile(r"\b(?:docker|kubectl|podman|ssh) .*|\$[({]\w+[)}] (?:exec|run) .*|\b(?:echo|printf) [^|;&]*")
_FOLDER = re.compile(r"^ +(?:- )?(?:working-directory|repository):|\{ *working-directory:", re.MULTILINE)
# What a workflow names and does not call.
_NAMED = re.compile(r"""\s*(?:- *["'!]*scripts/|paths?(?:-ignore)?: )|.*hashFiles\(""")
# What calls scripts; what people write about them is none.
_CALLERS = r"Makefile|([\w/]+[./])?Jenkinsfile|\.github/(workflows|actions)/.*(?<![.]md)|scripts/[\w-]+"


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
    """Check every script that is named."""
    for path in repository.files:
        if re.fullmatch(_CALLERS, path) and not (path.startswith(".github/") and _FOLDER.search(repository.text(path))):
            before = ""  # What a backslash continues.
            for number, line in enumerate(repository.text(path).splitlines(), 1):
                continued, before = before, f"{before}{line}" if line.endswith("\\") else ""
                named = path.startswith(".github/") and _NAMED.match(line)
                if "scripts/" not in line or named or _ELSEWHERE.search(continued):
                    continue
                here = _ELSEWHERE.sub("", line.partition("# ")[0])  # Comments may name what is not there yet.
                for script in _SCRIPT.finditer(here):
                    run = bool(_COMMAND.search(here[: script.start()].strip("\t")))
                    yield from _check_call(repository, path, number, script["path"], run)


def _check_call(repository: Repository, path: str, number: int, script: str, run: bool) -> Iterator[Problem]:
    where = os.path.join(repository.root, script)
    if not os.path.exists(where):
        if repository.matching(rf".+/{script}"):  # It may be called in another folder.
            return
        yield Problem(path, number, f"calls {script}, which does not exist: add it or fix the name")
    elif run and repository.text(script).startswith("#!") and not os.access(where, os.X_OK):
        if f"chmod +x {script}" in repository.text(path):
            return
        yield Problem(path, number, f"calls {script}, which is not executable: chmod +x {script}")
