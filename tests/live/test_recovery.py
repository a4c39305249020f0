"""The cluster is lost with Key Vault and every volume, and the product comes back as its docs/recovery.md says.

Git, the registry and a backup are what is left. Three steps are not as a person has them: the empty cluster and Key Vault are
the harness' own in place of Azure's, so Argo CD comes as in the other tests rather than by `make up`, and the log of the pod
that makes the backup stands for Blob Storage.
"""

from __future__ import annotations

import base64
import re
import time

import pytest

from tests import pages

from .argocd import ArgoCD
from .figures import Figures
from .processes import step, wait_for
from .world import APPLICATION, World, provide

pytestmark = pytest.mark.live

# What a newer version of the application makes when it starts, before the data is there.
MIGRATION = "CREATE TABLE steps (goal bigint REFERENCES goals, text text)"


def run_block(world: World, heading: str, status: int = 0) -> None:
    """Run the first block of shell below a heading of the page, which ends with this status."""
    page = world.product / "docs" / "recovery.md"
    block = re.findall(
        r"```sh\n(.*?)```", page.read_text().partition(f"# {heading}\n")[2].partition("\n#")[0], re.DOTALL
    )[0]
    with step(heading):
        world.run("sh", "-euc", pages.names(page) + block, status=status)


def test_the_application_comes_back_with_its_data_on_an_empty_cluster(world: World, figures: Figures) -> None:
    if world.cluster.external:
        pytest.skip("a cluster that was there before is not ours to lose")
    world.add_goal("dev", "outlive the cluster")
    goals = world.goals("dev")
    run_block(world, "Back up the database")
    for environment in ("dev", "prod"):
        log = world.cluster.kubectl(
            "-n", f"{APPLICATION}-{environment}", "logs", "job/backup-now", "--container=upload"
        )
        (world.product / f"{environment}.dump").write_bytes(base64.b64decode(log))
    world.operator.stop()
    with step("lose the cluster, Key Vault and the volumes"):
        world.cluster.replace()
    started = time.monotonic()
    with ArgoCD(world.cluster, world.product) as world.argocd:
        world.operator, world.deploy_kubeconfig = provide(world.cluster, world.product)
        world.grant()
        with step("apply bootstrap/, and nothing else, until dev is healthy"):
            world.run("kubectl", "apply", "-k", "bootstrap")
            wait_for("the bootstrap Application has made dev's", lambda: world.application("dev") is not None, 120)
            world.run("scripts/wait-healthy", "dev", "--timeout", "180")
        healthy = time.monotonic()
        assert world.goals("dev") == []
        world.add_goal("dev", "written before the data was there")
        world.sql("dev", MIGRATION)
        restoring = time.monotonic()
        run_block(world, "5. The data")
        wait_for("the goals are back", lambda: world.answers("dev", goals), 120)
        done = time.monotonic()
        backup = world.product / "dev.dump"
        backup.write_bytes(backup.read_bytes()[:-40])
        run_block(world, "5. The data", status=1)
        assert world.goals("dev") == goals
        wait_for("dev is as Git says", lambda: world.settled("dev"), 120)
    spent = f"{(done - restoring) / 60:.1f} of them for the data, {(healthy - started) / 60:.1f} for the rest"
    figures.add(
        "an empty cluster and Key Vault to the application with its data",
        f"{(done - started) / 60:.1f} minutes, {spent}",
    )
