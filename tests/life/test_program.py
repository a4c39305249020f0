"""Whose program makes an update: that of the version that is updated to, from the one address that is trusted."""

import shutil
from pathlib import Path

import pytest

from tests import support
from tests.life import history, lives
from tests.life.history import LATER, THIS
from tests.life.test_failures import branch

_COMMAND = "hooks/updates/command.py"


def spoken(template: Path, word: str) -> None:
    """Make a template's program say a word."""
    history.edit(template, _COMMAND, ("_NEWER = 3\n", f"_NEWER = 3\nprint({word!r})\n"))


@pytest.fixture
def two(versions: Path, tmp_path: Path) -> lives.Life:
    """A product of a version whose template has a newer one, with a program that speaks in each."""
    template = branch(versions, tmp_path)
    for tag, word in (("v1003.0.0", "FIRST"), ("v1004.0.0", "SECOND")):
        support.git("checkout", "-q", THIS, "--", _COMMAND, cwd=template)
        spoken(template, word)
        history.release(template, tag)
    return lives.begin(lives.generate(template, "v1003.0.0", tmp_path / "made", {}), tmp_path)


def test_the_version_that_is_updated_to_brings_the_program(two: lives.Life) -> None:
    done = two.update("--branch")
    assert (done.returncode, done.stderr) == (0, "")
    assert "SECOND\n" in done.stdout
    assert "FIRST" not in done.stdout


def test_who_only_looks_runs_nothing_of_a_newer_version(two: lives.Life) -> None:
    done = two.update("--check")
    assert (done.returncode, done.stdout.splitlines()[:2]) == (3, ["FIRST", "Template v1003.0.0 -> v1004.0.0"])
    assert "SECOND" not in done.stdout


@pytest.mark.parametrize("arguments", [(), ("--check",), ("--data", "size=production"), ("--to", LATER)])
def test_nothing_of_a_template_at_another_address_is_run(
    arguments: tuple[str, ...], begun: lives.Begun, versions: Path, tmp_path: Path
) -> None:
    life = begun(THIS)
    other = shutil.copytree(versions, tmp_path / "other")
    spoken(other, "PLANTED")
    history.release(other, "v1003.0.0")
    life.replace(life.product / ".copier-answers.yml", str(versions), str(other))
    life.commit()
    done = life.update(*arguments)
    assert done.returncode == 1
    assert done.stderr.startswith("template-update: .copier-answers.yml: _src_path is not the address in")
    assert done.stdout == ""
    assert not (life.product / ".git" / "template-update.git").exists()


def test_an_older_starter_lets_no_other_address_through(begun: lives.Begun, tmp_path: Path) -> None:
    life = begun(THIS)
    life.replace(life.product / "scripts/gitops/template.py", "if not _is_as_written(", "if not str(")
    with (life.product / ".copier-answers.yml").open("a", encoding="utf-8") as answers:
        answers.write(f'"_src_path": {tmp_path}/other\n')
    life.commit()
    done = life.update("--data", "size=production")
    assert (done.returncode, done.stdout) == (1, "")
    assert "template-update: .copier-answers.yml is not as Copier writes it" in done.stderr


def test_a_version_from_before_it_had_a_program_is_older(versions: Path, tmp_path: Path) -> None:
    template = branch(versions, tmp_path)
    shutil.rmtree(template / "hooks" / "updates")
    history.release(template, "v0.0.2")
    life = lives.begin(lives.generate(template, THIS, tmp_path / "made", {}), tmp_path)
    assert life.update("--to", "v0.0.2").stderr == (
        f"template-update: v0.0.2 is older than {THIS}: the template can't go back\n"
    )
