"""Repositories that were deployed to and edited take over what is new."""

import shutil
import time
from pathlib import Path

import copier
import pytest

from tests import support
from tests.life import history, lives
from tests.life.conftest import Generated, Recorded
from tests.life.history import LATER, NEXT, OLDER, TERRAFORM_TESTS, THIS
from tests.life.lives import Life

BEFORE = [OLDER, *history.released()]
LIVED = [
    "defaults",
    "cluster-per-environment",
    "gateway-with-two-environments",
    "jenkins-with-acr-on-gitlab",
    "own-images-on-ghcr-without-database",
    "production-database-of-azure-with-opentofu",
]
# Sets that differ in the files they have.
COMPARED = [
    *LIVED,
    "acr-without-any-secret",
    "cluster-per-environment-on-ghcr-with-opentofu",
    "gateway-with-one-environment",
    "goal-tracker-on-docker-hub",
    "jenkins-with-docker-hub-and-one-environment",
    "jenkins-with-own-images",
]


def named(version: str) -> str:
    """Return how a version is called in the table."""
    return {OLDER: "an older version", NEXT: "a newer one", LATER: "the one after"}.get(version, version)


@pytest.mark.parametrize("name", LIVED)
@pytest.mark.parametrize("version", BEFORE)
def test_bumps_and_edits_outlive_an_update_without_a_conflict(
    version: str, name: str, begun: lives.Begun, record: Recorded
) -> None:
    life = begun(version, name)
    life.bump_everywhere()
    life.edit_everything()
    done = life.update("--to", THIS) if version == OLDER else plain(life, THIS)
    assert done.returncode == 0, done.stdout + done.stderr
    assert life.conflicts() == []
    assert life.lost() == []
    deployment = next(life.app.glob("base/*/deployment.yaml"))
    assert "revisionHistoryLimit: 5" in deployment.read_text(encoding="utf-8")
    assert life.run("scripts/validate", "--no-tools").returncode == 0
    record(
        f"From {named(version)} to this one: tags bumped in every environment, a limit, a variable, an object, a service "
        f"of one's own, a file deleted ({name})",
        "no conflict, nothing lost, valid",
    )


def plain(life: Life, version: str = THIS, *arguments: str) -> lives.Done:
    """Update as Copier's own documentation says."""
    return support.run(
        "copier", "update", "--trust", "--defaults", f"--vcs-ref={version}", *arguments, cwd=life.product
    )


@pytest.mark.parametrize("name", COMPARED)
def test_updated_without_edits_equals_freshly_generated(
    name: str, begun: lives.Begun, generated: Generated, record: Recorded
) -> None:
    life = begun(OLDER, name, region="westeurope")
    size = {key: value for key, value in support.answers(name).items() if key == "size"}
    copier.run_update(
        life.product, data=size, defaults=True, unsafe=True, quiet=True, overwrite=True, skip_tasks=True, vcs_ref=THIS
    )
    assert lives.difference(life.product, generated(THIS, name, region="westeurope")) == []
    record(f"From an older version, without edits ({len(COMPARED)} answer sets)", "equals a fresh product")


@pytest.mark.parametrize("version", history.released())
def test_updated_from_a_release_without_edits_equals_freshly_generated(
    version: str, begun: lives.Begun, generated: Generated, record: Recorded
) -> None:
    life = begun(version)
    assert plain(life).returncode == 0
    assert lives.difference(life.product, generated(THIS)) == []
    record(f"From {version}, without edits", "equals a fresh product")


def test_the_same_line_changed_on_both_sides_is_named_and_can_be_taken_back(
    begun: lives.Begun, record: Recorded
) -> None:
    life = begun(THIS)
    backend = life.app / "base" / "backend" / "deployment.yaml"
    life.replace(backend, "revisionHistoryLimit: 5", "revisionHistoryLimit: 9")
    before = life.commit()
    done = life.update("--to", LATER)
    assert done.returncode == 1
    assert life.conflicts() == ["apps/goal-tracker/base/backend/deployment.yaml"]
    assert "<<<<<<< then" not in done.stdout
    assert "  apps/goal-tracker/base/backend/deployment.yaml" in done.stdout
    [cure] = [line for line in done.stdout.splitlines() if line.startswith("Back to before: ")]
    support.run(*cure.removeprefix("Back to before: ").split(), cwd=life.product)
    assert life.git("status", "--porcelain") == ""
    assert life.git("rev-parse", "HEAD") == before
    assert life.lost() == []
    record("The same line changed here and in the template", "conflict, named with its cure; one command takes it back")


