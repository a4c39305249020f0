"""Whose program makes an update: that of the version that is updated to, from the one address that is trusted."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests import support
from tests.life import history, lives
from tests.life.history import LATER, NEXT, OLDER, THIS
from tests.life.test_failures import branch
from tests.life.test_lives import plain

# As Python has it in most languages: a byte that is no letter is an error.
UTF_8 = {"PYTHONIOENCODING": "utf-8:strict"}
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


def test_the_edits_are_a_patch_of_what_the_template_made(begun: lives.Begun) -> None:
    life = begun(THIS)
    done = life.update("--edits")
    assert (done.returncode, done.stdout) == (0, f"Every file of the template {THIS} is as it was made\n")
    made = life.git("rev-parse", "HEAD^{tree}")
    life.bump_everywhere()
    with (life.product / "Makefile").open("a", encoding="utf-8") as file:
        file.write("\nmine:\n\t@true\n")
    (life.product / "docs" / "loop.svg").write_bytes(b"\0\1")
    (life.product / "docs" / "services.md").unlink()
    (life.product / "docs" / "operations.md").write_bytes(b"caf\xe9\n")
    (life.product / "docs" / "mine.md").write_text("Mine\n", encoding="utf-8")
    life.commit()
    for setting in ("color.diff=always", "diff.noprefix=true"):  # Of people's own, for what they look at.
        life.git("config", *setting.split("="))
    life.replace(life.product / "README.md", "# ", "#  ")  # What is not committed is none of it.
    before = life.git("diff", "HEAD")
    command = [sys.executable, "scripts/template-update", "--edits"]
    patch = subprocess.run(command, cwd=life.product, capture_output=True, check=True, env=os.environ | UTF_8).stdout
    assert life.git("diff", "HEAD") == before
    life.git("checkout", "-q", "--", ".")
    (life.product.parent / "edits.patch").write_bytes(patch)
    life.git("apply", "--reverse", "--index", "../edits.patch")
    assert life.git("diff", "--cached", "--name-only", made, "--", ".", ":!*/imagetags/*").splitlines() == [
        "docs/mine.md"
    ]


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


def recorded(life: lives.Life) -> str:
    """Return the commit that a product records."""
    origin = yaml.safe_load((life.product / "scripts" / "updates" / "origin.yaml").read_text(encoding="utf-8"))
    return str(origin.get("commit", ""))


def test_each_update_records_the_commit_that_it_brings(begun: lives.Begun, versions: Path, tmp_path: Path) -> None:
    life, commits = begun(OLDER), []
    assert recorded(life) == ""
    for arguments in (("--to", THIS), ("--data", "monitoring=true"), ("plain", NEXT), ()):
        done = plain(life, NEXT) if "plain" in arguments else life.update(*arguments)
        assert (done.returncode, life.conflicts()) == (0, []), done.stdout + done.stderr
        commits.append(recorded(life))
        if len(commits) == 1:
            # Moved by hand, as the comment in the file says.
            shutil.copytree(versions, tmp_path / "other")
            for file in (".copier-answers.yml", "scripts/updates/origin.yaml"):
                life.replace(life.product / file, str(versions), str(tmp_path / "other"))
        life.commit()
    assert commits == [support.git("rev-parse", tag, cwd=versions) for tag in (THIS, THIS, NEXT, LATER)]


@pytest.mark.parametrize("arguments", [(), ("--check",), ("--data", "size=production"), ("--to", LATER)])
def test_nothing_of_a_tag_that_was_moved_is_run(arguments: tuple[str, ...], versions: Path, tmp_path: Path) -> None:
    template = branch(versions, tmp_path)
    life = lives.begin(lives.generate(template, THIS, tmp_path / "made", {}), tmp_path)
    spoken(template, "PLANTED")
    for tag in (THIS, LATER):
        support.git("tag", "--delete", tag, cwd=template)
        history.release(template, tag)
    done = life.update(*arguments)
    assert (done.returncode, done.stdout) == (1, "")
    named = support.git("rev-parse", THIS, cwd=template)
    assert f"the version {THIS} in .copier-answers.yml is {named} of the template, and not " in done.stderr
    assert life.git("status", "--porcelain") == ""


def test_an_older_starter_lets_no_moved_tag_through(versions: Path, tmp_path: Path) -> None:
    template = branch(versions, tmp_path)
    life = lives.begin(lives.generate(template, THIS, tmp_path / "made", {}), tmp_path)
    support.git("tag", "--force", THIS, NEXT, cwd=template)
    life.replace(life.product / "scripts/gitops/template.py", '_value(_ORIGIN, "commit") or named', "named")
    life.commit()
    done = life.update("--to", LATER)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"the version {THIS} in .copier-answers.yml is " in done.stderr


@pytest.mark.parametrize("move", [False, True], ids=["before the update", "while it goes on"])
def test_an_update_needs_no_tag_but_the_commits(move: bool, versions: Path, tmp_path: Path) -> None:
    """Copier asks the server once more: what a tag names by then does not matter."""
    template = branch(versions, tmp_path)
    life = lives.begin(lives.generate(template, THIS, tmp_path / "made", {}), tmp_path)
    commit = support.git("rev-parse", LATER, cwd=template)
    slow, script = tmp_path / "bin" / "copier", f"git -C {template} tag --delete {THIS}"
    if move:
        spoken(template, "PLANTED")
        history.release(template, "planted")
        script += f" && git -C {template} tag --force {LATER} planted && git -C {template} tag --force {THIS} planted"
    else:
        support.git("tag", "--delete", THIS, cwd=template)
        script = "true"
    slow.parent.mkdir()
    real = Path(sys.executable).parent / "copier"
    slow.write_text(f'#!/bin/sh\n[ "$1" = update ] && {script} >&2\nexec "{real}" "$@"\n', encoding="utf-8")
    slow.chmod(0o755)
    done = life.update("--to", LATER, PATH=f"{slow.parent}:{support.TOOLS_FIRST}")
    assert (done.returncode, life.conflicts()) == (0, []), done.stdout + done.stderr
    assert recorded(life) == commit


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
