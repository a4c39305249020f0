"""`make new` where something goes wrong: one clear line, nothing of the user's lost, no half product left.

Without generating, which is slow; tests/any/test_faults.py does so.
"""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from copier.errors import UnsupportedVersionError

from hooks import new
from tests import support


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str | int | None]:
    """Run `make new` in this process, in which Copier does what the test says; return what it ends with."""
    # The tests read YAML in C, which says what is wrong in other words.
    monkeypatch.setattr(yaml, "SafeLoader", yaml.loader.SafeLoader)

    def run(
        destination: Path, copier: Callable[[Path], int] | None = None, *more: str, defaults: bool = True
    ) -> str | int | None:
        def app(command: list[str], **_: Any) -> tuple[None, int]:
            assert copier, "nothing is generated"
            return None, copier(Path(command[-1]))

        monkeypatch.setattr("hooks.new.CopierApp.run", app)
        monkeypatch.setattr("hooks.new.worker.use", lambda _: None)  # It changes Copier for all that comes after.
        monkeypatch.setattr(sys, "argv", ["new", str(destination), *(["--defaults"] if defaults else []), *more])
        monkeypatch.setattr(signal, "signal", lambda *_: None)
        try:
            new.main()
        except SystemExit as end:
            return end.code
        return 0

    return run


def half(product: Path) -> None:
    (product / "apps").mkdir(parents=True)
    (product / "README.md").write_text("half")


def whole(product: Path) -> int:
    half(product)
    return 0


def test_a_folder_with_files_is_refused_and_stays_as_it_is(ended: Any, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    message = ended(tmp_path)
    assert message.startswith(f"error: {tmp_path} is not empty: choose a folder that does not exist yet")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"README.md": "mine"}


def test_a_folder_of_another_repository_is_refused(ended: Any, tmp_path: Path) -> None:
    support.git("init", "-q", cwd=tmp_path)
    place = tmp_path / "services" / "platform"
    said = ended(place)
    assert said.startswith(f"error: {place} is a folder of the repository {tmp_path}, and a product is a repository of")
    assert said.endswith(f"choose a folder outside of it, or run git init {place} first")
    assert [path.name for path in tmp_path.iterdir()] == [".git"]


@pytest.mark.parametrize("how", ["ignored", "its own repository"])
def test_a_folder_within_another_repository_that_is_none_of_it_is_taken(ended: Any, tmp_path: Path, how: str) -> None:
    support.git("init", "-q", cwd=tmp_path)
    place = tmp_path / "platform"
    if how == "ignored":
        (tmp_path / ".gitignore").write_text("/platform/\n")
    else:
        support.git("init", "-q", str(place), cwd=tmp_path)
    assert ended(place, whole) == 0
    assert (place / "README.md").exists()


def test_a_file_in_the_place_of_the_product_is_refused_and_stays(ended: Any, tmp_path: Path) -> None:
    (tmp_path / "product").write_text("mine")
    assert (
        ended(tmp_path / "product")
        == f"error: {tmp_path / 'product'} is a file: choose a folder that does not exist yet"
    )
    assert (tmp_path / "product").read_text() == "mine"


def test_a_file_in_the_place_of_the_folder_above_is_refused_and_stays(ended: Any, tmp_path: Path) -> None:
    (tmp_path / "above").write_text("mine")
    message = ended(tmp_path / "above" / "product", whole)
    assert message.startswith(f"error: {tmp_path / 'above'}: File exists")
    assert [path.name for path in tmp_path.iterdir()] == ["above"]


@pytest.mark.parametrize("beforehand", [None, "empty", "cloned"])
def test_a_whole_product_takes_its_place(beforehand: str | None, ended: Any, tmp_path: Path) -> None:
    product = tmp_path / "a b" / "pröduct"
    if beforehand:
        product.mkdir(parents=True)
    if beforehand == "cloned":
        (product / ".git").mkdir()
    assert ended(product, whole) == 0
    expected = {"README.md", "apps"} | ({".git"} if beforehand == "cloned" else set())
    assert {path.name for path in product.iterdir()} == expected
    assert [path.name for path in tmp_path.iterdir()] == ["a b"]


@pytest.mark.parametrize("beforehand", [False, True])
@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), ": No space left on device: nothing was made"),
        (
            OSError(errno.EROFS, os.strerror(errno.EROFS), "/here"),
            "error: /here: Read-only file system: nothing was made",
        ),
        (KeyboardInterrupt(), "error: interrupted: nothing was made"),
        (ValueError("Validation error for question 'region': no"), "error: region: no"),
        (SystemExit(143), 143),
    ],
)
def test_what_fails_leaves_nothing_behind(
    error: BaseException, message: str | int, beforehand: bool, ended: Any, tmp_path: Path
) -> None:
    def fail(product: Path) -> int:
        half(product)
        raise error

    if beforehand:
        (tmp_path / "product").mkdir()
    end = ended(tmp_path / "product", fail)
    assert end == message or (isinstance(message, str) and message in end and len(end.splitlines()) == 1)
    assert sorted(tmp_path.rglob("*")) == ([tmp_path / "product"] if beforehand else [])


def test_questions_are_asked_where_nothing_but_a_destination_is_given(ended: Any, tmp_path: Path) -> None:
    assert ended(tmp_path / "product", whole, defaults=False) == 0
    assert (tmp_path / "product" / "README.md").exists()


def test_a_status_of_copier_is_handed_on_and_leaves_nothing_behind(ended: Any, tmp_path: Path) -> None:
    def interrupted(product: Path) -> int:
        half(product)
        return 1

    assert ended(tmp_path / "product", interrupted) == 1
    assert list(tmp_path.iterdir()) == []


