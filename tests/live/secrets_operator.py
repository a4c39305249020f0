"""A stand-in for External Secrets Operator and Key Vault: makes the Secrets that ExternalSecrets ask for.

The real operator reads Azure; neither is within reach here. This one reads the product's ExternalSecrets as they are,
answers each entry with a random value that stays the same, and each Password with a new one, owns the Secret as `creationPolicy: Owner` says, and reports
readiness in the status, where Argo CD's own health check looks for it.
"""

from __future__ import annotations

import base64
import datetime
import secrets
import threading
from typing import Any

from .api import Api, ApiError, Object
from .standins import follow

_API = "/apis/external-secrets.io/v1"
_PULL_SECRET = "kubernetes.io/dockerconfigjson"
_READY = {"type": "Ready", "status": "True", "reason": "StandIn", "message": "by the stand-in"}


class SecretsOperator:
    """Follows the ExternalSecrets of a cluster until it is stopped."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._stop = threading.Event()
        self._vault: dict[str, str] = {}
        self._asked: dict[str, str] = {}
        """What was last said in the annotation with which people ask for the newest values."""
        follow(api, f"{_API}/externalsecrets", self._handle, self._stop)
        follow(api, f"{_API}/clustersecretstores", self._handle_store, self._stop)

    def stop(self) -> None:
        """End following."""
        self._stop.set()

    def value(self, key: str) -> str:
        """The entry of the vault; made when it is first asked for."""
        return self._vault.setdefault(key, secrets.token_urlsafe(24))

    def renew(self, key: str) -> None:
        """Give an entry of the vault a new value, which reaches Secrets once they are asked to be read again."""
        self._vault[key] = secrets.token_urlsafe(24)

    def _handle(self, kind: str, item: Object) -> None:
        meta, spec = item["metadata"], item["spec"]
        asked = meta.get("annotations", {}).get("force-sync", "")
        before = self._asked.setdefault(meta["uid"], asked)
        if kind == "DELETED" or (item.get("status", {}).get("conditions") and asked == before):
            return
        namespace, name = meta["namespace"], spec["target"]["name"]
        data = {entry["secretKey"]: self.value(entry["remoteRef"]["key"]) for entry in spec.get("data", [])}
        for source in spec.get("dataFrom", []):
            reference = source["sourceRef"]["generatorRef"]
            path = f"/apis/{reference['apiVersion']}/namespaces/{namespace}/passwords/{reference['name']}"
            generator = self._api.find(path)
            if generator is None:
                return  # The watch begins anew every few seconds.
            data["password"] = secrets.token_hex(generator["spec"]["length"] // 2)
        self._asked[meta["uid"]] = asked
        template = spec["target"].get("template", {})
        if template.get("type") == _PULL_SECRET:
            data = {".dockerconfigjson": '{"auths": {}}'}  # The local registry asks for no credential.
        owner = {"apiVersion": item["apiVersion"], "kind": item["kind"], "name": meta["name"], "uid": meta["uid"]}
        secret: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": namespace, "ownerReferences": [owner]},
            "type": template.get("type", "Opaque"),
            "data": {key: base64.b64encode(value.encode()).decode() for key, value in data.items()},
        }
        try:
            self._api.request("POST", f"/api/v1/namespaces/{namespace}/secrets", secret)
        except ApiError as error:
            if error.status != 409:
                raise
            self._api.patch(f"/api/v1/namespaces/{namespace}/secrets/{name}", {"data": secret["data"]})
        now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        path = f"{_API}/namespaces/{namespace}/externalsecrets/{meta['name']}/status"
        self._api.patch(path, {"status": {"conditions": [_READY], "refreshTime": now}})

    def _handle_store(self, kind: str, item: Object) -> None:
        if kind != "DELETED" and not item.get("status", {}).get("conditions"):
            self._api.patch(
                f"{_API}/clustersecretstores/{item['metadata']['name']}/status", {"status": {"conditions": [_READY]}}
            )
