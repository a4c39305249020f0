"""Scanners of the field find nothing in the code of any product that is not skipped in place, with its reason."""

import json
import re
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests import support
from tests.terraform import tools
from tests.terraform.roots import roots_of, shape

Rendered = Callable[[str], Path]
every_answer_set = pytest.mark.parametrize("answers", support.VALID)


@pytest.fixture(scope="session")
def scanned() -> Callable[[str, Path, str], str]:
    """Scan a root by a tool, or remember what it said about one of the same shape."""

    @cache
    def command(tool: str) -> list[str]:
        try:
            return tools.checkov() if tool == "checkov" else [str(tools.tflint())]
        except tools.ToolMissingError as error:
            pytest.fail(str(error), pytrace=False)

    said: dict[tuple[str, str], str] = {}

    def scan(tool: str, product: Path, root: str) -> str:
        key = tool, f"{root}-{shape(product, root)}"
        if key not in said:
            folder = product / "terraform" / root
            run = _checkov if tool == "checkov" else _tflint
            said[key] = run(command(tool), folder)
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


def test_checkov_would_find_something(rendered: Rendered, tmp_path: Path) -> None:
    code = (rendered("defaults") / "terraform" / "platform" / "registry.tf").read_text(encoding="utf-8")
    (tmp_path / "registry.tf").write_text(re.sub(r"admin_enabled( +)= false", r"admin_enabled\1= true", code))
    assert "CKV_AZURE_137" in _checkov(tools.checkov(), tmp_path)


def test_tflint_would_find_something(rendered: Rendered, tmp_path: Path) -> None:
    (tmp_path / "terraform.tf").write_text('variable "unused" {\n  type = string\n}\n')
    (tmp_path.parent / ".tflint.hcl").write_text((rendered("defaults") / "terraform" / ".tflint.hcl").read_text())
    assert "terraform_unused_declarations" in _tflint([str(tools.tflint())], tmp_path)


def _checkov(command: list[str], folder: Path) -> str:
    # Its parser takes the argument `for` of an alert's rule for the keyword.
    what = ["--directory", ".", "--skip-path", "alert_rules.tf", "--framework", "terraform"]
    done = subprocess.run(
        [*command, *what, "--skip-download", "--quiet", "--output", "json"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    found = json.loads(done.stdout)
    assert found.get("summary", {}).get("parsing_errors", 0) == 0, done.stdout
    failed = found.get("results", {}).get("failed_checks", [])
    return "\n".join(f"{check['check_id']} {check['file_path']} {check['check_name']}" for check in failed)


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
