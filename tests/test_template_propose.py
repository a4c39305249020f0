"""scripts/template-propose --bundle, which holds the token, given what a machine that ran foreign code may give it."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import support

BRANCH = "template-update"


def commit(product: Path, message: str = "Update the template to v2\n\nNews.\n\nTemplate-Version: v2") -> None:
    """Add a commit to the branch of the proposal."""
    support.git("checkout", "-q", "-B", BRANCH, cwd=product)
    with (product / "README.md").open("a") as file:
        file.write("\nNew.\n")
    support.git("commit", "-q", "-a", "--cleanup=verbatim", "-m", message, cwd=product)


def bundle(product: Path, *what: str) -> Path:
    """Make a bundle of the branch, or of something else."""
    file = product.parent / "update.bundle"
    support.git("bundle", "create", "-q", str(file), *(what or (f"main..{BRANCH}",)), cwd=product)
    return file


def propose(product: Path, file: Path) -> subprocess.CompletedProcess[str]:
    """Propose it from another clone."""
    other = product.parent / "other"
    if not other.exists():
        support.git("clone", "-q", str(product.parent / "remote.git"), str(other), cwd=product)
    programs = product.parent / "bin"
    programs.mkdir(exist_ok=True)
    (programs / "gh").write_text('#!/bin/sh\n[ "$2" = list ] || printf "%s\\n" "$@" >>"$0.calls"\n')
    (programs / "gh").chmod(0o755)
    path = f"{programs}{os.pathsep}{support.TOOLS_FIRST}"
    return support.run(sys.executable, "scripts/template-propose", "--bundle", file, cwd=other, PATH=path)


def proposed(product: Path) -> str:
    """Return what the server has as the branch, or nothing."""
    return support.git("ls-remote", str(product.parent / "remote.git"), f"refs/heads/{BRANCH}", cwd=product)


def _two_references(product: Path) -> Path:
    commit(product)
    support.git("branch", "other", BRANCH, cwd=product)
    return bundle(product, f"main..{BRANCH}", "other")


def _another_branch(product: Path) -> Path:
    commit(product)
    support.git("branch", "-M", "main2", cwd=product)
    return bundle(product, "main..main2")


def _two_commits(product: Path) -> Path:
    commit(product)
    commit(product)
    return bundle(product)


def _history_of_its_own(product: Path) -> Path:
    support.git("checkout", "-q", "--orphan", "mine", cwd=product)
    support.git("commit", "-q", "-m", "Mine", cwd=product)
    commit(product)
    return bundle(product, f"mine..{BRANCH}")


def _no_base(product: Path) -> Path:
    commit(product)
    return bundle(product, BRANCH)


def _another_title(product: Path) -> Path:
    commit(product, "Fix everything\n\nTemplate-Version: v2")
    return bundle(product)


def _a_git_folder_in_the_tree(product: Path) -> Path:
    blob = support.git("hash-object", "-w", "README.md", cwd=product)
    inner = _tree(product, "100644 config\0", blob)
    tree = _tree(product, "40000 .git\0", inner)
    made = support.git("commit-tree", tree, "-p", "main", "-m", "Update the template to v2", cwd=product)
    support.git("update-ref", f"refs/heads/{BRANCH}", made, cwd=product)
    return bundle(product)


def _tree(product: Path, entry: str, name: str) -> str:
    done = subprocess.run(
        ["git", "hash-object", "-w", "-t", "tree", "--literally", "--stdin"],
        input=entry.encode() + bytes.fromhex(name), cwd=product, capture_output=True, check=True,
    )  # fmt: skip
    return done.stdout.decode().strip()


def _a_script(product: Path) -> Path:
    file = product.parent / "update.bundle"
    file.write_text("#!/bin/sh\ntouch ran\n")
    return file


def _much(product: Path) -> Path:
    commit(product)
    file = bundle(product)
    with file.open("ab") as end:
        end.truncate(20_000_001)
    return file


def _nothing(product: Path) -> Path:
    return product.parent / "update.bundle"


@pytest.mark.parametrize(
    "made",
    [
        _two_references, _another_branch, _two_commits, _history_of_its_own, _no_base, _another_title,
        _a_git_folder_in_the_tree, _a_script, _much, _nothing,
    ],
)  # fmt: skip
def test_what_is_no_bundle_of_one_update_is_refused(made: Callable[[Path], Path], pushed_product: Path) -> None:
    done = propose(pushed_product, made(pushed_product))
    assert done.returncode == 1, done.stdout
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert proposed(pushed_product) == ""


def test_of_a_bundle_the_tree_and_plain_words_are_taken_and_nobodys_name(pushed_product: Path) -> None:
    support.git("config", "user.name", "Somebody", cwd=pushed_product)
    words = f"{support.HOSTILE}\n/merge\n  /approve\n::add-mask::x\n[skip ci] [CI skip]\nskip-checks: true\nTemplate-Version: v1"
    commit(pushed_product, f"Update the template to v2\n\n{words}\n\nTemplate-Version: v9")
    done = propose(pushed_product, bundle(pushed_product))
    assert done.returncode == 0, done.stderr
    other, remote = pushed_product.parent / "other", pushed_product.parent / "remote.git"
    for text in (
        support.git("log", "-1", "--format=%B", BRANCH, cwd=remote),
        (pushed_product.parent / "bin" / "gh.calls").read_text(),
        done.stdout,
    ):
        support.assert_plain(text)
        assert "\n/" not in text.replace("\n  ", "\n")
        assert not re.search(r"\[(skip|ci|no)[ -]|^skip-checks:", text, re.IGNORECASE | re.MULTILINE), text
    assert "v2" in support.git("log", "-1", "--format=%(trailers:key=Template-Version)", BRANCH, cwd=remote)
    assert support.git("log", "-1", "--format=%an", BRANCH, cwd=remote) != "Somebody"
    tree = support.git("rev-parse", f"{BRANCH}^{{tree}}", cwd=pushed_product)
    assert support.git("rev-parse", f"{BRANCH}^{{tree}}", cwd=remote) == tree
    assert support.git("symbolic-ref", "--short", "HEAD", cwd=other) == "main"
    assert support.git("status", "--porcelain", cwd=other) == ""


def test_main_may_have_gone_on_since_the_update_was_made(pushed_product: Path) -> None:
    commit(pushed_product)
    file = bundle(pushed_product)
    support.git("checkout", "-q", "main", cwd=pushed_product)
    support.git("commit", "-q", "--allow-empty", "-m", "Go on", cwd=pushed_product)
    support.git("push", "-q", "origin", "main", cwd=pushed_product)
    shallow = pushed_product.parent / "other"
    support.git("clone", "-q", "--depth=1", f"file://{pushed_product.parent}/remote.git", str(shallow),
                cwd=pushed_product)  # fmt: skip
    assert propose(pushed_product, file).returncode == 0
    assert proposed(pushed_product)
