"""Names in Azure: one answer changes a name, and every file of the product follows."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests import support
from tests.in_process import InProcess

# Together they have every kind of name.
SHAPES = {
    "cluster-per-environment-with-gateway-and-database-of-azure": {"monitoring": True},
    "database-of-azure": {"monitoring": True},
    "previews-beside-a-gateway": {},
    "signed-images-on-jenkins": {},
}
# Another name of every kind.
CHANGED = {
    **{
        kind: f"new-{kind.replace('_', '-')}-{{cluster}}"
        for kind in (
            *("resource_group", "node_resource_group", "state_resource_group", "registry_resource_group"),
            *("database_server", "virtual_network", "log_analytics", "gateway_address", "monitor_workspace"),
            *("data_collection_rule", "action_group", "database_security_group", "push_identity", "identities"),
        )
    },
    "data_collection_endpoint": "new-{cluster}",
    "state_storage": "newstate{unique}",
    "backup_storage": "newdumps{unique}{environment}",
    "key_vault": "new{unique}{environment}",
    "previews_registry": "newprs{unique}",
}


def changed(answers: dict[str, Any]) -> dict[str, str]:
    """Return another name of every kind; without clusters of their own, environments have none."""
    own = answers.get("cluster_layout") == "per-environment"
    return {kind: name if own else name.replace("{environment}", "") for kind, name in CHANGED.items()}


def names(answers: dict[str, Any]) -> dict[str, str]:
    """Return every name in Azure by what it is of."""
    return {f"{one['name']} {kind}": name for one in answers["cluster_list"] for kind, name in one["names"].items()}


@pytest.mark.costly
@pytest.mark.parametrize("shape", SHAPES)
def test_every_file_follows_a_name_that_is_changed_in_one_place(
    shape: str, in_process: InProcess, tmp_path: Path
) -> None:
    answers = {**support.answers(shape), **SHAPES[shape]}
    usual = {"identities": "id-{cluster}"}
    before = names(in_process.render({**answers, "names": usual}, tmp_path / "before"))
    after = names(in_process.render({**answers, "names": changed(answers)}, tmp_path / "after"))
    assert {what.split()[1] for what in before} == set(CHANGED)
    assert not set(before.values()) & set(after.values())
    old = re.compile("|".join(sorted(map(re.escape, before.values()), key=len, reverse=True)))
    new = {before[what]: after[what] for what in before}
    paths = support.relative(tmp_path / "before")
    assert paths == support.relative(tmp_path / "after")
    for path in paths:
        if path != ".copier-answers.yml":
            text = (tmp_path / "before" / path).read_text(encoding="utf-8")
            assert (tmp_path / "after" / path).read_text(encoding="utf-8") == old.sub(
                lambda found: new[found[0]], text
            ), path


@pytest.mark.parametrize("shape", ["names-and-tags", "names-and-tags-of-several-clusters"])
def test_no_name_is_put_together_elsewhere(shape: str, in_process: InProcess, tmp_path: Path) -> None:
    """What is within the things that have names of their own may be called after the cluster."""
    in_process.render(support.answers(shape), tmp_path)
    for path in tmp_path.glob("terraform/*/*.tf"):
        assert not re.search(r"""["'][a-z]+-\$\{(var|local\.platform)\.cluster_name""", path.read_text()), path
    for path in tmp_path.glob("scripts/**/*"):
        assert path.is_dir() or not re.search(r"\b(rg|id|vnet|pip)-[\{$]", path.read_text()), path
