"""A variable from Key Vault: without a value it is named, a changed one reaches pods by a restart, and no request is lost."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator

import pytest

from tests import support

from .processes import wait_for
from .secrets_operator import NOT_SET
from .world import DEV, World

pytestmark = pytest.mark.live

ENTRY = "dev-stripe-key"
AZ = """#!/bin/sh
[ "$1" = account ] && echo '{"id": "1", "name": "live", "state": "Enabled"}'
[ "$1 $2 $3" = "keyvault secret set" ] || exit 0
while [ $# -gt 0 ]; do
  case "$1" in --name) name=$2;; --file) file=$2;; esac
  shift
done
cat "$file" > "FOLDER/$name"
"""


@pytest.fixture(scope="module")
def keyed(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The product after an update of its answers: the backend has a secret, whose entry Terraform has made."""
    folder = tmp_path_factory.mktemp("keyed")
    template = support.export_template(folder / "template")
    services = ["frontend", {"name": "backend", "secrets": ["STRIPE_KEY"]}]
    before, after = (
        support.render(template, folder / name, {"git_repository": re.sub("//[^:]+", "//localhost", world.url), **more})
        for name, more in (("before", {}), ("after", {"services": services}))
    )
    for path in (path for part in ("apps", "scripts", "terraform") for path in (after / part).rglob("*")):
        place = path.relative_to(after)
        old = before / place
        if path.is_file() and not (old.is_file() and old.read_bytes() == path.read_bytes()):
            (world.product / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, world.product / place)
    shutil.copy2(after / "Makefile", world.product)
    (folder / "values").mkdir()
    (folder / "values" / ENTRY).write_text(NOT_SET)
    world.operator.written = folder / "values"
    world.operator.roles["client of key-vault-dev"].add(ENTRY)
    az = folder / "az"
    az.write_text(AZ.replace("FOLDER", str(folder / "values")))
    az.chmod(0o755)
    head = support.git("rev-parse", "HEAD", cwd=world.product)
    world.commit("Give the backend a secret")
    yield world
    world.operator.written = None
    support.git("revert", "--no-edit", f"{head}..HEAD", cwd=world.product)
    support.git("push", "-q", "origin", "HEAD:main", cwd=world.product)
    world.run("scripts/refresh", "dev")
    world.run("scripts/wait-healthy", "dev", "--timeout", "180")


def given(world: World, value: str) -> str:
    """Set the variable as a person does; what is printed."""
    assert world.operator.written
    path = f"{world.operator.written.parent}:$PATH"
    return world.run("sh", "-c", f"printf %s '{value}' | PATH={path} make secret ENV=dev NAME=STRIPE_KEY")


def values(world: World) -> set[str]:
    """What the pods have that are to stay."""
    selector = "labelSelector=app.kubernetes.io%2Fname%3Dbackend"
    pods = world.cluster.api.get(f"/api/v1/namespaces/{DEV}/pods?{selector}")["items"]
    names = [pod["metadata"]["name"] for pod in pods if "deletionTimestamp" not in pod["metadata"]]
    printing = ("--", "python", "-c", "import os; print(os.environ['STRIPE_KEY'])")
    return {world.cluster.kubectl("-n", DEV, "exec", name, *printing).strip() for name in names}


def test_a_variable_without_a_value_is_named_and_the_old_pods_go_on(keyed: World) -> None:
    with keyed.load("dev") as load:
        keyed.run("scripts/refresh", "dev")
        said = keyed.run("scripts/wait-healthy", "dev", status=1)
    for words in (f"couldn't find key STRIPE_KEY in Secret {DEV}/backend", "make secret ENV=dev NAME=STRIPE_KEY"):
        assert words in said
        assert words in keyed.run("scripts/status", "dev")
    assert load.failed == []


def test_a_value_that_is_set_starts_them(keyed: World) -> None:
    printed = given(keyed, "first")
    assert "first" not in printed
    assert "Restarted: backend." in printed
    keyed.run("scripts/wait-healthy", "dev")
    assert values(keyed) == {"first"}


def test_another_value_reaches_pods_without_a_lost_request_and_argo_cd_leaves_it(keyed: World) -> None:
    with keyed.load("dev") as load:
        given(keyed, "second")
        keyed.run("scripts/wait-healthy", "dev")
        wait_for("every pod has it", lambda: values(keyed) == {"second"}, 60)
    assert load.failed == []
    at = "kubectl.kubernetes.io/restartedAt"
    generation = keyed.deployment("dev", "backend")["metadata"]["generation"]
    keyed.run("scripts/refresh", "dev")
    keyed.run("scripts/wait-healthy", "dev")
    deployment = keyed.deployment("dev", "backend")
    assert at in deployment["spec"]["template"]["metadata"]["annotations"]
    assert deployment["metadata"]["generation"] == generation
