"""The pipelines of Jenkins on the live cluster, with every registry: run by Jenkins' own version of Groovy.

What the agents' images hold is on this machine, or a stand-in as for the workflows (shims.py). Jenkins itself is the
harness of tests/jenkins.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import support
from tests.jenkins import toolchain
from tests.jenkins.builds import Jenkins, everywhere

from . import shims
from .settings import REPOSITORY
from .world import REGISTRIES, World, another_product, assert_released

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def java() -> Iterator[toolchain.Java]:
    """A virtual machine for all builds."""
    found = toolchain.find()
    yield found
    found.close()


def jenkins(world: World, java: toolchain.Java, url: str, folder: Path) -> Jenkins:
    """A Jenkins whose agents have the pipeline's rights in the cluster."""
    shims.install(folder / "bin", REPOSITORY, world.cluster.tools.bin / "kubectl", "buildctl-daemonless.sh")
    (folder / "token").write_text("a token of the service account")
    system = [path for path in os.environ["PATH"].split(os.pathsep) if not Path(path, "docker").exists()]
    path = [folder / "bin", world.cluster.tools.bin, Path(sys.executable).parent, *system, "/usr/sbin"]
    environment = {
        "PATH": os.pathsep.join(map(str, path)),
        "KUBECONFIG": str(world.deploy_kubeconfig),
        "AZURE_CLIENT_ID": "client",
        "AZURE_TENANT_ID": "tenant",
        "AZURE_FEDERATED_TOKEN_FILE": str(folder / "token"),
    }
    return Jenkins(java, url, folder / "jenkins", everywhere(environment))


@pytest.mark.parametrize("registry", REGISTRIES)
def test_a_first_build_on_jenkins_builds_everything_and_ends_healthy_with_any_registry(
    world: World, java: toolchain.Java, tmp_path: Path, registry: str
) -> None:
    name = f"jenkins-{registry}"
    answers = {"ci": "jenkins", "registry": registry, "registry_name": REGISTRIES[registry][0]}
    with another_product(world, tmp_path, name, **answers) as url:
        ours = jenkins(world, java, url, tmp_path)
        build = ours.run()
        assert build.result == "SUCCESS", f"{build.reason}\n{build.said()[-4000:]}"
        assert re.search(r"dev: healthy at \w+ after", build.said())
        assert build.said().count("cosign sign --yes --key azurekms://") == 2
        assert build.said().count("is signed by the key of the pipeline") == 2
        assert_released(world, name, registry)
        if registry == "acr":
            the_next_version_that_does_not_start_is_put_back(world, ours, tmp_path, name)


def the_next_version_that_does_not_start_is_put_back(world: World, ours: Jenkins, folder: Path, name: str) -> None:
    """The old version serves on, the tags come back, and the build that their commit starts builds nothing."""
    clone = folder / "clone"
    support.git("clone", "-q", ours.remote, str(clone), cwd=folder)
    source = clone / "src" / "backend" / "app.py"
    source.write_text(source.read_text().replace("import server\n", "import server\nraise SystemExit('broken')\n"))
    support.git("commit", "-qam", "Break the backend", cwd=clone)
    support.git("push", "-q", "origin", "main", cwd=clone)

    def image() -> str:
        deployment = world.cluster.api.get(f"/apis/apps/v1/namespaces/{name}-dev/deployments/backend")
        return str(deployment["spec"]["template"]["spec"]["containers"][0]["image"])

    sound = image()
    build = ours.run()
    assert build.result == "FAILURE"
    assert "wait-healthy: dev is not healthy" in build.said()
    assert "dev: back to backend" in build.said()
    assert image() == sound
    build = ours.run()
    assert build.result == "SUCCESS", build.reason
    assert not build.ran("scripts/build-images"), "the commits of the pipeline start no build"
