"""Everything that takes tags has those of the answer, as the providers' schemas say what does."""

import functools
import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hcl2
import pytest

from tests.terraform.roots import roots_of
from tests.terraform.toolchain import Terraform

Rendered = Callable[[str], Path]
Schemas = dict[str, dict[str, Any]]
# Together they have every file of resources.
SHAPES = [
    "database-of-azure",
    "jenkins-with-quay",
    "names-and-tags",
    "names-and-tags-of-several-clusters",
    "previews",
    "secrets-alone",
    "signed-images-on-github",
    "signed-images-on-jenkins",
    "what-exists-is-used",
]
# azurerm's `tags` of a record are what Azure calls its metadata: no policy looks at them.
UNTAGGED = {"azurerm_dns_a_record"}
CASES = [(shape, root) for shape in SHAPES for root in roots_of(shape) if root != "gitops"]


@pytest.fixture(scope="session")
def schema_of(terraform: Terraform, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Schemas]:
    """Give the schema of each resource that a root may have."""

    @functools.cache
    def asked(versions: str) -> Schemas:
        folder = tmp_path_factory.mktemp("schema")
        (folder / "terraform.tf").write_text(versions, encoding="utf-8")
        assert terraform.run("init", "-no-color", cwd=folder).returncode == 0
        providers = json.loads(terraform.run("providers", "schema", "-json", cwd=folder).stdout)["provider_schemas"]
        return {name: one["block"] for each in providers.values() for name, one in each["resource_schemas"].items()}

    return lambda root: asked((root / "terraform.tf").read_text(encoding="utf-8"))


def untagged(schemas: Schemas, folder: Path) -> Iterator[str]:
    """Yield the resources of a root, and the blocks within, that take tags and set none."""
    for path in sorted(folder.glob("*.tf")):
        for resource in hcl2.loads(path.read_text(encoding="utf-8")).get("resource", []):
            for kind, named in resource.items():
                for name, body in named.items() if kind.strip('"') not in UNTAGGED else ():
                    yield from _lacking(schemas[kind.strip('"')], body, f"{path.name}: {kind}.{name}".replace('"', ""))


def _lacking(schema: dict[str, Any], body: dict[str, Any], where: str) -> Iterator[str]:
    takes = schema.get("attributes", {}).get("tags", {}).get("optional")
    if takes and not re.search(r"\b(local|var)\.tags\b", str(body.get("tags"))):
        yield where
    for name, one in schema.get("block_types", {}).items():
        for block in body.get(name, []):
            yield from _lacking(one["block"], block, f"{where}.{name}")


@pytest.mark.parametrize(("shape", "root"), CASES)
def test_every_resource_that_takes_tags_has_them(
    shape: str, root: str, rendered: Rendered, schema_of: Callable[[Path], Schemas]
) -> None:
    folder = rendered(shape) / "terraform" / root
    assert list(untagged(schema_of(folder), folder)) == []


def test_one_that_is_forgotten_is_found(
    rendered: Rendered, schema_of: Callable[[Path], Schemas], tmp_path: Path
) -> None:
    folder = shutil.copytree(rendered("names-and-tags") / "terraform" / "platform", tmp_path / "platform")
    path = folder / "cluster.tf"
    path.write_text(re.sub(r" +tags += local.tags\n", "", path.read_text(encoding="utf-8")), encoding="utf-8")
    found = list(untagged(schema_of(folder), folder))
    assert found == [f"cluster.tf: azurerm_kubernetes_cluster.this{more}" for more in ("", ".default_node_pool")]