def test_nothing_made_is_nothing_left_as_with_pretend(ended: Any, tmp_path: Path) -> None:
    assert ended(tmp_path / "product", lambda _: 0) == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["product", "[pro]duct"])
@pytest.mark.parametrize("beforehand", [False, True])
def test_what_a_killed_run_has_left_is_removed_by_the_next_and_what_is_going_on_is_not(
    name: str, beforehand: bool, ended: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with subprocess.Popen(["true"]) as dead:
        dead.wait()
    product = tmp_path / name
    folder = product if beforehand else tmp_path
    half(folder / f".{name}.unfinished-{dead.pid}")
    half(folder / f".{name}.unfinished-{os.getppid()}")
    if not beforehand:
        half(tmp_path / f".other.unfinished-{dead.pid}")
    assert ended(product, whole) == 0
    left = {path.name for path in folder.iterdir() if path.name.startswith(".")}
    assert left == {f".{name}.unfinished-{os.getppid()}"} | (set() if beforehand else {f".other.unfinished-{dead.pid}"})
    assert (product / "README.md").exists()
    assert "which an interrupted run has left" in capsys.readouterr().err


def test_files_that_come_up_meanwhile_are_not_replaced(ended: Any, tmp_path: Path) -> None:
    def meanwhile(product: Path) -> int:
        half(tmp_path / "product")
        (tmp_path / "product" / "README.md").write_text("mine")
        return whole(product)

    assert "not empty" in str(ended(tmp_path / "product", meanwhile))
    assert (tmp_path / "product" / "README.md").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["product"]


def test_a_machine_without_git_is_told_so(ended: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert ended(tmp_path / "product").startswith("error: git is not on PATH: install it")


@pytest.mark.parametrize("joined", [False, True])
@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (None, ": No such file or directory: give --data-file a file of answers"),
        (b"", ": holds no answers: write a line `question: answer` for each"),
        (b"- goal-tracker\n", ": holds no answers: write"),
        (
            b"region: westeurope\ndomain: [\n",
            ":3: is not YAML (expected the node content, but found '<stream end>'): fix it",
        ),
        (b"region: \xff\n", ": is not YAML (it is no text): fix it"),
        (b"region: westeurope\nregion: northeurope\n", ":2: the key 'region' is there twice: remove one"),
        (b"services:\n  - {name: web, port: 3000, port: 4000}\n", ":2: the key 'port' is there twice: remove one"),
    ],
)
def test_a_file_of_answers_that_is_none_is_named(
    content: bytes | None, wrong: str, joined: bool, ended: Any, tmp_path: Path
) -> None:
    answers = tmp_path / "answers.yaml"
    if content is not None:
        answers.write_bytes(content)
    arguments = [f"--data-file={answers}"] if joined else ["--data-file", str(answers)]
    said = ended(tmp_path / "product", None, *arguments)
    assert said.startswith(f"error: {answers}{wrong}")
    assert not (tmp_path / "product").exists()


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        (["--no-such"], "Unknown switch --no-such: ARGS takes"),
        (["--vcs-ref=v1"], "Switch --vcs-ref already given: ARGS takes"),
        (["other"], "other is no option: ARGS takes"),
        (["--data", "region"], "--data region: give it as --data QUESTION=ANSWER"),
        (["--data=region"], "--data region: give it as --data QUESTION=ANSWER"),
        (["-d"], "-d : give it as -d QUESTION=ANSWER"),
    ],
)
def test_an_argument_that_copier_does_not_take_is_told_in_one_line(
    arguments: list[str], wrong: str, ended: Any, tmp_path: Path
) -> None:
    assert ended(tmp_path / "product", None, *arguments).startswith(f"error: {wrong}")


def test_an_old_copier_is_told_which_one_is_needed(tmp_path: Path) -> None:
    template = support.export_template(tmp_path / "template")
    config = template / "copier.yml"
    config.write_text(config.read_text().replace('_min_copier_version: "9.', '_min_copier_version: "99.'))
    with pytest.raises(UnsupportedVersionError, match=r"This template requires Copier version >= 99\."):
        support.render(template, tmp_path / "product", {})
    assert not (tmp_path / "product").exists()


def test_an_answer_that_is_not_yaml_is_named(in_process: Any) -> None:
    with pytest.raises(Exception, match=r"^environments: is not YAML \(.*\): give a list of names, as \[one, two\]$"):
        in_process.ask({"environments": "{a: [b"})


def test_a_template_in_a_folder_of_another_repository_is_not_taken_for_that_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    support.git("init", "-q", cwd=tmp_path)
    support.git("remote", "add", "origin", "https://example.com/acme/everything", cwd=tmp_path)
    support.git("commit", "-q", "--allow-empty", "-m", "One", cwd=tmp_path)
    (tmp_path / "template").mkdir()
    monkeypatch.setattr(new, "TEMPLATE", tmp_path / "template")
    assert "which is on no server" in new.name_origin()


def test_a_template_that_git_refuses_to_read_is_told_with_the_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".git").mkdir()  # As one of another user is to git.
    monkeypatch.setattr(new, "TEMPLATE", tmp_path)
    with pytest.raises(SystemExit, match=r"git can't read the template in .*safe\.directory"):
        new.name_origin()


def test_variables_of_a_hook_lead_to_no_other_repository(tmp_path: Path) -> None:
    support.git("init", "-q", cwd=tmp_path)
    code = "import os; from hooks import new; print([name for name in os.environ if name in ('GIT_DIR', 'GIT_INDEX_FILE')])"
    variables = {"GIT_DIR": str(tmp_path / ".git"), "GIT_INDEX_FILE": str(tmp_path / "index")}
    done = support.run(sys.executable, "-c", code, cwd=support.ROOT, **variables)
    assert (done.stdout, done.stderr) == ("[]\n", "")
