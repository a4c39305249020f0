"""External Secrets Operator before a Key Vault, as far as it decides who reads what.

From the operator's source (v2.9.0, github.com/external-secrets/external-secrets):
- `pkg/controllers/secretstore/client_manager.go`: the reference of an entry goes before that of the ExternalSecret; a store
  with conditions answers a namespace that one of them names, by its label `kubernetes.io/metadata.name`, which the API
  server sets.
- `providers/v1/azure/keyvault/keyvault.go`: the store's service account, with its annotation, is who asks; `find` lists the
  vault; a name may begin with `secret/`.
- `pkg/controllers/externalsecret/externalsecret_controller.go`: an ExternalSecret of which one entry fails leaves its Secret
  as it was.

Azure RBAC: a role on a secret gives that secret; to list them takes a role on the vault.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

Object = dict[str, Any]

WHOLE_VAULT = "*"
CLIENT_ID = "azure.workload.identity/client-id"


class RefusedError(Exception):
    """The operator or Azure gives nothing; the text says which."""


@dataclass
class KeyVault:
    """A vault with its readers."""

    store: Callable[[str], Object | None]
    """The ClusterSecretStore of a name."""
    account: Callable[[str, str], Object | None]
    """The service account of a namespace and a name."""
    roles: dict[str, set[str]]
    """Client id of an identity → the secrets on which it has the role Key Vault Secrets User."""
    value: Callable[[str], str]
    """The value of a secret."""

    def read(self, item: Object, labels: dict[str, str]) -> dict[str, str]:
        """Return what an ExternalSecret gets from the vault, in a namespace with these labels.

        Raises:
            RefusedError: it gets nothing.
        """
        result = {}
        for place, reference, name in questions(item["spec"]):
            readable = self._readable(reference, labels)
            if name is None and WHOLE_VAULT not in readable:
                raise RefusedError(f"{reference['name']}: Azure does not let it list the vault")
            name = (name or "").removeprefix("secret/").lower()
            if not {name, WHOLE_VAULT} & {one.lower() for one in readable}:
                raise RefusedError(f"{reference['name']}: Azure does not let it read {name}")
            result[place] = self.value(name)
        return result

    def _readable(self, reference: Object, labels: dict[str, str]) -> set[str]:
        store = self.store(reference["name"]) if reference.get("kind") == "ClusterSecretStore" else None
        if store is None:
            raise RefusedError(f"there is no store {reference['name']}")
        conditions = store["spec"].get("conditions", [])
        assert all(set(condition) == {"namespaces"} for condition in conditions), conditions
        allowed = [name for condition in conditions for name in condition["namespaces"]]
        if conditions and labels["kubernetes.io/metadata.name"] not in allowed:
            raise RefusedError(f"{reference['name']} does not let {labels['kubernetes.io/metadata.name']} in")
        account = store["spec"]["provider"]["azurekv"]["serviceAccountRef"]
        found = self.account(account["namespace"], account["name"])
        if found is None:
            raise RefusedError(f"there is no service account {account['name']}")
        return self.roles.get(found["metadata"]["annotations"][CLIENT_ID], set())


def listed(values: Path) -> dict[str, set[str]]:
    """Return the secrets that a file of values of terraform/platform gives, by reader."""
    text = values.read_text(encoding="utf-8")
    found = yaml.safe_load(text.partition("environment_secrets = {")[2].partition("}")[0].replace(" = ", ": "))
    variables = re.findall(r'"(\w+)"', text.partition("\nservice_secrets = [")[2].partition("]")[0])
    readers = {
        f"key-vault-{environment}": {*names, *(f"{environment}-{one.lower().replace('_', '-')}" for one in variables)}
        for environment, names in found.items()
    }
    if "database_server" in text:
        passwords = {f"{environment}-database-password" for environment in found}
        readers["database-roles"] = {"database-administrator-password", *passwords}
    return readers


def questions(spec: Object) -> Iterator[tuple[str, Object, str | None]]:
    """Yield of each question to a vault: the key in the Secret, the store, and the secret; None for a list of all."""
    for entry in spec.get("data", []):
        yield entry["secretKey"], _store(spec, entry), entry["remoteRef"]["key"]
    for number, entry in enumerate(spec.get("dataFrom", [])):
        if "generatorRef" not in entry.get("sourceRef", {}):
            yield f"all-{number}", _store(spec, entry), entry.get("extract", {}).get("key")


def _store(spec: Object, entry: Object) -> Object:
    store: Object = entry.get("sourceRef", {}).get("storeRef") or spec["secretStoreRef"]
    return store
