"""What a rollback reverts: the newest deployment of what was pushed, and never what takes one back."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import support
from tests.test_pipeline import cluster, stand_ins  # noqa: F401 (a fixture)

PIPELINE = {"GIT_COMMITTER_EMAIL": "pipeline@localhost", "GIT_COMMITTER_NAME": "Pipeline"}


def run(product: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    done = support.run(sys.executable, *command, cwd=product, **PIPELINE, **environment)
    assert done.returncode == 0, done.stderr
    return done


def tags_file(product: Path) -> Path:
    [path] = product.glob("apps/*/overlays/dev/imagetags/kustomization.yaml")
    return path


def tags(product: Path) -> list[str]:
    """Those of frontend and backend, on the server."""
    support.git("fetch", "-q", "origin", cwd=product)
    path = tags_file(product).relative_to(product)
    return re.findall('newTag: "(.*)"', support.git("show", f"origin/main:{path}", cwd=product))


def deploy(product: Path, before: str, after: str, message: str = "Promote") -> str:
    """Commit a deployment as a person; return its name."""
    path = tags_file(product)
    assert before in path.read_text()
    path.write_text(path.read_text().replace(before, after))
    support.git("commit", "-qam", message, cwd=product)
    return support.git("rev-parse", "HEAD", cwd=product)


def note(product: Path) -> None:
    support.git("commit", "-q", "--allow-empty", "-m", "Say something", cwd=product)


def push(product: Path) -> None:
    support.git("push", "-q", "origin", "main", cwd=product)


@pytest.fixture
def released(pushed_product: Path) -> tuple[Path, str]:
    """A product whose dev runs f2 and b2, and had f1 and b1 before; and its newest commit."""
    run(pushed_product, "scripts/bump-image", "dev", "frontend=f1", "backend=b1")
    run(pushed_product, "scripts/bump-image", "dev", "frontend=f2", "backend=b2")
    return pushed_product, support.git("rev-parse", "HEAD", cwd=pushed_product)


def rebased_and_followed_by_another(product: Path) -> None:
    deploy(product, "f2", "f3")
    note(product)


def that_speaks_of_rollbacks(product: Path) -> None:
    deploy(product, "f2", "f3", "Promote\n\nDeploy-Rollback-Of: is the trailer that rollbacks have.\n\nIt is none.")


def merged(product: Path) -> None:
    support.git("checkout", "-q", "-b", "promotion", cwd=product)
    deploy(product, "f2", "f3")
    support.git("checkout", "-q", "main", cwd=product)
    note(product)
    support.git("merge", "-q", "--no-ff", "-m", "Merge it", "promotion", cwd=product)
    note(product)


def with_one_that_was_taken_back(product: Path) -> None:
    deploy(product, "f2", "f3")
    undone = deploy(product, "f3", "f4")
    deploy(product, "f4", "f3", f"Go back\n\nDeploy-Rollback-Of: {undone}")


def beside_one_of_a_new_service(product: Path) -> None:
    """It has nothing to go back to."""
    deploy(product, "f2", "f3")
    path = tags_file(product)
    path.write_text(path.read_text() + '  - name: "new"\n    newTag: "n1"\n')
    support.git("commit", "-qam", "Deploy what is new", cwd=product)


@pytest.mark.costly
@pytest.mark.parametrize(
    "deployment",
    [
        rebased_and_followed_by_another,
        that_speaks_of_rollbacks,
        merged,
        with_one_that_was_taken_back,
        beside_one_of_a_new_service,
    ],
)
def test_the_newest_deployment_of_what_was_pushed_is_reverted(
    deployment: Callable[[Path], None], released: tuple[Path, str]
) -> None:
    product, base = released
    deployment(product)
    push(product)
    run(product, "scripts/rollback", "--commit=HEAD", f"--since={base}", "dev")
    assert tags(product)[:2] == ["f2", "b2"]
    assert (
        "nothing to roll back" in run(product, "scripts/rollback", "--commit=HEAD~1", f"--since={base}", "dev").stdout
    )


def by_trailer(product: Path) -> None:
    deploy(product, "f2", "f1", f"Go back\n\nDeploy-Rollback-Of: {support.git('rev-parse', 'HEAD', cwd=product)}")


def by_a_merge(product: Path) -> None:
    support.git("checkout", "-q", "-b", "rollback", cwd=product)
    by_trailer(product)
    support.git("checkout", "-q", "main", cwd=product)
    support.git("merge", "-q", "--no-ff", "-m", "Merge it", "rollback", cwd=product)


def by_a_squash_without_trailers(product: Path) -> None:
    deploy(product, "f2", "f1", "deploy(dev): roll back to frontend f1 (#7)")


def by_the_button_of_a_forge(product: Path) -> None:
    support.git("revert", "--no-edit", "HEAD", cwd=product)


@pytest.mark.costly
@pytest.mark.parametrize("back", [by_trailer, by_a_merge, by_a_squash_without_trailers, by_the_button_of_a_forge])
def test_what_somebody_has_taken_away_is_never_brought_back(
    back: Callable[[Path], None], released: tuple[Path, str]
) -> None:
    product, base = released
    back(product)
    note(product)
    push(product)
    before = tags(product)
    for arguments in ([f"--since={base}", "--commit=HEAD"], ["--commit=HEAD^"], []):
        done = support.run(sys.executable, "scripts/rollback", "dev", *arguments, cwd=product, **PIPELINE)
        assert done.stdout == "dev: nothing to roll back\n", done.stderr
        assert tags(product) == before


def go_back(product: Path) -> None:
    run(product, "scripts/rollback", "dev")


def deploy_again(product: Path) -> None:
    run(product, "scripts/bump-image", "dev", "frontend=f2", "backend=b2")


def revert(product: Path) -> None:
    by_the_button_of_a_forge(product)
    push(product)


@pytest.mark.costly
@pytest.mark.parametrize(("back", "again"), [(go_back, deploy_again), (revert, revert), (revert, deploy_again)])
def test_what_is_deployed_again_after_a_rollback_can_be_rolled_back_again(
    back: Callable[[Path], None], again: Callable[[Path], None], released: tuple[Path, str]
) -> None:
    """It looks like a rollback of the rollback, and is none."""
    product, _ = released
    for _ in range(2):
        back(product)
        assert tags(product) == ["f1", "b1"]
        again(product)
    run(product, "scripts/rollback", "--commit=HEAD", "dev")
    assert tags(product) == ["f1", "b1"]
    assert run(product, "scripts/rollback", "dev").stdout == "dev: nothing to roll back\n"


@pytest.mark.parametrize(
    ("command", "wrong"),
    [
        (["rollback", "--since", "HEAD^", "dev"], "rollback: error: --since begins what --commit ends: give both"),
        (["history", "dev", "--limit", "0"], "history: error: give --limit a number from 1 on"),
    ],
)
def test_arguments_that_say_nothing_are_refused(command: list[str], wrong: str, released: tuple[Path, str]) -> None:
    name, *arguments = command
    done = support.run(sys.executable, f"scripts/{name}", *arguments, cwd=released[0])
    assert (done.returncode, done.stderr.splitlines()[-1]) == (2, wrong)


def test_what_only_writes_the_file_anew_is_no_deployment(released: tuple[Path, str]) -> None:
    """As an update of the template does, which wrote bare names up to 0.13, a formatter, or a mended mistake."""
    product, _ = released
    path = tags_file(product)
    new = path.read_text()
    for text in (
        re.sub('name: ".*/', 'name: "', new),
        f"{new}mistake: true\n",
        new.replace('"f2"', "f2") + '  - name: "x"\n    newTag: "unreleased"\n',
    ):
        path.write_text(text)
        support.git("commit", "-qam", "Write it anew", cwd=product)
    push(product)
    assert "Write it anew" not in run(product, "scripts/history", "dev").stdout
    run(product, "scripts/rollback", "dev")
    assert tags(product)[:2] == ["f1", "b1"]
    assert run(product, "scripts/rollback", "dev").stdout == "dev: nothing to roll back\n"


def test_what_the_pipeline_has_committed_and_followed_itself_is_not_to_blame(released: tuple[Path, str]) -> None:
    product, base = released
    deploy(product, "b2", "b3")
    push(product)
    run(product, "scripts/bump-image", "dev", "frontend=f3")
    run(product, "scripts/rollback", "--commit=HEAD", f"--since={base}", "dev")
    assert tags(product) == ["f3", "b2"]


@pytest.mark.slow
def test_what_was_pushed_together_is_reverted_from_the_newest_on_until_it_is_healthy(
    released: tuple[Path, str],
    stand_ins: Path,  # noqa: F811
) -> None:
    product, base = released
    signers = product / "scripts" / "signers.toml"
    signers.write_text("".join(f'[{name}]\nunsigned = "nobody builds it"\n' for name in ("frontend", "backend")))
    deploy(product, "f2", "broken")
    deploy(product, "b2", "b3")
    push(product)
    cluster(stand_ins, product, broken="broken")
    environment = {"PATH": f"{stand_ins}:{support.TOOLS_FIRST}", "PYTHONPATH": str(support.CLOCK), **PIPELINE}
    done = support.run("scripts/roll-out", "dev", "HEAD", base, cwd=product, **environment)
    assert done.returncode == 1
    assert "dev: back to backend b2" in done.stdout
    assert "dev: healthy at" in done.stdout, done.stderr
    assert tags(product) == ["f2", "b2"]
