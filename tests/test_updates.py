"""What an update is made of; tests/life lives through whole ones."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from packaging.version import Version

from hooks.migrate_answers import Change, migrated, unknown
from tests import support

# Its modules are those of products' scripts.
sys.path.append(str(support.ROOT / "template" / "scripts"))

from gitops.template import released

from hooks.updates import copier
from hooks.updates.template import Template

CHANGES = (
    Change("2.0.0", "iac", "program", str.upper),
    Change("3.0.0", "colour", None),
    Change("4.0.0", "size", "size", lambda size: [size]),
)


@pytest.mark.parametrize(
    ("version", "stored", "then"),
    [
        ("1.0.0", {"iac": "tofu", "region": "x"}, {"program": "TOFU", "region": "x"}),
        ("2.0.0", {"program": "TOFU"}, {"program": "TOFU"}),
        ("2.0.0", {"iac": "tofu"}, {"iac": "tofu"}),
        ("1.0.0", {"iac": "tofu", "program": "mine"}, {"program": "mine"}),
        ("2.5.0", {"colour": "red", "size": "small"}, {"size": ["small"]}),
        ("4.0.0", {"size": ["small"]}, {"size": ["small"]}),
        ("0.0.0.post3.dev0", {"iac": "tofu"}, {"program": "TOFU"}),
    ],
)
def test_answers_are_carried_over_by_the_versions_that_lie_between(
    version: str, stored: dict[str, object], then: dict[str, object]
) -> None:
    assert migrated(stored, Version(version), CHANGES) == then


def test_answers_without_a_question_are_known_as_such() -> None:
    stored = {"_commit": "v1", "region": "westeurope", "colour": "red", "service_list": []}
    assert unknown(stored) == ["colour", "service_list"]


def test_the_oldest_copier_is_the_same_everywhere() -> None:
    oldest = yaml.safe_load((support.ROOT / "copier.yml").read_text(encoding="utf-8"))["_min_copier_version"]
    numbers = oldest.split(".")
    asked_for = (support.ROOT / "hooks" / "updates" / "copier.py").read_text(encoding="utf-8")
    assert f"MINIMUM = ({', '.join(numbers)})" in asked_for
    wanted = (support.ROOT / "requirements" / "new.in").read_text(encoding="utf-8")
    assert wanted == f"copier>={'.'.join(numbers)},<10\n"
    assert "packaging" in (support.ROOT / "requirements" / "new.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("current", "version", "newer"),
    [
        ("v1.3.0", "v1.3.0", False),
        ("v1.3.0", "v1.10.0", True),
        ("v1.3.0-4-gabc1234", "v1.3.0", False),
        ("v1.3.0-rc1", "v1.2.9", False),
        ("v1.3.0-rc1", "v1.3.0", True),
        ("1.3.0rc1-2-gabc1234", "1.2.9", False),
    ],
)
def test_only_a_later_release_is_newer(current: str, version: str, newer: bool) -> None:
    assert Template("", current, version, Path(), "").is_newer(version) == newer


def test_the_newest_release_is_that_of_the_highest_numbers(tmp_path: Path) -> None:
    support.git("init", "-q", "--bare", ".", cwd=tmp_path)
    tree = support.git("hash-object", "-t", "tree", "-w", "/dev/null", cwd=tmp_path).strip()
    commit = support.git("commit-tree", "-m", "One", tree, cwd=tmp_path).strip()
    for tag in ("v1.9", "1.10.1", "v1.10", "v2.0.0-rc1", "latest", "v0.99"):
        support.git("tag", tag, commit, cwd=tmp_path)
    assert released(tmp_path) == ["1.10.1", "v1.10", "v1.9", "v0.99"]


def test_git_of_copier_runs_no_hooks_of_this_user(tmp_path: Path) -> None:
    ours = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "ours.key", "GIT_CONFIG_VALUE_0": "kept"}
    asked = ["config", "--get-regexp", r"^(ours\.key|core\.hookspath)$"]
    done = copier.run(["git"], asked, tmp_path, {**os.environ, **ours})
    assert done == (0, "ours.key kept\ncore.hookspath /dev/null\n")


def test_a_working_tree_that_git_was_killed_over_is_removed(own_product: Path, tmp_path: Path) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    tree = tmp_path / f"template-update-{ended.pid}-x" / "tree"
    support.git("worktree", "add", "--quiet", "--detach", "--lock", str(tree), cwd=own_product)
    sweep = "import sys; sys.path[:0] = [sys.argv[1], 'scripts']; from hooks.updates import merge; merge._sweep()"
    subprocess.run([sys.executable, "-c", sweep, support.ROOT], cwd=own_product, check=True)
    assert len(support.git("worktree", "list", cwd=own_product).splitlines()) == 1
    assert not tree.parent.exists()


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "Invalid choice for 'size': 'huge' is not in ['small', 'production']",
            'size: choose small or production: "huge" is neither',
        ),
        ("Validation error for question 'project_name': use letters.", "project_name: use letters"),
    ],
)
def test_a_refused_answer_is_told_as_by_make_new(said: str, told: str) -> None:
    assert copier.message(f"Traceback ...\nValueError: {said}\n") == told
