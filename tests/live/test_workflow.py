"""The product's own workflow runs on the live cluster: its conditions, outputs and order, by act on this machine.

What the workflow calls and is not on this machine, docker, az and gh, are stand-ins (shims.py).
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests import runner, support

from . import shims
from .processes import wait_for
from .settings import REPOSITORY
from .world import REGISTRIES, World, another_product, assert_released

pytestmark = pytest.mark.live


def act(world: World, url: str, folder: Path, before: str) -> subprocess.CompletedProcess[str]:
    """Run the release workflow of a repository as a push of its newest commit does, with the pipeline's own rights."""
    shims.install(folder / "bin", REPOSITORY, world.cluster.tools.bin / "kubectl", "docker")
    return runner.run(
        folder,
        url,
        "release",
        "push",
        {"before": before},
        path=f"{folder / 'bin'}:{world.cluster.tools.bin}:{support.TOOLS_FIRST}",
        inherited={"KUBECONFIG": str(world.deploy_kubeconfig)},
        variables={"AKS_CLUSTER": "aks-goal-tracker", "AKS_RESOURCE_GROUP": "rg-aks-goal-tracker"},
    )


def changed_backend(world: World, line: str) -> tuple[str, str]:
    """Push a change of the backend's source; the commits before and after."""
    support.git("fetch", "-q", "origin", "main", cwd=world.product)
    support.git("reset", "-q", "--hard", "FETCH_HEAD", cwd=world.product)
    before = support.git("rev-parse", "HEAD", cwd=world.product)
    source = world.product / "src" / "backend" / "app.py"
    sound = source.read_text()
    source.write_text(sound.replace("import server\n", f"import server\n{line}\n"))
    assert source.read_text() != sound
    return before, world.commit("Change the backend")


def test_a_push_of_source_code_is_built_bumped_and_waited_for(world: World, tmp_path: Path) -> None:
    before, after = changed_backend(world, "# A change.")
    done = act(world, world.url, tmp_path, before)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
    assert "dev: back to" not in done.stdout
    assert re.search(r"dev: healthy at \w+ after", done.stdout)
    images = [line for line in done.stdout.splitlines() if "::set-output:: images=" in line]
    assert re.search(rf"images=backend=sha-{after}@sha256:[0-9a-f]{{64}}$", images[0].strip()), (
        "only what changed is built"
    )
    signed = [line for line in done.stdout.splitlines() if "cosign sign --yes" in line]
    assert len(signed) == 1
    assert re.search(r"/backend@sha256:[0-9a-f]{64}$", signed[0].strip())
    assert f"dev: backend sha-{after} is signed by release.yml" in done.stdout
    wait_for("the new backend", lambda: f"sha-{after}" in world.running_image("backend"), 10)


def test_a_version_that_does_not_start_fails_the_run_and_is_put_back(world: World, tmp_path: Path) -> None:
    sound = world.running_image("backend")
    before, _ = changed_backend(world, "raise SystemExit('broken on purpose')")
    # The stand-in for cosign knows what was signed beside it; what runs was signed elsewhere.
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "signed").write_text(re.sub(r":[^:/@]+@", "@", sound) + "\n")
    done = act(world, world.url, tmp_path, before)
    assert done.returncode != 0
    assert "wait-healthy: dev is not healthy" in done.stdout
    assert "dev: back to backend" in done.stdout, done.stdout[-4000:]
    world.run("scripts/wait-healthy", "dev", "--timeout", "90")
    wait_for("the sound backend", lambda: world.running_image("backend") == sound, 10)
    log = support.git("log", "-1", "--format=%s", "origin/main", cwd=fetched(world))
    assert log.startswith("deploy(dev): roll back to backend")


def fetched(world: World) -> Path:
    """The product's clone, with the server's newest commits."""
    support.git("fetch", "-q", "origin", cwd=world.product)
    return world.product


# The world's own product has acr.
@pytest.mark.parametrize("registry", [key for key in REGISTRIES if key != "acr"])
def test_the_first_push_of_a_product_builds_everything_and_ends_healthy_with_any_registry(
    world: World, tmp_path: Path, registry: str
) -> None:
    name = f"shop-{registry}"
    with another_product(world, tmp_path, name, registry=registry, registry_name=REGISTRIES[registry][0]) as url:
        done = act(world, url, tmp_path, "0" * 40)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
        assert re.search(r"dev: healthy at \w+ after", done.stdout)
        assert_released(world, name, registry)
