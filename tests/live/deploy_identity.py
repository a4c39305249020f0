"""The identity that the pipeline signs in to the cluster with, and what `terraform/gitops/access.tf` lets it do there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, Final

import yaml

from .processes import LiveError, program, run

PRINCIPAL: Final = "11111111-2222-3333-4444-555555555555"
"""To Kubernetes, a managed identity is a user named by its object id."""


def access(
    product: Path, applications: list[str], folder: Path, of: str = "access", name: str = "deploy_access"
) -> list[dict[str, Any]]:
    """The objects that the product's Terraform gives to Argo CD's chart for the identity, as Terraform itself has them.

    Args:
        product: its folder.
        applications: their names.
        folder: to work in; is made.
        of: the files that define the objects, a pattern without `.tf`.
        name: what they are called there.

    Raises:
        LiveError: Terraform is missing, or can't work the file out.
    """
    folder.mkdir()
    for file in (product / "terraform" / "gitops").glob(f"{of}.tf"):
        shutil.copy(file, folder)
    platform = {"deploy_user": PRINCIPAL, "applications": applications}
    (folder / "platform.tf.json").write_text(json.dumps({"locals": {"platform": platform}}))
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
