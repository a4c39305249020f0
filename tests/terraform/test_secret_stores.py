"""What an environment gets from Key Vault, by the roles that Terraform gives and the stores that are in Git: its own."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests import support
from tests.key_vault import CLIENT_ID, KeyVault, RefusedError, listed, questions
from tests.live import deploy_identity
from tests.terraform.roots import values_of
from tests.terraform.toolchain import Terraform

PRODUCTS = ("database-of-azure", "own-images-on-ghcr-without-database", "cluster-per-environment")
ADMINISTRATOR = "database-administrator-password"


class Azure:
    """A product whose first cluster Terraform has made, with providers that reach nothing."""

    def __init__(self, product: Path, program: Terraform, folder: Path) -> None:
        self.product = product
        shutil.copytree(product, folder / "product")
        platform = folder / "product" / "terraform" / "platform"
        (platform / "backend_override.tf").write_text('terraform {\n  backend "local" {}\n}\n', encoding="utf-8")
        values_of(platform)[0].rename(platform / "terraform.tfvars")
        path = platform / "terraform.tfstate"
        for command in ("init", "apply", "apply"):
            apply = ("-auto-approve", "-refresh=false") if command == "apply" else ()
            done = program.run(command, *apply, "-no-color", cwd=platform)
            assert done.returncode == 0, done.stdout
            if path.exists():
                path.write_text(_told_apart(path.read_text(encoding="utf-8")), encoding="utf-8")
        state = json.loads(path.read_text(encoding="utf-8"))
        self.resources = {
            (resource["type"], resource["name"], instance.get("index_key")): instance["attributes"]
            for resource in state["resources"]
            for instance in resource["instances"]
        }
        outputs = state["outputs"]["platform"]["value"]
        objects = deploy_identity.access(
            product, [], folder / "accounts", "external_secrets", "external_secrets_access", outputs
        )
        self.accounts = {
            (item["metadata"]["namespace"], item["metadata"]["name"]): item
            for item in objects
            if item["kind"] == "ServiceAccount"
        }
        self.cluster = product / "clusters" / outputs["cluster_name"]
        self.stores = {item["metadata"]["name"]: item for item in support.kustomize(self.cluster / "external-secrets")}

    def of(self, kind: str, name: str) -> dict[str, Any]:
        """The attributes of each instance of a resource, by its key."""
        return {key: attributes for (*at, key), attributes in self.resources.items() if at == [kind, name]}

    def vault(self) -> KeyVault:
        """The vault, with the roles of every identity."""
        clients = {
            identity["principal_id"]: identity["client_id"]
            for (kind, _, _), identity in self.resources.items()
            if kind == "azurerm_user_assigned_identity"
        }
        roles: dict[str, set[str]] = {}
        for (kind, _, _), role in self.resources.items():
            if kind == "azurerm_role_assignment" and role["role_definition_name"] == "Key Vault Secrets User":
                vault, _, name = role["scope"].partition("/secrets/")
                assert vault == self.resources["azurerm_key_vault", "this", None]["id"]
                roles.setdefault(clients[role["principal_id"]], set()).add(name or "*")
        return KeyVault(self.stores.get, lambda *at: self.accounts.get(at), roles, lambda name: f"the value of {name}")

    def external_secrets(self) -> list[Any]:
        """Every ExternalSecret of this cluster."""
        environments = [path.stem for path in (self.cluster / "environments").iterdir()]
        folders = [path for path in support.overlays(self.product) if path.name in environments]
        folders += [path for path in [self.cluster / "database-roles"] if path.is_dir()]
        return [item for folder in folders for item in support.kustomize(folder) if item["kind"] == "ExternalSecret"]


def _told_apart(text: str) -> str:
    """Give each identity and vault ids of its own: the stand-ins give the same to all."""
    state = json.loads(text)
    for resource in state["resources"]:
        if resource["type"] in ("azurerm_user_assigned_identity", "azurerm_key_vault"):
            for instance in resource["instances"]:
                for name in {"id", "client_id", "principal_id"} & set(instance["attributes"]):
                    instance["attributes"][name] = f"{resource['name']}/{instance.get('index_key')}/{name}"
    return json.dumps(state)


@pytest.fixture(scope="module", params=PRODUCTS)
def azure(
    request: pytest.FixtureRequest,
    rendered: Callable[[str], Path],
    program_of: Callable[[Path], Terraform],
    tmp_path_factory: pytest.TempPathFactory,
) -> Azure:
    product = rendered(request.param)
    program = program_of(product)
    if program.providers != "offline":
        pytest.skip("the real providers can't apply without an Azure subscription")
    folder = tmp_path_factory.mktemp("azure")
    return Azure(
        product, replace(program, environment={**program.environment, "TF_DATA_DIR": str(folder / "data")}), folder
    )


def _labels(item: Any) -> dict[str, str]:
    return {"kubernetes.io/metadata.name": item["metadata"]["namespace"]}


def test_each_namespace_gets_its_own_secrets(azure: Azure) -> None:
    vault, found = azure.vault(), azure.external_secrets()

    assert found
    for item in found:
        assert set(vault.read(item, _labels(item))) == {place for place, _, _ in questions(item["spec"])}


def test_no_namespace_gets_what_another_asks_for(azure: Azure) -> None:
    vault, found = azure.vault(), azure.external_secrets()
    namespaces = {item["metadata"]["namespace"] for item in found}
    stores = [{"kind": "ClusterSecretStore", "name": name} for name in azure.stores]
    asked = {
        namespace: {name for item in found if item["metadata"]["namespace"] == namespace for *_, name in questions(item["spec"])}
        for namespace in namespaces
    }  # fmt: skip
    for namespace in [*namespaces, "default"]:
        labels = {"kubernetes.io/metadata.name": namespace}
        for store in stores:
            attempts: list[Any] = [{"dataFrom": [{"find": {"name": {"regexp": ".*"}}}]}]
            for name in {name for names in asked.values() for name in names} - asked.get(namespace, set()):
                attempts += [
                    {"data": [{"secretKey": "x", "remoteRef": {"key": name}}]},
                    {"data": [{"secretKey": "x", "remoteRef": {"key": f"secret/{str(name).upper()}"}}]},
                    {"dataFrom": [{"extract": {"key": name}}]},
                ]
            for attempt in attempts:
                with pytest.raises(RefusedError):
                    vault.read({"spec": {"secretStoreRef": store, **attempt}}, labels)
                [entry] = attempt.get("data") or attempt["dataFrom"]
                entry["sourceRef"] = {"storeRef": store}
                with pytest.raises(RefusedError):
                    vault.read({"spec": {"secretStoreRef": {}, **attempt}}, labels)


def test_the_administrators_password_is_read_by_the_job_alone(azure: Azure) -> None:
    grants = azure.of("azurerm_role_assignment", "secret_reader")
    made = azure.of("azurerm_key_vault_secret", "database_administrator")

    assert [key for key in grants if key.endswith(ADMINISTRATOR)] == [f"database-roles/{ADMINISTRATOR}"] * len(made)


def test_an_identity_is_signed_in_to_by_its_own_account_alone(azure: Azure) -> None:
    subjects = {
        credential["user_assigned_identity_id"]: credential["subject"]
        for credential in azure.of("azurerm_federated_identity_credential", "secret_reader").values()
    }
    identities = azure.of("azurerm_user_assigned_identity", "secret_reader")

    assert {identity["client_id"]: subjects[identity["id"]] for identity in identities.values()} == {
        account["metadata"]["annotations"][CLIENT_ID]: f"system:serviceaccount:{namespace}:{name}"
        for (namespace, name), account in azure.accounts.items()
    }
    assert len(subjects) == len(identities) == len(azure.accounts) == len(azure.stores)


def test_the_file_of_values_says_all_that_is_granted(azure: Azure) -> None:
    """What scripts/validate and the live tests go by."""
    given = listed(values_of(azure.product / "terraform" / "platform")[0])

    assert set(azure.of("azurerm_role_assignment", "secret_reader")) == {
        f"{reader}/{name}" for reader, names in given.items() for name in names
    }
