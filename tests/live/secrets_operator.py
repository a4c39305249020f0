"""A stand-in for External Secrets Operator and Key Vault: makes the Secrets that ExternalSecrets ask for.

The real operator reads Azure; neither is within reach here. This one reads the product's ExternalSecrets as they are, and
answers each entry that store, account and role allow (`tests/key_vault.py`) with a random value that stays the same, and
each Password with a new one. It owns the Secret as `creationPolicy: Owner` says, and reports readiness in the status, where
Argo CD's own health check looks for it. What is refused leaves the Secret as it was, and is asked for again.
"""

from __future__ import annotations

import base64
import datetime
import secrets
import threading
from pathlib import Path
from typing import Any

from tests.key_vault import KeyVault, RefusedError

from .api import Api, ApiError, Object
from .standins import follow

_API = "/apis/external-secrets.io/v1"
# What Terraform gives an entry.
NOT_SET = "(not set)"
_PULL_SECRET = "kubernetes.io/dockerconfigjson"
_READY = {"type": "Ready", "status": "True", "reason": "StandIn", "message": "by the stand-in"}


class SecretsOperator:
    """Follows the ExternalSecrets of a cluster until it is stopped."""

    def __init__(self, api: Api, roles: dict[str, set[str]]) -> None:
        """Follow; `roles` are the secrets that each identity may read, by its client id."""
        self._api = api
        self._stop = threading.Event()
        self._vault: dict[str, str] = {}
        self.roles = roles
        self.written: Path | None = None
        """A folder with values that a person has set, by the names of their entries."""
        self._asked: dict[str, tuple[str, int]] = {}
        """What was last said in the annotation with which people ask for the newest values, and the generation."""
        self.others: set[str] = set()
        """Namespaces of other products, whose stores would have the names of this one's: they get what they ask for."""
        self._reader = KeyVault(
            lambda name: api.find(f"{_API}/clustersecretstores/{name}"),
            lambda namespace, name: api.find(f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}"),
            roles,
            self.value,
        )
        follow(api, f"{_API}/externalsecrets", self._handle, self._stop)
        follow(api, f"{_API}/clustersecretstores", self._handle_store, self._stop)

    def stop(self) -> None:
        """End following."""
        self._stop.set()

    def value(self, key: str) -> str:
        """The entry of the vault; made when it is first asked for."""
        if self.written and (self.written / key).exists():
            return (self.written / key).read_text()
        return self._vault.setdefault(key, secrets.token_urlsafe(24))

    def renew(self, key: str) -> None:
        """Give an entry of the vault a new value, which reaches Secrets once they are asked to be read again."""
        self._vault[key] = secrets.token_urlsafe(24)

    def _handle(self, kind: str, item: Object) -> None:
        meta, spec = item["metadata"], item["spec"]
        asked = (meta.get("annotations", {}).get("force-sync", ""), meta["generation"])
        before = self._asked.setdefault(meta["uid"], asked)
        if kind == "DELETED" or (_is_ready(item) and asked == before):
            return
        namespace, name = meta["namespace"], spec["target"]["name"]
        try:
            data = self._read(item)
        except RefusedError as error:
            self._report(item, {**_READY, "status": "False", "reason": "SecretSyncedError", "message": str(error)})
            return
        for source in spec.get("dataFrom", []):
            reference = source.get("sourceRef", {}).get("generatorRef")
            if reference is None:
                continue
            path = f"/apis/{reference['apiVersion']}/namespaces/{namespace}/passwords/{reference['name']}"
            generator = self._api.find(path)
            if generator is None:
                return  # The watch begins anew every few seconds.
            [key] = [one["regexp"]["target"] for one in source.get("rewrite", [])] or ["password"]
            data[key] = secrets.token_hex(generator["spec"]["length"] // 2)
        self._asked[meta["uid"]] = asked
        template = spec["target"].get("template", {})
        if template.get("type") == _PULL_SECRET:
            data = {".dockerconfigjson": '{"auths": {}}'}  # The local registry asks for no credential.
        # As the template of services does, which was tried with the operator's own engine.
        left_out = {key for key, value in data.items() if template.get("templateFrom") and value == NOT_SET}
        owner = {"apiVersion": item["apiVersion"], "kind": item["kind"], "name": meta["name"], "uid": meta["uid"]}
        secret: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": namespace, "ownerReferences": [owner]},
            "type": template.get("type", "Opaque"),
            "data": {
                key: base64.b64encode(value.encode()).decode() for key, value in data.items() if key not in left_out
            },
        }
        try:
            self._api.request("POST", f"/api/v1/namespaces/{namespace}/secrets", secret)
        except ApiError as error:
            if error.status != 409:
                raise
            self._api.patch(
                f"/api/v1/namespaces/{namespace}/secrets/{name}",
                {"data": {**secret["data"], **dict.fromkeys(left_out)}},
            )
        now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self._report(item, _READY, refreshTime=now)

    def _read(self, item: Object) -> dict[str, str]:
        namespace = item["metadata"]["namespace"]
        if namespace in self.others:
            return {entry["secretKey"]: self.value(entry["remoteRef"]["key"]) for entry in item["spec"].get("data", [])}
        labels = self._api.get(f"/api/v1/namespaces/{namespace}")["metadata"]["labels"]
        return self._reader.read(item, labels)

    def _report(self, item: Object, condition: Object, **status: str) -> None:
        if [condition] != item.get("status", {}).get("conditions") or status:
            meta = item["metadata"]
            path = f"{_API}/namespaces/{meta['namespace']}/externalsecrets/{meta['name']}/status"
            self._api.patch(path, {"status": {"conditions": [condition], **status}})

    def _handle_store(self, kind: str, item: Object) -> None:
        if kind != "DELETED" and not item.get("status", {}).get("conditions"):
            self._api.patch(
                f"{_API}/clustersecretstores/{item['metadata']['name']}/status", {"status": {"conditions": [_READY]}}
            )


def _is_ready(item: Object) -> bool:
    conditions = item.get("status", {}).get("conditions", [])
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)
