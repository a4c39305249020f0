"""includes/prices.json: what Azure asks for what a product makes, renewed from Azure's public price list.

Usage: python -m docs.tools.prices

The list needs no sign-in: https://learn.microsoft.com/rest/api/cost-management/retail-prices/azure-retail-prices.
PRICES_URL names another server that answers as it does.
"""

import datetime
import json
import os
import sys
import urllib.parse
import urllib.request
from typing import Any

from tests import support

TABLE = support.ROOT / "includes" / "prices.json"
URL = os.environ.get("PRICES_URL", "https://prices.azure.com/api/retail/prices")
# What the list has for prices that are the same everywhere.
EVERYWHERE = "Global"
# Beside a machine's own price stand those with Windows, and those of machines that Azure may take away.
OTHERS = ("Windows", "Spot", "Low Priority")


def written(table: dict[str, Any]) -> str:
    """Return the table as the file has it, a line for each fact."""
    meters = []
    for name, meter in table.items():
        facts = ",\n".join(f"    {json.dumps(key)}: {json.dumps(value)}" for key, value in meter.items())
        meters.append(f"  {json.dumps(name)}: {{\n{facts}\n  }}")
    return "{\n" + ",\n".join(meters) + "\n}\n"


def items(query: str) -> list[dict[str, Any]]:
    """Return the entries of the list for a query, from all of its pages."""
    found: list[dict[str, Any]] = []
    page = f"{URL}?" + urllib.parse.urlencode({"$filter": f"{query} and priceType eq 'Consumption'"})
    while page:
        with urllib.request.urlopen(page, timeout=60) as answer:  # noqa: S310 - https, unless a test says otherwise
            loaded = json.load(answer)
        found += loaded["Items"]
        page = loaded["NextPageLink"]
    return found


def prices(found: list[dict[str, Any]]) -> dict[str, float]:
    """Return the price by region: that of the first quantity that is not free.

    Raises:
        ValueError: there is none, or a region has two.
    """
    tiers: dict[str, list[tuple[float, float]]] = {}
    for item in found:
        if item["retailPrice"] and not any(word in f"{item['productName']} {item['skuName']}" for word in OTHERS):
            region = item["armRegionName"] or EVERYWHERE
            tiers.setdefault(region, []).append((item["tierMinimumUnits"], item["retailPrice"]))
    for region, asked in tiers.items():
        if len({price for units, price in asked if units == min(asked)[0]}) > 1:
            raise ValueError(f"{region} has several prices: make the query narrower")
    if not tiers:
        raise ValueError("the list has no such price: correct the query")
    return {region: min(asked)[1] for region, asked in sorted(tiers.items())}


def main() -> None:
    """Write the table anew, or leave it as it is and say why."""
    table = json.loads(TABLE.read_text(encoding="utf-8"))
    failed = []
    for name, meter in table.items():
        try:
            meter |= {"prices": prices(items(meter["query"])), "source": URL}
            meter["date"] = datetime.datetime.now(datetime.UTC).date().isoformat()
        except (OSError, ValueError, KeyError) as error:
            failed.append(f"error: {name}: {error}")
    if failed:
        sys.exit("\n".join([*failed, f"error: {TABLE.name} is as it was: fix the above, or the way to {URL}"]))
    TABLE.write_text(written(table), encoding="utf-8")
    print(f"{TABLE.name}: {len(table)} prices of {URL}")


if __name__ == "__main__":
    main()
