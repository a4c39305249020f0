"""Scanners of the field find nothing in the code of any product that is not skipped in place, with its reason."""

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from tests import support
from tests.terraform import tools
from tests.terraform.roots import roots_of, shape

Rendered = Callable[[str], Path]
every_answer_set = pytest.mark.parametrize("answers", support.VALID)

# Runs checkov in each folder that it reads, in a process of its own, and says when the report is written. What takes most
# of a run, loading checkov, is done once.
_CHECKOV = """
import os, sys
from checkov.main import Checkov
for line in sys.stdin:
    folder, report = line.rstrip("\\n").split("\\t")
    child = os.fork()
    if not child:
        os.chdir(folder)
        os.dup2(os.open(report, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 1)
        try:
            Checkov(argv=sys.argv[1:]).run()
        finally:
            sys.stdout.flush()
            os._exit(0)
    os.waitpid(child, 0)
    print(report, flush=True)
"""


class Checkov:
    """Scans one folder after another."""

    def __init__(self, python: str, workspace: Path) -> None:
        # Its parser takes the argument `for` of an alert's rule for the keyword.
        what = ["--directory", ".", "--skip-path", "alert_rules.tf", "--framework", "terraform"]
        self._report = workspace / "report.json"
        self._process = subprocess.Popen(
            [python, "-c", _CHECKOV, *what, "--skip-download", "--quiet", "--output", "json"],
            cwd=workspace,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def scan(self, folder: Path) -> str:
        """Return what it finds, a line each."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._report.unlink(missing_ok=True)
        print(folder, self._report, sep="\t", file=self._process.stdin, flush=True)
        assert self._process.stdout.readline().rstrip("\n") == str(self._report), "checkov ended"
        said = self._report.read_text(encoding="utf-8")
        found = json.loads(said)
        assert found.get("summary", found).get("parsing_errors", 0) == 0, said
        failed = found.get("results", {}).get("failed_checks", [])
        return "\n".join(f"{check['check_id']} {check['file_path']} {check['check_name']}" for check in failed)

    def close(self) -> None:
        """End it."""
        self._process.communicate()


@pytest.fixture(scope="session")
def checkov(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkov]:
    """Checkov, loaded once."""
    try:
        python = tools.checkov()[0]
    except tools.ToolMissingError as error:
        pytest.fail(str(error), pytrace=False)
    running = Checkov(python, tmp_path_factory.mktemp("checkov"))
    yield running
    running.close()


@pytest.fixture(scope="session")
def scanned(checkov: Checkov) -> Callable[[str, Path, str], str]:
    """Scan a root by a tool, or remember what it said about one of the same shape."""

    @cache
    def tflint() -> list[str]:
        try:
            return [str(tools.tflint())]
        except tools.ToolMissingError as error:
            pytest.fail(str(error), pytrace=False)

    said: dict[tuple[str, str], str] = {}

    def scan(tool: str, product: Path, root: str) -> str:
        key = tool, f"{root}-{shape(product, root)}"
        if key not in said:
            folder = product / "terraform" / root
            said[key] = checkov.scan(folder) if tool == "checkov" else _tflint(tflint(), folder)
        return said[key]

    return scan


@every_answer_set
def test_checkov_finds_nothing(answers: str, rendered: Rendered, scanned: Callable[[str, Path, str], str]) -> None:
    for root in roots_of(answers):
        assert scanned("checkov", rendered(answers), root) == "", root


@every_answer_set
def test_tflint_finds_nothing(answers: str, rendered: Rendered, scanned: Callable[[str, Path, str], str]) -> None:
    for root in roots_of(answers):
        assert scanned("tflint", rendered(answers), root) == "", root


@every_answer_set
def test_every_skip_says_why(answers: str, rendered: Rendered) -> None:
    for path in rendered(answers).glob("terraform/*/*.tf"):
        for comment in re.findall(r"checkov:skip=.*", path.read_text(encoding="utf-8")):
            assert re.fullmatch(r"checkov:skip=CKV2?_AZURE_\d+: \S.{15,}", comment), f"{path}: {comment}"


def test_checkov_would_find_something(rendered: Rendered, checkov: Checkov, tmp_path: Path) -> None:
    code = (rendered("defaults") / "terraform" / "platform" / "registry.tf").read_text(encoding="utf-8")
    (tmp_path / "registry.tf").write_text(re.sub(r"admin_enabled( +)= false", r"admin_enabled\1= true", code))
    assert "CKV_AZURE_137" in checkov.scan(tmp_path)


def test_tflint_would_find_something(rendered: Rendered, tmp_path: Path) -> None:
    (tmp_path / "terraform.tf").write_text('variable "unused" {\n  type = string\n}\n')
    (tmp_path.parent / ".tflint.hcl").write_text((rendered("defaults") / "terraform" / ".tflint.hcl").read_text())
    assert "terraform_unused_declarations" in _tflint([str(tools.tflint())], tmp_path)


def _tflint(command: list[str], folder: Path) -> str:
    # The rules for azurerm are a plug-in that tflint downloads from GitHub: `tflint --init` in a product brings them.
    config = (folder.parent / ".tflint.hcl").read_text(encoding="utf-8")
    own = re.sub(r'\nplugin "azurerm" \{\n.*?\n\}\n', "", config, flags=re.DOTALL)
    assert own != config
    with_own = folder.parent / ".tflint.own.hcl"
    with_own.write_text(own, encoding="utf-8")
    try:
        done = subprocess.run(
            [*command, f"--config={with_own}", "--format=compact"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        with_own.unlink()
    return done.stdout + done.stderr
