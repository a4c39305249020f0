"""Changes of one answer, in both directions: what each does to what was applied before."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Change:
    """An answer with two values, and the other answers of the product."""

    answer: str
    values: tuple[Any, Any]
    beside: dict[str, Any] = field(default_factory=dict)

    def products(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the answers of both products."""
        one, other = ({**self.beside, self.answer: value} for value in self.values)
        return one, other


_EVERYTHING = {"database": "azure", "expose": "gateway", "monitoring": True}
CHANGES = [
    Change("size", ("small", "production"), _EVERYTHING),
    Change("database", ("postgres", "azure")),
    Change("database", ("postgres", "none"), {"sample_app": False}),
    Change("expose", ("load-balancer", "gateway")),
    Change("expose", ("gateway", "none")),
    Change("registry", ("acr", "ghcr"), {"registry_name": "exampleorg"}),
    Change("registry", ("acr", "dockerhub"), {"registry_name": "exampleorg"}),
    Change("monitoring", (False, True), {"database": "azure"}),
    Change("previews", (False, True)),
    Change("verify_images", (False, True)),
    Change("environments", (["dev", "prod"], ["dev", "test", "prod"])),
    Change("environments", (["dev", "prod"], ["dev", "test", "prod"]), {"database": "azure"}),
    Change("ci", ("github-actions", "jenkins")),
    Change("cluster", ("standard", "automatic")),
    Change("region", ("westeurope", "northeurope")),
    Change("cluster_name", ("aks-goal-tracker", "aks-other")),
]
DIRECTIONS = [
    (one.answer, before, after) for one in CHANGES for before, after in (one.products(), one.products()[::-1])
]
