"""What the pipeline never destroys, and `make up` only by name: data, and addresses that DNS records point to."""

from typing import Any

KINDS = (
    "azurerm_container_registry",
    "azurerm_key_vault",
    "azurerm_kubernetes_automatic_cluster",
    "azurerm_kubernetes_cluster",
    "azurerm_postgresql_flexible_server",
    "azurerm_postgresql_flexible_server_database",
    "azurerm_public_ip",
    "azurerm_storage_account",
)
# Images of pull requests are built anew.
_REBUILT = ("azurerm_container_registry.previews",)


def destroyed(plan: dict[str, Any]) -> list[str]:
    """Return the addresses of what a plan, as `show -json` prints it, would destroy or make anew of these kinds.

    `prevent_destroy` does not hold where a resource is taken out of the code, as another answer may do.
    """
    return [
        change["address"]
        for change in plan.get("resource_changes") or []
        if "delete" in change["change"]["actions"] and change["type"] in KINDS and change["address"] not in _REBUILT
    ]