def test_an_edit_among_blocks_that_look_alike_stays_where_it_is(begun: lives.Begun, record: Recorded) -> None:
    life = begun(NEXT)
    path = life.product / "limits.yaml"
    text = path.read_text(encoding="utf-8")
    beta = text.index("100Mi", text.index("alpha"))
    path.write_text(text[:beta] + "999Mi" + text[beta + 5 :], encoding="utf-8")
    life.commit()
    done = life.update("--to", LATER)
    assert done.returncode == 0, done.stdout + done.stderr
    blocks = path.read_text(encoding="utf-8").split("  - resources:")
    assert ["999Mi" in block for block in blocks] == [False, False, False, True]
    record(
        "A block like others comes above the one that was edited",
        "the edit stays in its block (plain `copier update` moves it)",
    )


def test_a_file_that_the_template_drops_is_named_where_it_was_edited(begun: lives.Begun, record: Recorded) -> None:
    life = begun(NEXT)
    (life.product / "NOTES.md").write_text("# Notes\n\nOurs.\n", encoding="utf-8")
    before = life.commit()
    done = life.update("--to", LATER)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not (life.product / "NOTES.md").exists()
    assert f"Removed, though changed here (`git show {before[:12]}:PATH` has each):\n  NOTES.md" in done.stdout
    record("The template drops a file that was edited here", "removed, named, with the way to its text")


def test_the_terraform_tests_of_the_template_go_and_those_of_the_owner_stay(
    begun: lives.Begun, record: Recorded
) -> None:
    life = begun(OLDER)
    changed, same = (life.product / path for path in TERRAFORM_TESTS)
    changed.write_text('mock_provider "azurerm" {\n  alias = "ours"\n}\n', encoding="utf-8")
    own = changed.with_name("own.tftest.hcl")
    own.write_text('mock_provider "azurerm" {}\n', encoding="utf-8")
    before = life.commit()
    done = life.update("--to", THIS)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not changed.exists()
    assert not same.parent.exists()
    assert own.exists()
    assert (
        f"Removed, though changed here (`git show {before[:12]}:PATH` has each):\n  {TERRAFORM_TESTS[0]}\n"
        in done.stdout
    )
    record(
        "Terraform tests, one of them edited here, beside one of one's own",
        "the template's go, the edit is named, the own one stays",
    )


def test_what_no_merge_by_lines_takes_in_stays(begun: lives.Begun, record: Recorded) -> None:
    life = begun(THIS)
    picture, service = life.product / "docs" / "loop.svg", "src/backend"
    picture.write_bytes(b"\0\1")
    life.git("rm", "-q", "-r", service)
    life.git("update-index", "--add", "--cacheinfo", f"160000,{life.git('rev-parse', 'HEAD').strip()},{service}")
    (life.product / service).mkdir()
    life.commit()
    submodule = life.git("ls-files", "--stage", service)
    done = life.update("--to", LATER)
    assert (done.returncode, life.conflicts()) == (0, []), done.stdout + done.stderr
    assert picture.read_bytes() == b"\0\1"
    assert "Look twice:\n  docs/loop.svg, changed here, is no text" in done.stdout
    assert life.git("ls-files", "--stage", service) == submodule
    assert "Removed" not in done.stdout
    record("A file that is no text, or a submodule, in the template's place", "stays; such a file is named")


@pytest.mark.parametrize("how", ["ignored here", "ignored by this user", "not checked out"])
def test_an_update_is_whole_whatever_this_clone_leaves_out(how: str, begun: lives.Begun, tmp_path: Path) -> None:
    life = begun(THIS)
    (life.product / "renovate.json5").unlink()
    life.commit()
    ignored = tmp_path / "ignored"
    ignored.write_text("NOTES.md\nrenovate.json5\n", encoding="utf-8")
    if how == "ignored here":
        shutil.copy(ignored, life.product / ".git" / "info" / "exclude")
    if how == "not checked out":
        life.git("sparse-checkout", "set", "--no-cone", "/*", "!/limits.yaml")
    user = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.excludesFile", "GIT_CONFIG_VALUE_0": str(ignored)}
    done = life.update("--to", NEXT, **(user if how.endswith("user") else {}))
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    came = life.git("diff", "--cached", "--name-only", "--diff-filter=A", "HEAD").splitlines()
    assert came == ["NOTES.md", "limits.yaml"]


