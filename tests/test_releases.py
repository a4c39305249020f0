"""What a release builds: whatever the environment lacks, however it came to lack it."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests import support
from tests.gitserver import GitServer

pytestmark = pytest.mark.slow


def change(product: Path, *services: str) -> None:
    """Change the sources of services in one commit, and push it."""
    for service in services:
        with (product / "src" / service / "app.py").open("a") as file:
            file.write("# A change.\n")
    support.git("commit", "-qam", "Change it", cwd=product)
    support.git("push", "-q", "-f", "origin", "main", cwd=product)


def run(product: Path, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    done = support.run(sys.executable, f"scripts/{name}", *arguments, cwd=product)
    assert done.returncode == 0, done.stderr
    return done


def deploy(product: Path, *services: str, tag: str = "", environment: str = "dev") -> None:
    tag = tag or f"sha-{support.git('rev-parse', 'HEAD', cwd=product)}"
    run(product, "bump-image", environment, *[f"{service}={tag}" for service in services])


def revert(product: Path) -> None:
    """Undo the newest change of sources."""
    commit = support.git("log", "-1", "--format=%H", "--", "src", cwd=product)
    support.git("revert", "--no-edit", commit, cwd=product)
    support.git("push", "-q", "origin", "main", cwd=product)


BOTH = ("backend", "frontend")


def both(product: Path) -> None:
    deploy(product, *BOTH)


def backend(product: Path) -> None:
    change(product, "backend")


def frontend(product: Path) -> None:
    change(product, "frontend")


def deployed(product: Path) -> None:
    deploy(product, "backend")


def rolled_back(product: Path) -> None:
    run(product, "rollback", "dev")


def by_hand(product: Path) -> None:
    deploy(product, "backend", tag="v1")


def lost(product: Path) -> None:
    """The build was of a branch that is gone, or of a commit that a forced push has replaced."""
    deploy(product, "backend", tag=f"sha-{'ab' * 20}")


def elsewhere(product: Path) -> None:
    deploy(product, *BOTH, environment="prod")


STORIES: dict[str, list[tuple[Callable[[Path], None], str]]] = {
    "releases that failed": [
        (by_hand, "backend frontend"),
        (both, ""),
        (backend, "backend"),
        (frontend, "backend frontend"),
        (elsewhere, "backend frontend"),
        (both, ""),
    ],
    "what is put back": [
        (both, ""),
        (backend, "backend"),
        (revert, ""),
        (backend, "backend"),
        (deployed, ""),
        (rolled_back, ""),
        (frontend, "frontend"),
        (both, ""),
        (revert, "frontend"),
    ],
    "tags that name no commit": [(both, ""), (by_hand, ""), (backend, "backend"), (lost, "backend"), (deployed, "")],
}


@pytest.mark.parametrize("story", STORIES)
def test_a_release_builds_what_the_environment_lacks(story: str, pushed_product: Path) -> None:
    for step, lacks in STORIES[story]:
        step(pushed_product)
        assert run(pushed_product, "changed-services", "--released", "dev").stdout == f"{lacks}\n", step.__name__


def test_a_release_knows_what_the_one_before_it_has_deployed_since_it_was_pushed(pushed_product: Path) -> None:
    both(pushed_product)
    backend(pushed_product)
    backends = support.git("rev-parse", "HEAD", cwd=pushed_product)
    frontend(pushed_product)
    frontends = support.git("rev-parse", "HEAD", cwd=pushed_product)
    deploy(pushed_product, "backend", tag=f"sha-{backends}")
    support.git("checkout", "-q", frontends, cwd=pushed_product)
    assert run(pushed_product, "changed-services", "--released", "dev").stdout == "frontend\n"
    # Where the server can't be asked, rather one too many.
    support.git("remote", "set-url", "origin", "/nowhere", cwd=pushed_product)
    done = run(pushed_product, "changed-services", "--released", "dev")
    assert done.stdout == "backend frontend\n"
    assert "as of this clone, because the server can't be asked" in done.stderr


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    with GitServer(tmp_path) as running:
        yield running


def test_a_shallow_clone_knows_what_is_released(pushed_product: Path, server: GitServer) -> None:
    both(pushed_product)
    frontend(pushed_product)
    url = server.create("demo/product")
    support.git("push", "-q", url, "main", cwd=pushed_product)
    shallow = pushed_product.parent / "shallow"
    support.git("clone", "-q", "--depth=1", url, str(shallow), cwd=pushed_product)
    assert run(shallow, "changed-services", "--released", "dev").stdout == "frontend\n"


def test_sources_in_a_submodule_are_released_and_tested(
    pushed_product: Path, server: GitServer, tmp_path: Path
) -> None:
    """As a checkout of the pipeline has them: an empty folder."""
    url = server.create("demo/backend")
    source = (pushed_product / "src" / "backend").rename(tmp_path / "backend")
    support.git("init", "-q", "-b", "main", cwd=source)
    support.git("add", "-A", cwd=source)
    support.git("commit", "-q", "-m", "Begin", cwd=source)
    support.git("push", "-q", url, "main", cwd=source)
    support.git("rm", "-q", "-r", "--cached", "src/backend", cwd=pushed_product)
    support.git("submodule", "--quiet", "add", url, "src/backend", cwd=pushed_product)
    support.git("commit", "-q", "-am", "Have the backend in its own repository", cwd=pushed_product)
    support.git("push", "-q", "origin", "main", cwd=pushed_product)
    both(pushed_product)
    (pushed_product / "src" / "backend" / "NOTES.md").write_text("A change.\n")
    support.git("add", "-A", cwd=pushed_product / "src" / "backend")
    support.git("commit", "-q", "-m", "Change it", cwd=pushed_product / "src" / "backend")
    support.git("push", "-q", "origin", "HEAD:main", cwd=pushed_product / "src" / "backend")
    # It hides every change of it from `git diff`.
    support.git("config", "-f", ".gitmodules", "submodule.src/backend.ignore", "all", cwd=pushed_product)
    support.git("add", "-A", "--force", cwd=pushed_product)
    support.git("update-index", "--cacheinfo", f"160000,{support.git('rev-parse', 'HEAD', cwd=pushed_product / 'src/backend')},src/backend", cwd=pushed_product)  # fmt: skip
    support.git("commit", "-q", "-m", "Take the change over", cwd=pushed_product)
    support.git("push", "-q", "origin", "main", cwd=pushed_product)
    remote = support.git("remote", "get-url", "origin", cwd=pushed_product)
    checkout = tmp_path / "checkout"
    support.git("clone", "-q", remote, str(checkout), cwd=tmp_path)
    assert run(checkout, "changed-services", "--released", "dev").stdout == "backend\n"
    assert run(checkout, "changed-services", "HEAD^").stdout == "backend\n"
    docker = tmp_path / "bin" / "docker"
    docker.parent.mkdir()
    docker.write_text('#!/bin/sh\nfor folder; do :; done\ncat "$folder/NOTES.md" >&2\n')
    docker.chmod(0o755)
    path = f"{docker.parent}:{support.TOOLS_FIRST}"
    done = support.run("scripts/build-images", "v1", "backend", cwd=checkout, PATH=path)
    assert (done.returncode, done.stderr) == (0, "A change.\n")
    shutil.rmtree(checkout / "src" / "backend")
    (checkout / "src" / "backend").mkdir()
    done = support.run("scripts/test-service", "backend", cwd=checkout, PATH=path, PYTHON="/bin/false")
    assert (checkout / "src" / "backend" / "Dockerfile").exists(), done.stderr
    for arguments in (["nobody"], []):
        done = support.run("scripts/test-service", *arguments, cwd=checkout, PATH=path)
        wrong = f"there is no src/{''.join(arguments)}: choose one of src/backend/ src/frontend/"
        assert (done.returncode, done.stderr) == (1, f"test-service: {wrong}\n")


def test_the_workflow_fails_where_its_script_does(rendered: Callable[[str], Path], tmp_path: Path) -> None:
    """A failure inside of `echo "x=$(command)"` is none: the release would end green, and build nothing."""
    for file in rendered("defaults").glob(".github/workflows/*.yml"):
        for job in yaml.safe_load(file.read_text())["jobs"].values():
            for step in job.get("steps", []):
                assert not re.search(r'echo ".*\$\(.*scripts/', step.get("run", "")), file
    release = yaml.safe_load((rendered("defaults") / ".github/workflows/release.yml").read_text())
    [step] = [step for step in release["jobs"]["build"]["steps"] if step.get("id") == "changed"]
    for program, status in (("gh", 0), ("scripts/changed-services", 3)):
        path = tmp_path / program
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\nexit {status}\n")
        path.chmod(0o755)
    path_with = f"{tmp_path}:{support.TOOLS_FIRST}"
    done = support.run("bash", "-e", "-c", step["run"], cwd=tmp_path, PATH=path_with, GITHUB_OUTPUT="/dev/null")
    assert done.returncode
