"""What a product costs a month by size: docs/cost.md and the table in README.md, from includes/prices.json.

Usage: python -m docs.tools.costs
"""

import re
import textwrap
from typing import Any

from tests import support
from tests.in_process import InProcess

PAGE = support.ROOT / "docs" / "cost.md"
README = support.ROOT / "README.md"
_MARKED = re.compile(r"(<!-- costs: .*? -->\n).*?(<!-- end of costs -->)", re.DOTALL)

_MORE = "; [here line by line](docs/cost.md)"

CASES: dict[str, dict[str, Any]] = {
    "`size: small`, with every default": {},
    "`size: small`, `database: azure`": {"database": "azure"},
    "`size: production`": {"size": "production"},
    "`size: production`, `cluster: automatic`": {"size": "production", "cluster": "automatic"},
    "`size: production`, `database: azure`, `expose: gateway`": {
        "size": "production",
        "database": "azure",
        "expose": "gateway",
    },
    "the same, and `cluster_layout: per-environment` for two environments": {
        "size": "production",
        "database": "azure",
        "expose": "gateway",
        "cluster_layout": "per-environment",
    },
}

_CHEAPER = """
## What is cheaper

- `make local` costs nothing: the whole loop on a laptop.
- Only `registry: acr` makes a registry in Azure, and only `database: azure` a database server.
- `make down` removes everything, data too, and nothing is billed any more; `make up` makes it anew.
"""


def asked() -> dict[str, dict[str, Any]]:
    """Return by case what the template itself says of its costs."""
    template = InProcess(support.ROOT)
    return {case: template.ask(data)["costs"] for case, data in CASES.items()}


def _month(costs: dict[str, Any]) -> str:
    return f"{costs['month']}{' and more' if costs['without'] else ''}"


def summary(found: dict[str, dict[str, Any]], more: str) -> str:
    """Return the table of the README: a line for each case; `more` is where there is more of it."""
    region = support.questions()["region"]["default"]
    dates = [costs[key] for costs in found.values() for key in ("oldest", "newest")]
    rows = "\n".join(f"| {case} | {_month(costs)} |" for case, costs in found.items())
    text = textwrap.fill(
        f"US dollars by Azure's list, read between {min(dates)} and {max(dates)}. Tax, discounts, traffic and logs are "
        f"left out. *and more*: a price is not known, such as that of all nodes of AKS Automatic. The end of a "
        f"generation says it for your answers{more}.",
        126,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return f"""\
| a product in {region}, two environments | a month, about |
| --- | ---: |
{rows}

{text}
"""


def page(found: dict[str, dict[str, Any]]) -> str:
    """Return the page: every line of every case."""
    head = "# What it costs\n\n<!-- Made by `make reference` from includes/prices.json. -->\n\n"
    parts = [head, summary(found, ""), "\nA price of another region has its name.\n"]
    for case, costs in found.items():
        rows = "\n".join(f"| {line['what']} | {line['month']} |" for line in costs["lines"])
        parts.append(f"\n## {case[0].upper()}{case[1:]}\n\n| what | a month |\n| --- | ---: |\n{rows}\n")
        parts.append(f"| **sum, without logs** | **{_month(costs)}** |\n")
    return "".join(parts) + _CHEAPER


def readme(found: dict[str, dict[str, Any]], text: str) -> str:
    """Return the README with the table of today."""
    return _MARKED.sub(lambda marks: f"{marks[1]}\n{summary(found, _MORE)}\n{marks[2]}", text)


if __name__ == "__main__":
    costs_by_case = asked()
    PAGE.write_text(page(costs_by_case), encoding="utf-8")
    README.write_text(readme(costs_by_case, README.read_text(encoding="utf-8")), encoding="utf-8")