def test_no_setting_of_git_loses_an_edit(begun: lives.Begun) -> None:
    life = begun(THIS)
    life.replace(life.product / "README.md", "\n## Begin\n", "\nOurs, with a blank behind it. \n\n## Begin\n")
    life.replace(next(life.app.glob("base/*/deployment.yaml")), "memory: 256Mi", "memory: 250Mi")
    life.commit()
    for setting in (
        "apply.whitespace=error",
        "diff.noprefix=true",
        "merge.conflictStyle=zdiff3",
        "diff.algorithm=minimal",
    ):
        life.git("config", *setting.split("="))
    done = life.update("--to", LATER, GIT_AUTHOR_NAME="", GIT_COMMITTER_NAME="")
    assert (done.returncode, done.stderr, life.lost()) == (0, "", [])


def test_plain_copier_update_works_too(begun: lives.Begun, record: Recorded) -> None:
    life = begun(OLDER)
    life.bump_everywhere()
    life.edit_everything()
    done = plain(life)
    assert done.returncode == 0, done.stderr
    assert (life.conflicts(), life.lost()) == ([], [])
    record("Plain `copier update --trust --defaults`", "no conflict, nothing lost, valid")


def test_what_is_new_is_shown_and_check_tells_by_its_status(begun: lives.Begun, record: Recorded) -> None:
    life = begun(THIS)
    done = life.update("--check")
    assert done.returncode == 3
    assert f"Template {THIS} -> {LATER}" in done.stdout
    assert "## 1002.0.0\n\n- A shorter history.\n\n## 1001.0.0\n\n- Notes.\n" in done.stdout + "\n"
    assert "## 0.8.0" not in done.stdout
    assert life.git("status", "--porcelain") == ""
    assert life.update("--to", LATER).returncode == 0
    life.commit()
    done = life.update("--check")
    assert (done.returncode, done.stdout) == (0, f"Template {LATER}: nothing is newer\n")
    assert "older than" in life.update("--to", THIS).stderr
    assert f"choose one of {OLDER}" in life.update("--to", "v7.7.7").stderr
    record("`--check`", "status 3 and the changelog where something is newer, 0 otherwise")


def test_a_template_without_tags_is_followed_by_its_commits(tmp_path: Path, record: Recorded) -> None:
    template = support.export_template(tmp_path / "template")
    support.git("init", "-q", "-b", "main", cwd=template)
    support.git("add", "-A", cwd=template)
    support.git("commit", "-q", "-m", "Begin", cwd=template)
    life = lives.begin(lives.generate(template, "HEAD", tmp_path / "made", {}), tmp_path)
    assert life.update("--check").stdout.endswith("nothing is newer\n")
    (template / "template" / "NOTES.md").write_text("# Notes\n", encoding="utf-8")
    support.git("add", "-A", cwd=template)
    support.git("commit", "-q", "-m", "Write notes", cwd=template)
    done = life.update()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "- Write notes" in done.stdout
    assert (life.product / "NOTES.md").exists()
    record("A template without tags", "its newest commit, with the commits' subjects as news")


def test_what_an_update_takes_is_measured_against_generating(
    begun: lives.Begun, versions: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    command: list[str | Path] = [
        "copier",
        "copy",
        "--trust",
        "--defaults",
        "--quiet",
        f"--vcs-ref={THIS}",
        versions,
        tmp_path / "new",
    ]
    started = time.perf_counter()
    assert support.run(*command, cwd=tmp_path).returncode == 0
    copied = time.perf_counter() - started
    life = begun(OLDER)
    started = time.perf_counter()
    assert plain(life, THIS, "--context-lines=99999", "--quiet").returncode == 0
    updated = time.perf_counter() - started
    line = f"generating {copied:.1f} s, updating {updated:.1f} s: {updated / copied:.1f} times that"
    request.node.user_properties.append(("measured", line))
