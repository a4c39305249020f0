"""Ids of Azure's: of the subscription and the tenant, of new things, and the parts of a resource's id."""

import itertools
import uuid
from dataclasses import dataclass

TENANT = "72f988bf-0000-4000-8000-00000000000a"
SUBSCRIPTION = "3b1f6a3e-0000-4000-8000-00000000000b"
ROOT = f"/subscriptions/{SUBSCRIPTION}"
_COUNTER = itertools.count(1)


def new() -> str:
    """Return an id that nothing else has."""
    return str(uuid.UUID(int=(0x5EED << 112) | (4 << 76) | (8 << 60) | next(_COUNTER)))


@dataclass(frozen=True)
class Address:
    """What a path of Resource Manager's names: a resource, a collection (without a name), or an action on a resource."""

    kind: str
    id: str
    name: str
    parent: str
    action: str = ""


def parse(path: str, *, post: bool = False) -> Address:
    """Read a path. A `POST` to an odd last part is an action."""
    path = path.rstrip("/")
    head, provider, tail = _last_provider(path)
    if not provider:
        parts = path.strip("/").split("/")
        if len(parts) <= 2:
            return Address("Microsoft.Resources/subscriptions", path, parts[-1], "", "")
        if post and len(parts) == 5:
            return Address("Microsoft.Resources/resourceGroups", _joined(parts[:4]), parts[3], ROOT, parts[4])
        name = parts[3] if len(parts) > 3 else ""
        return Address("Microsoft.Resources/resourceGroups", path, name, ROOT)
    parts = tail.split("/")
    namespace, rest, action = parts[0], parts[1:], ""
    if post and len(rest) % 2:
        *rest, action = rest
    kind = "/".join([namespace, *rest[::2]])
    name = rest[-1] if len(rest) % 2 == 0 and rest else ""
    base = f"{head}/providers/{namespace}"
    parts = [base, *rest[: len(rest) - (2 if name else 1)]]
    parent = head if len(rest) <= 2 else "/".join(parts)
    return Address(kind, f"{base}/" + "/".join(rest), name, parent, action)


def _joined(parts: list[str]) -> str:
    return "/" + "/".join(parts)


def _last_provider(path: str) -> tuple[str, bool, str]:
    at = path.lower().rfind("/providers/")
    return (path, False, "") if at < 0 else (path[:at], True, path[at + len("/providers/") :])
