"""A backup on its way out: rclone itself, as the CronJob of the product runs it, by the identity that Terraform made.

Azurite is Blob Storage. Before it, the stand-in for Azure signs in whom the federated credential names, and lets through
what the roles allow.
"""

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import support
from tests.apply import azurite, ids, tokens
from tests.apply.lab import Lab
from tests.apply.product import Product
from tests.apply.world import Request
from tests.terraform import tools

DUMP = "2026-11-27T01-17-00Z.dump"
# All that a backup needs, so that not the whole product is made.
NEEDED = (
    "federated_identity_credential.service",
    "key_vault_secret.service_identity",
    "role_assignment.database_backup",
    "role_assignment.first_operator_backups",
)
Upload = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def applied(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """The default product with its account of backups, which Azurite keeps."""
    try:
        azurite.rclone(), azurite.installed()
    except tools.ToolMissingError as error:
        pytest.skip(str(error))
    with lab.new(support.answers("defaults")) as product:
        product.left_alone = frozenset({"platform"})
        product.apply()
        product.left_alone = frozenset()
        product.init("platform")
        product.run("platform", "", "apply", "-auto-approve", *(f"-target=azurerm_{one}" for one in NEEDED))
        world = product.azure.world
        world.clock += 1000
        containers = [
            one for one in world.resources.values() if one.kind.endswith("/containers") and "-state" not in one.id
        ]
        [account] = {one.id.split("/")[8] for one in containers}
        with azurite.running(account, product.azure.pem, tmp_path_factory.mktemp("blobs")) as blobs:
            world.accounts[account] = blobs
            for one in containers:
                made = asked(blobs, "PUT", f"/{one.body['name']}", restype="container")
                assert made[0] == 201, made
            yield product


def asked(blobs: azurite.Azurite, method: str, path: str, **query: str) -> tuple[int, bytes]:
    """Ask Azurite itself, whatever the roles."""
    token, _ = tokens.access("operator", "operator", "https://storage.azure.com")
    headers = {"authorization": f"Bearer {token}", "x-ms-version": "2025-01-05"}
    answer = blobs(Request(method, "", path, query, headers, b"", ""))
    return answer.status, answer.body


def kept(product: Product, namespace: str) -> dict[str, bytes]:
    """Return the blobs of a container."""
    [blobs] = product.azure.world.accounts.values()
    assert isinstance(blobs, azurite.Azurite)
    _, listed = asked(blobs, "GET", f"/{namespace}", restype="container", comp="list")
    names = re.findall("<Name>(.*?)</Name>", listed.decode())
    return {name: asked(blobs, "GET", f"/{namespace}/{name}")[1] for name in names}


@pytest.fixture
def upload(applied: Product, tmp_path: Path) -> Upload:
    """Run the container `upload` of the CronJob in dev with a dump, in a namespace with a service account."""
    text = (applied.folder / "apps/goal-tracker/base/database/backup.yaml").read_text(encoding="utf-8")
    [job] = [one for one in yaml.safe_load_all(text) if one["kind"] == "CronJob"]
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    [container] = pod["containers"]
    assert (
        container["image"].partition("@")[0].replace("rclone/rclone:", " v") in (azurite.RCLONE / "go.mod").read_text()
    )
    [(_, vault)] = applied.azure.world.secrets.items()
    [cluster] = [one for one in applied.azure.world.resources.values() if one.kind.endswith("/managedclusters")]
    issuer = cluster.body["properties"]["oidcIssuerProfile"]["issuerURL"]

    def run(content: str, container_name: str = "goal-tracker-dev", account: str = pod["serviceAccountName"]) -> Any:
        (tmp_path / DUMP).write_text(content, encoding="utf-8")
        os.utime(tmp_path / DUMP, (1, 1))
        # What the cluster's webhook puts in.
        subject = f"system:serviceaccount:goal-tracker-dev:{account}"
        (tmp_path.parent / "token").write_text(
            tokens.signed({"iss": issuer, "sub": subject, "aud": "api://AzureADTokenExchange"}), encoding="utf-8"
        )
        client = vault["secrets/dev-database-backup-azure-client-id"][-1]["value"]
        given = {"metadata.namespace": container_name, "client-id": client}
        environment = {"AZURE_AUTHORITY_HOST": "https://login.microsoftonline.com/", "AZURE_TENANT_ID": ids.TENANT}
        environment |= {"AZURE_FEDERATED_TOKEN_FILE": str(tmp_path.parent / "token")}
        for variable in container["env"]:
            source: dict[str, Any] = next(iter(variable.get("valueFrom", {}).values()), {})
            environment[variable["name"]] = variable.get("value") or given[source.get("fieldPath") or source["key"]]
        arguments = [re.sub(r"\$\((\w+)\)", lambda found: environment[found[1]], one) for one in container["args"]]
        network = {name: applied.azure.environment()[name] for name in ("HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE")}
        return subprocess.run(
            [azurite.rclone(), *(str(tmp_path) if one == "/backup" else one for one in arguments)],
            env={**environment, **network, "HOME": "/nonexistent", "PATH": os.environ["PATH"]},
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    return run


def test_the_dump_is_uploaded_and_no_later_one_takes_its_place(applied: Product, upload: Upload) -> None:
    refused = len(applied.azure.world.refused)
    done = upload("a dump")
    assert done.returncode == 0, done.stderr
    assert kept(applied, "goal-tracker-dev") == {DUMP: b"a dump"}
    assert upload("a dump").returncode == 0
    done = upload("another dump")
    assert done.returncode != 0
    assert "immutable file modified" in done.stderr
    assert kept(applied, "goal-tracker-dev") == {DUMP: b"a dump"}
    assert applied.azure.world.refused[refused:] == []


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"account": "frontend"}, "AADSTS700213"),
        ({"container_name": "goal-tracker-prod"}, "403"),
        ({"container_name": "goal-tracker-qa"}, "403"),
    ],
)
def test_what_is_not_its_own_is_refused_with_a_clear_end(
    other: dict[str, str], said: str, applied: Product, upload: Upload
) -> None:
    done = upload("a dump", **other)
    assert done.returncode != 0
    assert said in done.stderr
    assert kept(applied, "goal-tracker-prod") == {}


def test_a_container_that_is_missing_is_not_made(applied: Product, upload: Upload) -> None:
    [blobs] = applied.azure.world.accounts.values()
    assert isinstance(blobs, azurite.Azurite)
    assert asked(blobs, "DELETE", "/goal-tracker-dev", restype="container")[0] == 202
    done = upload("a dump")
    assert done.returncode != 0
    assert "ContainerNotFound" in done.stderr or "ContainerBeingDeleted" in done.stderr, done.stderr
