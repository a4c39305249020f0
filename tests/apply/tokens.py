"""Tokens of this Entra ID's: nobody looks at their signature."""

import base64
import json
import time
from typing import Any

from tests.apply import ids


def signed(claims: dict[str, Any]) -> str:
    """Return a token with these claims."""
    parts = [json.dumps(part).encode() for part in ({"alg": "none", "typ": "JWT"}, claims)]
    return ".".join([base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts] + ["c2ln"])


def claims(token: str) -> dict[str, Any]:
    """Return what a token claims."""
    middle = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    return found


def access(principal: str, client: str, audience: str) -> tuple[str, int]:
    """Return the token with which somebody uses Azure for an hour, and when it ends."""
    now = int(time.time())
    who = {"iss": f"https://sts.windows.net/{ids.TENANT}/", "nbf": now}
    who |= {"oid": principal, "sub": principal, "tid": ids.TENANT, "appid": client, "idtyp": "app"}
    return signed(who | {"aud": audience, "iat": now, "exp": now + 3600}), now + 3600
