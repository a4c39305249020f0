"""What a region has: zones, a pair."""

import json
import re
from pathlib import Path

import pytest

from tests import support
from tests.in_process import InProcess


def _regions(file: str, name: str) -> set[str]:
    text = (support.ROOT / "includes" / file).read_text(encoding="utf-8")
    found = re.search(rf"#% set {name} = (\[[^]]*\]) %#", text)
    assert found
    return set(json.loads(found[1]))


WITHOUT_ZONES, WITHOUT_PAIR = (_regions("names.jinja", f"REGIONS_WITHOUT_{name}") for name in ("ZONES", "PAIR"))
# What asks for several zones: an argument of azurerm, a copy of storage, a registry.
ZONES = re.compile(r'^zones += \[".*|"G?ZRS"|ZoneRedundant', re.MULTILINE)


def test_each_region_of_the_lists_is_one_that_can_be_chosen() -> None:
    assert _regions("rules.jinja", "REGIONS") > WITHOUT_ZONES | WITHOUT_PAIR


def test_backups_are_copied_in_every_region() -> None:
    assert not WITHOUT_ZONES & WITHOUT_PAIR


@pytest.mark.parametrize(("region", "size", "spread"), [
    ("westus", "production", False), ("westeurope", "production", True), ("westeurope", "small", False),
])  # fmt: skip
@pytest.mark.parametrize(("layout", "database"), [("shared", "postgres"), ("per-environment", "azure")])
def test_zones_are_asked_for_where_the_region_has_them(
    in_process: InProcess, tmp_path: Path, region: str, size: str, spread: bool, layout: str, database: str
) -> None:
    answers = {"region": region, "size": size, "cluster_layout": layout, "database": database}
    in_process.render(answers, tmp_path / "product")
    for path in (tmp_path / "product" / "terraform").rglob("*.tfvars"):
        asks = bool(ZONES.search(path.read_text(encoding="utf-8")))
        assert asks == (spread and path.parent.name in ("state", "registry", "platform")), path
