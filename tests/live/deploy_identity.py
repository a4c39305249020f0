"""The identity that the pipeline signs in to the cluster with, and what `terraform/gitops/access.tf` lets it do there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, Final

import yaml

from tests import key_vault

from .processes import LiveError, program, run

PRINCIPAL: Final = "11111111-2222-3333-4444-555555555555"
"""To Kubernetes, a managed identity is a user named by its object id."""


def access(
    product: Path,
    applications: list[str],
    folder: Path,
    of: str = "access",
    name: str = "deploy_access",
    platform: dict[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """The objects that the product's Terraform gives to Argo CD's chart for an identity, as Terraform itself has them.

    Args:
        product: the product.
        applications: what the pipeline's identity may tell Argo CD to look at.
        folder: a folder to make and work in.
        of: the files that define the objects, a pattern without `.tf`.
        name: the local value that holds them.
        platform: more of what the platform root gives.

    Raises:
        LiveError: Terraform is missing, or can't work the file out.
    """
    folder.mkdir()
    for file in (product / "terraform" / "gitops").glob(f"{of}.tf"):
        shutil.copy(file, folder)
    given = {"deploy_user": PRINCIPAL, "applications": applications, **(platform or {})}
    (folder / "platform.tf.json").write_text(json.dumps({"locals": {"platform": given}}))
    printed = run(program("terraform"), "console", stdin=f"jsonencode(local.{name})\n", cwd=folder)
    try:
        objects: list[dict[str, Any]] = json.loads(json.loads(printed))
    except ValueError as error:
        raise LiveError(f"terraform console printed no objects for {of}.tf: {printed}") from error
    return objects


def kubeconfig(administrator: Path, target: Path) -> Path:
    """Write a kubeconfig with which every request is that identity's; the file."""
    config = yaml.safe_load(administrator.read_text())
    for entry in config["users"]:
        entry["user"]["as"] = PRINCIPAL
    target.write_text(yaml.safe_dump(config))
    return target


def readers(product: Path, folder: Path) -> tuple[list[dict[str, Any]], dict[str, set[str]]]:
    """What Terraform makes beside Argo CD for those who read Key Vault, and what each may read, by client id."""
    [values] = (product / "terraform" / "platform").glob("*.tfvars")
    grants = key_vault.listed(values)
    platform = {"tenant_id": PRINCIPAL, "secret_readers": {name: f"client of {name}" for name in grants}}
    objects = access(product, [], folder, "external_secrets", "external_secrets_access", platform)
    return objects, {f"client of {name}": names for name, names in grants.items()}
