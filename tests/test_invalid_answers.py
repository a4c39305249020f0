"""Wrong answers are refused: one line with the cure, nothing written."""

from pathlib import Path

import pytest
from copier.errors import UserMessageError

from hooks.new import one_line
from tests import support
from tests.in_process import InProcess, RefusedError


@pytest.mark.parametrize("name", support.INVALID)
def test_a_wrong_answer_is_refused_with_its_cure(name: str, in_process: InProcess) -> None:
    with pytest.raises(RefusedError) as refusal:
        in_process.ask(support.answers(name, "invalid"))
    assert support.refusal(name) in str(refusal.value)


def test_files_that_are_too_large_for_a_config_map_are_refused(in_process: InProcess) -> None:
    files = {f"{number}.txt": "x" * 20000 for number in range(51)}
    with pytest.raises(RefusedError, match="use at most 1000000 bytes in config altogether"):
        in_process.ask({"services": [{"name": "web", "config": files}]})


@pytest.mark.slow
def test_nothing_is_written_where_an_answer_is_wrong(template: Path, tmp_path: Path) -> None:
    for name in support.INVALID[::20]:
        with pytest.raises((ValueError, UserMessageError)) as refusal:
            support.render(template, tmp_path / "product", support.answers(name, "invalid"))
        assert support.refusal(name) in one_line(refusal.value)
        assert not (tmp_path / "product").exists()


def test_the_command_line_ends_with_the_message_and_status_1(tmp_path: Path) -> None:
    data = support.ANSWERS / "invalid" / "region-misspelt.yaml"
    destination = tmp_path / "product"
    done = support.run(
        "copier",
        "copy",
        "--trust",
        "--defaults",
        "--vcs-ref=HEAD",
        "--data-file",
        data,
        support.ROOT,
        destination,
        cwd=tmp_path,
    )
    assert done.returncode == 1
    assert "region': did you mean westeurope? `az account list" in done.stderr.strip().splitlines()[-1]
    assert not destination.exists()


@pytest.mark.parametrize(
    ("name", "begin"),
    [
        ("region-misspelt", "error: region: did you mean westeurope?"),
        ("unknown-answer", "error: unknown answer"),
        ("registry-name-a-number", "error: registry_name: quote it"),
    ],
)
def test_make_new_prints_the_message_alone(name: str, begin: str, tmp_path: Path) -> None:
    data = support.ANSWERS / "invalid" / f"{name}.yaml"
    done = support.run(
        "python3",
        "-m",
        "hooks.new",
        tmp_path / "product",
        "--defaults",
        "--quiet",
        f"--data-file={data}",
        cwd=support.ROOT,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(begin)
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "product").exists()


def test_an_unknown_answer_is_refused_before_anything_is_written_also_into_a_folder_with_files(
    template: Path, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserMessageError, match="unknown answer regoin"):
        support.render(template, tmp_path, {"regoin": "westeurope"})
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
