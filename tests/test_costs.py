"""What a product says that it costs: counted as its own code makes it, by prices that have a date and a source."""

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import hcl2
import pytest
import yaml

from docs.tools import prices
from hooks import post_generation
from tests import support
from tests.in_process import InProcess

TABLE = json.loads(prices.TABLE.read_text(encoding="utf-8"))
KINDS = [
    "automatic-in-the-network-of-each-environment",
    "defaults",
    "everything-in-the-network",
    "private-data-of-a-cluster-for-each-environment",
    "cluster-per-environment-with-gateway-and-database-of-azure",
    "jenkins-with-ghcr-for-production",
    "previews",
    "production-database-of-azure-with-opentofu",
    "production-size-with-four-environments",
    "several-public-services",
]


def settings(product: Path) -> list[dict[str, Any]]:
    """The values of each cluster's platform."""
    paths = sorted((product / "terraform" / "platform").glob("*.tfvars"))
    return [hcl2.loads(re.sub(r"#.*", "", path.read_text(encoding="utf-8"))) for path in paths]


@pytest.mark.costly
@pytest.mark.parametrize("name", KINDS)
def test_what_is_counted_is_what_the_product_makes(in_process: InProcess, name: str, tmp_path: Path) -> None:
    answers = in_process.render(support.answers(name), tmp_path / "product")
    product, lines = tmp_path / "product", {line["what"] for line in answers["costs"]["lines"]}
    clusters = settings(product)
    pools = [cluster[pool] for cluster in clusters for pool in ("system_nodes", "app_nodes") if pool in cluster]
    machines = {str(pool["vm_size"]).strip('"') for pool in pools}
    counted = {f"nodes: {sum(pool['min_count'] for pool in pools)} x {machine}" for machine in machines}
    assert {line for line in lines if line.startswith("nodes: ")} == counted
    assert ("control plane of AKS Automatic" in lines) == (not pools)
    assert ("control plane with an SLA" in lines) == ("Standard" in clusters[0].get("sku_tier", ""))
    objects = [yaml.safe_load(path.read_text()) for path in product.glob("apps/*/base/*/service.yaml")]
    public = [item for item in objects if "internal" not in str(item["metadata"].get("annotations"))]
    balanced = sum(item["spec"].get("type") == "LoadBalancer" for item in public) * len(answers["environment_list"])
    gateways = sum("gateway_address_name" in cluster for cluster in clusters)
    assert f"load balancer and public addresses: {balanced + gateways + len(clusters)}" in lines
    registries = [
        path.read_text() for path in product.glob("terraform/*/*.tfvars") if "registry_sku" in path.read_text()
    ]
    skus = set(re.findall(r'^registry_sku *= "(\w+)"', "\n".join(registries), re.MULTILINE))
    assert {line for line in lines if line.startswith("registry: ")} == {f"registry: {sku}" for sku in skus}
    assert ("registry of previews: Basic" in lines) == (product / "terraform/platform/registry_previews.tf").exists()
    endpoints = [path.read_text() for path in product.glob("terraform/platform/private_endpoints.tf")]
    private = sum(len(re.findall(r"^ +part +=|part = ", text, re.MULTILINE)) for text in endpoints) * len(clusters)
    assert {line for line in lines if "endpoints" in line} == ({f"private endpoints: {private}"} if private else set())
    for cluster in clusters:
        if server := cluster.get("database_server"):
            twice = 2 if server["standby"] else 1
            sku = str(server["sku"]).strip('"').split("Standard_")[1]
            assert f"database: {twice * len(clusters)} x {sku}, {server['storage_mb'] // 1024} GiB" in lines
    for path in product.glob("apps/*/base/database/statefulset.yaml"):
        (claim,) = yaml.safe_load(path.read_text())["spec"]["volumeClaimTemplates"]
        assert claim["spec"]["resources"]["requests"]["storage"] == "10Gi", "billed as 16 GiB"
        premium = claim["spec"]["storageClassName"] == "managed-csi-premium"
        assert premium == ("Standard" in clusters[0]["sku_tier"])
        assert f"disks of the database: {len(answers['environment_list'])} x 16 GiB" in lines


