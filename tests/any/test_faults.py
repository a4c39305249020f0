"""`make new` and plain Copier on disks that are full or read-only, without rights or git, interrupted and killed."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import support

COMMAND = [sys.executable, "-m", "hooks.new"]


def make_new(destination: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return support.run(*COMMAND, destination, "--defaults", "--quiet", cwd=support.ROOT, **environment)


def said(done: subprocess.CompletedProcess[str]) -> str:
    """The last line of what went wrong; there is no traceback."""
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return done.stderr.strip().splitlines()[-1]


@pytest.fixture
def disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A small file system of its own, with a file of the user's."""
    place = tmp_path / "disk"
    place.mkdir()
    if (
        os.geteuid()
        or support.run("mount", "-t", "tmpfs", "-o", f"size={request.param}", "none", place, cwd=tmp_path).returncode
    ):
        pytest.skip("needs the right to mount a file system")
    (place / "mine").write_text("mine")
    try:
        yield place
    finally:
        support.run("umount", "--lazy", place, cwd=tmp_path)


@pytest.mark.parametrize("disk", ["300k"], indirect=True)
@pytest.mark.parametrize("beforehand", [False, True])
def test_a_disk_that_gets_full_is_named_and_left_as_it_was(disk: Path, beforehand: bool) -> None:
    if beforehand:
        (disk / "product").mkdir()
    assert "No space left on device: nothing was made" in said(make_new(disk / "product"))
    assert {path.name for path in disk.rglob("*")} == {"mine"} | ({"product"} if beforehand else set())
    assert (disk / "mine").read_text() == "mine"


@pytest.mark.parametrize("disk", ["300k"], indirect=True)
def test_a_disk_that_is_read_only_is_named(disk: Path) -> None:
    assert support.run("mount", "-o", "remount,ro", disk, cwd=disk.parent).returncode == 0
    assert "Read-only file system: nothing was made" in said(make_new(disk / "product"))


def test_a_folder_without_the_right_to_write_is_named_before_any_question(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir(mode=0o755)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    script = (
        "import os, sys; from hooks import new; os.geteuid() or (os.setgid(65534), os.setuid(65534)); "
        "sys.argv = ['new', sys.argv[1]]; new.main()"
    )
    if os.geteuid():
        (tmp_path / "theirs").chmod(0o555)
    done = support.run(sys.executable, "-c", script, tmp_path / "theirs" / "product", cwd=support.ROOT)
    assert "Permission denied: nothing was made" in said(done)
    assert done.stdout == ""
    assert list((tmp_path / "theirs").iterdir()) == []


def test_the_product_comes_whole_into_a_path_with_spaces_inside_another_repository(tmp_path: Path) -> None:
    support.git("init", "-q", cwd=tmp_path)
    (tmp_path / "mine").write_text("mine")
    support.git("add", "mine", cwd=tmp_path)
    product = tmp_path / "a folder" / "prodüct ☂"
    support.git("init", "-q", str(product), cwd=tmp_path)
    done = make_new(product)
    assert done.returncode == 0, done.stderr
    assert support.git("status", "--porcelain", cwd=tmp_path).splitlines() == ["A  mine", '?? "a folder/"']
    assert support.run(sys.executable, "scripts/validate", "--no-tools", cwd=product).returncode == 0
    assert [path.name for path in product.parent.iterdir()] == [product.name]


def started(destination: Path) -> subprocess.Popen[str]:
    """Begin to generate, and wait for a random moment of the writing."""
    process = subprocess.Popen(
        [*COMMAND, str(destination), "--defaults", "--quiet"], cwd=support.ROOT, start_new_session=True, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    unfinished = destination.parent / f".product.unfinished-{process.pid}"

    def begun() -> bool:
        try:
            return any(unfinished.iterdir())
        except FileNotFoundError:  # Not there yet, or in its place already.
            return destination.exists()

    until = time.monotonic() + 120
    while not begun() and time.monotonic() < until:
        assert process.poll() in (None, 0), process.communicate()
        time.sleep(0.005)
    time.sleep(random.uniform(0, 0.7))
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_run_leaves_nothing_behind(number: signal.Signals, tmp_path: Path) -> None:
    for _ in range(2):
        process = started(tmp_path / "product")
        os.killpg(process.pid, number)
        _, errors = process.communicate(timeout=60)
        assert "Traceback" not in errors, errors
        if process.returncode == 0:  # It was faster.
            shutil.rmtree(tmp_path / "product")
            continue
        assert list(tmp_path.iterdir()) == []


def test_a_killed_run_leaves_no_half_product_and_the_next_one_works(tmp_path: Path) -> None:
    killed = 0
    while killed < 3:
        process = started(tmp_path / "product")
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        if (tmp_path / "product").exists():  # It was faster.
            done = support.run(sys.executable, "scripts/validate", "--no-tools", cwd=tmp_path / "product")
            assert done.returncode == 0, done.stdout
            shutil.rmtree(tmp_path / "product")
        else:
            killed += 1
    done = make_new(tmp_path / "product")
    assert done.returncode == 0, done.stderr
    assert "which an interrupted run has left" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["product"]


def test_plain_copier_keeps_a_file_of_the_users_but_stops_half_way(tmp_path: Path) -> None:
    """What docs say of it: into an empty folder only. On a terminal it asks for each file, and Enter replaces it."""
    (tmp_path / "README.md").write_text("mine")
    done = support.run(
        "copier", "copy", "--trust", "--defaults", "--quiet", "--vcs-ref=HEAD", support.ROOT, tmp_path, cwd=tmp_path
    )
    assert done.returncode == 1
    assert "Interactive session required: Consider using `--overwrite`" in done.stderr
    assert (tmp_path / "README.md").read_text() == "mine"
