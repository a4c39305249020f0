"""What can go wrong in an update, and what is left then: always what was there before, or the whole merged tree."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from tests import support
from tests.life import history, lives
from tests.life.conftest import Recorded
from tests.life.history import LATER, OLDER, THIS
from tests.life.test_lives import plain


def branch(versions: Path, folder: Path) -> Path:
    """Give a copy of the template to which a test adds a version of its own."""
    template = shutil.copytree(versions, folder / "template")
    support.git("checkout", "-q", "-B", "mine", THIS, cwd=template)
    return template


def test_work_that_is_not_committed_is_refused_in_one_line(begun: lives.Begun, record: Recorded) -> None:
    life = begun(THIS)
    (life.product / "notes.txt").write_text("mine\n", encoding="utf-8")
    for arguments in ((), ("--branch",), ("--data=size=production",)):
        done = life.update(*arguments)
        assert done.returncode == 1
        assert done.stderr == (
            "template-update: notes.txt is not committed: commit it, or `git stash --include-untracked`\n"
        )
    assert (life.product / "notes.txt").read_text(encoding="utf-8") == "mine\n"
    record("Work that is not committed, new files too", "refused in one line, untouched")


@pytest.mark.parametrize(
    ("how", "after"),
    [(signal.SIGINT, 0.8), (signal.SIGTERM, 0.2), (signal.SIGKILL, 0.5), (signal.SIGKILL, 1.5)],
    ids=["Ctrl-C", "SIGTERM", "SIGKILL", "SIGKILL later"],
)
def test_an_update_that_is_ended_half_way_leaves_all_as_it_was(
    how: signal.Signals, after: float, begun: lives.Begun, tmp_path: Path, record: Recorded
) -> None:
    life = begun(OLDER)
    life.edit_everything()
    before = life.git("rev-parse", "HEAD")
    update = subprocess.Popen(
        [sys.executable, "scripts/template-update", "--to", THIS],
        cwd=life.product,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PATH": support.TOOLS_FIRST, "TMPDIR": str(tmp_path)},
    )
    # The merge has begun where it has its folder.
    until = time.monotonic() + 60
    while not list(tmp_path.glob("template-update-*")) and time.monotonic() < until:
        time.sleep(0.01)
    time.sleep(after)
    update.send_signal(how)
    assert update.wait() != 0
    assert life.git("status", "--porcelain") == ""
    assert (life.git("rev-parse", "HEAD"), life.lost()) == (before, [])
    if how != signal.SIGKILL:
        assert "interrupted; nothing has changed here" in (update.stderr.read() if update.stderr else "")
        assert not list(tmp_path.glob("template-update-*"))
    # The next one works, and clears up.
    assert life.update("--to", THIS, TMPDIR=str(tmp_path)).returncode == 0
    assert life.lost() == []
    assert len(life.git("worktree", "list").splitlines()) == 1
    assert not list(tmp_path.glob("template-update-*"))
    record("Ctrl-C, SIGTERM, SIGKILL in the middle", "nothing has changed; the next run works and clears up")


def test_a_template_that_fails_leaves_all_as_it_was(versions: Path, tmp_path: Path, record: Recorded) -> None:
    template = branch(versions, tmp_path)
    readme = template / "template" / "README.md.jinja"
    readme.write_text(readme.read_text(encoding="utf-8") + "#{ nobody_knows }#\n", encoding="utf-8")
    history.release(template, "v1003.0.0")
    life = lives.begin(lives.generate(template, THIS, tmp_path / "made", {}), tmp_path)
    life.edit_everything()
    done = life.update("--to", "v1003.0.0")
    assert done.returncode == 1
    assert done.stderr == "template-update: 'nobody_knows' is undefined. Nothing has changed here\n"
    assert (life.git("status", "--porcelain"), life.lost()) == ("", [])
    record("The newer version does not render", "one line; nothing has changed")


def spoilt(versions: Path, tmp_path: Path) -> lives.Life:
    """Give a repository for which a newer version needs what was deleted here."""
    template = branch(versions, tmp_path)
    makefile = template / "template" / "Makefile.jinja"
    text = makefile.read_text(encoding="utf-8")
    makefile.write_text(f"{text}\n.PHONY: ours\nours: ## Ours\n\t@scripts/history dev\n", encoding="utf-8")
    history.release(template, "v1003.0.0")
    life = lives.begin(lives.generate(template, THIS, tmp_path / "made", {}), tmp_path)
    (life.product / "scripts" / "history").unlink()
    own = life.product / "Makefile"
    own.write_text(own.read_text(encoding="utf-8").replace("\t@scripts/history", "\t@git log #"), encoding="utf-8")
    life.edits["scripts/history"] = None
    life.edits["Makefile"] = "\t@git log #"
    life.commit()
    return life


def test_what_the_checks_find_in_the_merged_tree_is_said_and_the_tree_stays(
    versions: Path, tmp_path: Path, record: Recorded
) -> None:
    life = spoilt(versions, tmp_path)
    done = life.update("--to", "v1003.0.0")
    assert done.returncode == 1
    assert "Merged but not valid; fix what follows, then `make validate`:" in done.stdout
    assert "Makefile:" in done.stdout
    assert "calls scripts/history, which does not exist: add it or fix the name" in done.stdout
    assert "ours: ## Ours" in (life.product / "Makefile").read_text(encoding="utf-8")
    assert life.lost() == []
    record("The merged tree is not valid", "merged all the same; what to fix is said")


def test_the_hook_leaves_the_merged_tree_to_plain_copier_too_and_runs_once(versions: Path, tmp_path: Path) -> None:
    life = spoilt(versions, tmp_path)
    done = plain(life, "v1003.0.0")
    assert done.returncode == 1
    assert done.stderr.count("The update is merged but not valid: fix the above, then run `make validate`.") == 1
    assert done.stderr.count("hooks/post_generation.py") <= 2  # Copier names it when it runs and when it fails.
    assert life.lost() == []


def test_conflicts_are_named_before_what_they_make_unreadable(begun: lives.Begun, record: Recorded) -> None:
    life = begun(THIS)
    path = life.app / "base" / "backend" / "deployment.yaml"
    life.replace(path, "revisionHistoryLimit: 5", "revisionHistoryLimit: 9")
    before = life.commit()
    done = plain(life, LATER)
    assert done.returncode == 1
    assert "The update conflicts with your changes." in done.stderr
    assert "  apps/goal-tracker/base/backend/deployment.yaml\n" in done.stderr
    assert "not valid" not in done.stderr
    life.git("reset", "-q", "--hard", before)
    record("A conflict that makes YAML unreadable", "the conflict is named, not the parse error")


def test_a_new_commit_meanwhile_is_not_overwritten(begun: lives.Begun, tmp_path: Path, record: Recorded) -> None:
    life = begun(THIS)
    slow = tmp_path / "bin"
    slow.mkdir()
    (slow / "copier").write_text(
        f'#!/bin/sh\n[ "$1" = update ] && echo mine >"{life.product}/notes.txt"\nexec "{Path(sys.executable).parent}/copier" "$@"\n',
        encoding="utf-8",
    )
    (slow / "copier").chmod(0o755)
    done = life.update("--to", LATER, PATH=f"{slow}:{support.TOOLS_FIRST}")
    assert done.returncode == 1
    assert "notes.txt is not committed" in done.stderr
    assert life.git("status", "--porcelain") == "?? notes.txt"
    record("Somebody works here while the update runs", "refused, untouched")


@pytest.mark.parametrize("there", ["", "9.3.1"])
def test_the_version_that_is_updated_to_brings_its_copier_where_there_is_none(
    there: str, versions: Path, tmp_path: Path, record: Recorded
) -> None:
    template, wheels = branch(versions, tmp_path), tmp_path / "wheels"
    wheels.mkdir()
    wheel = wheels / "copier-9.99.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as file:
        real = str(Path(sys.executable).parent / "copier")
        file.writestr("copier/__main__.py", f"import os, sys\nos.execv({real!r}, [{real!r}, *sys.argv[1:]])\n")
        file.writestr("copier-9.99.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: copier\nVersion: 9.99.0\n")
        file.writestr("copier-9.99.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr("copier-9.99.0.dist-info/RECORD", "")
    pin = f"copier==9.99.0 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"
    (template / "requirements").mkdir(exist_ok=True)
    (template / "requirements" / "new.txt").write_text(pin, encoding="utf-8")
    history.release(template, "v1003.0.0")
    life = lives.begin(lives.generate(template, THIS, tmp_path / "made", {}), tmp_path)
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("basename", "cat", "git", "rm", "sed", "sh", "tr", "uname"):
        (programs / name).symlink_to(shutil.which(name) or name)
    if there:
        (programs / "copier").write_text(f"#!/bin/sh\necho copier {there}\n", encoding="utf-8")
        (programs / "copier").chmod(0o755)
    offline = {"PATH": str(programs), "PIP_NO_INDEX": "1"}
    done = life.update(**offline)
    assert (done.returncode, life.git("status", "--porcelain")) == (1, "")
    assert done.stderr.startswith("template-update: install Copier 9.19.1 or newer: it can't be installed here (")

    assert "files changed, staged" in life.update(**offline, PIP_FIND_LINKS=str(wheels)).stdout
    life.git("reset", "-q", "--hard")
    again = life.update(**offline).stdout
    assert "files changed, staged" in again
    assert "Installing" not in again
    record("Copier is not installed, or too old", "the one that the newer version pins is installed")


def test_without_trust_a_product_is_generated_and_checked_by_hand_but_not_updated(
    versions: Path, tmp_path: Path, record: Recorded
) -> None:
    command: list[str | Path] = [
        "copier",
        "copy",
        "--skip-tasks",
        "--defaults",
        "--quiet",
        f"--vcs-ref={THIS}",
        versions,
    ]
    done = support.run(*command, tmp_path / "made", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    life = lives.begin(tmp_path / "made", tmp_path)
    assert life.run("scripts/validate", "--no-tools").returncode == 0
    done = support.run("copier", "update", "--skip-tasks", "--defaults", f"--vcs-ref={LATER}", cwd=life.product)
    assert done.returncode == 4
    assert life.git("status", "--porcelain") == ""
    # An organisation's list of what it trusts stands for --trust.
    settings = tmp_path / "settings.yml"
    settings.write_text(f"trust:\n  - {versions}\n", encoding="utf-8")
    done = support.run(
        "copier", "update", "--defaults", f"--vcs-ref={LATER}", cwd=life.product, COPIER_SETTINGS_PATH=str(settings)
    )
    assert done.returncode == 0, done.stderr
    record("Without `--trust`: `copier copy --skip-tasks`", "works; `scripts/validate` by hand")
    record(
        "Without `--trust`: `copier update`", "refused by Copier, unless the template is in the list of trusted ones"
    )


@pytest.mark.parametrize("place", ["NOTES.md", "NOTES.md/mine", "docs/mine"])
def test_what_git_ignores_here_is_not_overwritten(place: str, versions: Path, tmp_path: Path, record: Recorded) -> None:
    template = branch(versions, tmp_path)
    for path in ("NOTES.md", "docs/mine/notes.md"):
        (template / "template" / path).parent.mkdir(exist_ok=True)
        (template / "template" / path).write_text("# Notes\n", encoding="utf-8")
    history.release(template, "v1003.0.0")
    life = lives.begin(lives.generate(template, THIS, tmp_path / "made", {}), tmp_path)
    (life.product / ".git" / "info" / "exclude").write_text(f"{place}\n", encoding="utf-8")
    own = life.product / place
    own.parent.mkdir(exist_ok=True)
    own.write_text("mine\n", encoding="utf-8")
    done = life.update("--to", "v1003.0.0")
    assert (done.returncode, life.git("status", "--porcelain")) == (1, "")
    where = "docs/mine" if place == "docs/mine" else "NOTES.md"
    assert done.stderr == (
        f"template-update: {where} is ignored by git and in the way of a new file: move it away, then update again\n"
    )
    assert own.read_text(encoding="utf-8") == "mine\n"
    record("A file that git ignores is in the way of a new one", "refused in one line, untouched")


def test_names_that_copier_does_not_take_are_told(versions: Path, tmp_path: Path) -> None:
    template = branch(versions, tmp_path)
    (template / "template" / "notes").mkdir()
    (template / "template" / "notes" / "one.md").write_text("# One\n", encoding="utf-8")
    history.release(template, "v1003.0.0")
    life = lives.begin(lives.generate(template, THIS, tmp_path / "made", {}), tmp_path)
    (life.product / "notes").write_text("mine\n", encoding="utf-8")
    life.commit()
    done = life.update("--to", "v1003.0.0")
    assert (done.returncode, done.stderr) == (
        1,
        "template-update: [Errno 17] File exists: 'notes'. Nothing has changed here\n",
    )
    (life.product / "notes").unlink()
    picture = life.product / "docs" / "loop.svg"
    picture.unlink()
    picture.mkdir()
    (picture / "one").write_text("mine\n", encoding="utf-8")
    life.commit()
    done = life.update("--to", "v1003.0.0")
    cure = "a folder here has the name of a file of the template: rename it, and commit"
    assert (done.returncode, done.stderr) == (1, f"template-update: {cure}. Nothing has changed here\n")
    shutil.rmtree(picture)
    (life.product / "caf\udce9").write_text("mine\n", encoding="utf-8")
    life.commit()
    done = life.update("--to", "v1003.0.0")
    cure = "the name of a file here is not in UTF-8: rename it, and commit"
    assert (done.returncode, done.stderr) == (1, f"template-update: {cure}. Nothing has changed here\n")


def test_an_address_that_only_git_knows_for_a_repository_is_told(
    begun: lives.Begun, versions: Path, record: Recorded
) -> None:
    life = begun(THIS)
    for file in (".copier-answers.yml", "scripts/updates/origin.yaml"):
        life.replace(life.product / file, f"_src_path: {versions}", f"_src_path: file://{versions}")
    life.commit()
    done = life.update("--to", LATER)
    assert (done.returncode, done.stderr) == (
        1,
        f"template-update: Copier takes the template for no Git repository, file://{versions}: write git+ before it in "
        ".copier-answers.yml and scripts/updates/origin.yaml\n",
    )
    for file in (".copier-answers.yml", "scripts/updates/origin.yaml"):
        life.replace(life.product / file, f"file://{versions}", f"git+file://{versions}")
    life.commit()
    done = life.update("--to", LATER)
    assert (done.returncode, done.stderr) == (0, "")
    record("The template moves to an address that Copier does not know for a repository", "said with its cure")


def test_what_is_wrong_with_a_command_is_one_line(begun: lives.Begun, versions: Path) -> None:
    life = begun(THIS)
    refused = life.update("--data", "size")
    assert (refused.returncode, refused.stderr) == (
        1,
        "template-update: --data size: give it as --data QUESTION=ANSWER\n",
    )
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "scripts/template-update", "--check"]
        done = subprocess.run(command, cwd=life.product, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "template-update: [Errno 28] No space left on device\n")
    refused = life.update(
        "--check", GIT_CONFIG_COUNT="1", GIT_CONFIG_KEY_0="protocol.allow", GIT_CONFIG_VALUE_0="never"
    )
    assert refused.stderr.startswith(f"template-update: the template {versions} can't be read: check the network")