@pytest.mark.costly
@pytest.mark.parametrize("name", KINDS)
def test_the_readme_says_the_sum_of_its_lines_and_the_end_message_the_same(
    in_process: InProcess, name: str, tmp_path: Path
) -> None:
    answers = in_process.render(support.answers(name), tmp_path / "product")
    lines = [f"{line['what']} {line['month']}" for line in answers["costs"]["lines"]]
    total, _, left_out = post_generation.costs(tmp_path / "product").partition(". Left out: ")
    kinds = [(line["what"].partition(":")[0], line["month"].partition(" in ")[0]) for line in answers["costs"]["lines"]]
    assert total.endswith(": " + ", ".join(f"{kind} {month}" for kind, month in kinds))
    assert left_out.startswith("tax and discounts")
    dollars = [int(found[1]) for line in lines if (found := re.search(r" [$](\d+)( in \w+)?$", line))]
    assert total.startswith(f"${sum(dollars)} a month in {answers['region']}")
    assert ("not known" in total) == any("not known" in line for line in lines)


def test_a_price_of_the_region_comes_before_that_of_another(in_process: InProcess) -> None:
    def nodes(region: str) -> str:
        return str(in_process.ask({"region": region})["costs"]["lines"][0]["month"])

    of = TABLE["Standard_D2ads_v5"]["prices"]
    assert nodes("northeurope") == f"${3 * 730 * of['northeurope']:.0f}"
    assert "japaneast" not in of
    assert nodes("japaneast") == f"${3 * 730 * of['eastus']:.0f} in eastus"


def test_each_price_has_a_source_and_a_date_and_is_read_by_the_template() -> None:
    counted = (support.ROOT / "includes" / "costs.jinja").read_text(encoding="utf-8")
    for name, meter in TABLE.items():
        assert list(meter) == ["unit", "date", "source", "query", "prices"]
        assert meter["source"]
        assert bool(meter["prices"]) == bool(re.fullmatch(r"20\d\d-\d\d-\d\d", meter["date"]))
        assert f'"{name}"' in counted or name.startswith("registry ")
    assert prices.written(TABLE) == prices.TABLE.read_text(encoding="utf-8")


class PriceList(BaseHTTPRequestHandler):
    """Answers as Azure's list does: two pages for each query, with what is not asked for among it."""

    gone = ""

    def do_GET(self) -> None:
        asked = parse_qs(urlsplit(self.path).query)
        (query,) = asked["$filter"]
        entry = {"armRegionName": "eastus", "retailPrice": 2, "tierMinimumUnits": 5, "productName": "", "skuName": ""}
        pages = [
            [entry, entry | {"retailPrice": 0, "tierMinimumUnits": 0}, entry | {"skuName": "X Spot", "retailPrice": 1}],
            [entry | {"armRegionName": "", "retailPrice": 3}, entry | {"productName": "X Windows", "retailPrice": 4}],
        ]
        page = int(asked.get("page", ["0"])[0])
        more = f"http://{self.headers['Host']}{self.path}&page=1" if page == 0 else None
        found = [] if self.gone and self.gone in query else pages[page]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"Items": found, "NextPageLink": more}).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def price_list(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    with HTTPServer(("127.0.0.1", 0), PriceList) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        table = tmp_path / "prices.json"
        table.write_text(prices.written(TABLE), encoding="utf-8")
        monkeypatch.setattr(prices, "TABLE", table)
        monkeypatch.setattr(prices, "URL", f"http://127.0.0.1:{server.server_address[1]}/prices")
        yield table
        server.shutdown()


def test_make_prices_renews_every_price_and_names_where_from(price_list: Path) -> None:
    prices.main()
    renewed = json.loads(price_list.read_text(encoding="utf-8"))
    assert list(renewed) == list(TABLE)
    for name, meter in renewed.items():
        assert meter["prices"] == {"Global": 3, "eastus": 2}
        assert meter["source"] == prices.URL
        assert (meter["query"], meter["unit"]) == (TABLE[name]["query"], TABLE[name]["unit"])


def test_make_prices_changes_nothing_where_a_price_is_not_found(
    price_list: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PriceList, "gone", "E3 LRS Disk")
    before = price_list.read_text(encoding="utf-8")
    with pytest.raises(SystemExit, match="error: disk E3 LRS: the list has no such price: correct the query"):
        prices.main()
    assert price_list.read_text(encoding="utf-8") == before


@pytest.mark.parametrize(("size", "database", "warned"), [
    ("production", "postgres", True), ("production", "azure", False), ("small", "postgres", False),
])  # fmt: skip
def test_a_generation_warns_of_production_with_a_database_that_each_node_upgrade_takes_down(
    in_process: InProcess, tmp_path: Path, size: str, database: str, warned: bool
) -> None:
    in_process.render({"size": size, "database": database}, tmp_path / "product")
    said = " ".join(post_generation.summary(tmp_path / "product", "").split())
    assert ("takes it down for minutes" in said) is warned
    readme = (tmp_path / "product" / "README.md").read_text(encoding="utf-8")
    assert ("answer `azure` for `database`" in readme) is warned
