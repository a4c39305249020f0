"""A product whose roots are run by Terraform, as a person or as its pipeline."""

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.apply.server import Azure

Changes = dict[str, list[str]]
"""What a plan does to each resource, by its address."""


class FailedError(Exception):
    """Terraform ended with an error; the text is all that it said."""


@dataclass
class Product:
    """A rendered product beside an Azure, with the state of its roots."""

    folder: Path
    azure: Azure
    configuration: Path
    data: Path
    environment: dict[str, str] | None = None
    """The variables of who runs it; the person where there are none."""

    @property
    def roots(self) -> list[str]:
        """The roots that need no cluster, in the order in which they are made."""
        return [root for root in ("state", "registry", "platform") if (self.folder / "terraform" / root).is_dir()]

    def values(self, root: str) -> list[tuple[str, ...]]:
        """Return the arguments that choose the values of each cluster, for one run each."""
        files = sorted((self.folder / "terraform" / root).glob("*.tfvars"))
        several = [path for path in files if path.name not in ("terraform.tfvars", "github.auto.tfvars")]
        return [(f"-var-file={path.name}", f"-state={path.stem}.tfstate") for path in several] or [()]

    def apply(self) -> None:
        """Make everything.

        Raises:
            FailedError: Terraform failed.
        """
        for root in self.roots:
            self.init(root)
            for values in self.values(root):
                self.run(root, "apply", "-auto-approve", *values)

    def plan(self, root: str, values: tuple[str, ...] = (), *options: str) -> Changes:
        """Return what would be done to each resource that would not stay as it is.

        Raises:
            FailedError: Terraform failed.
        """
        self.run(root, "plan", "-out=it.tfplan", *values, *options)
        shown = json.loads(self.run(root, "show", "-json", "it.tfplan"))
        changes = {one["address"]: one["change"]["actions"] for one in shown.get("resource_changes", [])}
        return {address: actions for address, actions in changes.items() if actions not in (["no-op"], ["read"])}

    def plans(self, *options: str) -> dict[str, Changes]:
        """Return the changes of all roots, by root and cluster, where there are any."""
        found = {}
        for root in self.roots:
            self.init(root)
            for values in self.values(root):
                if changes := self.plan(root, values, *options):
                    found[" ".join([root, *values[:1]])] = changes
        return found

    def destroy(self) -> None:
        """Remove everything but the state's storage, as `scripts/down` does: with its protections lifted."""
        for root in reversed(self.roots[1:]):
            folder = self.folder / "terraform" / root
            override = folder / "down_override.tf"
            override.write_text(_unprotected(folder), encoding="utf-8")
            for values in self.values(root):
                self.run(root, "destroy", "-auto-approve", *values)
            override.unlink()

    def changed(self, folder: Path) -> None:
        """Go on with the product of other answers, in the same Azure and with the same state."""
        for root in ("state", "registry", "platform"):
            old, new = self.folder / "terraform" / root, folder / "terraform" / root
            if old.is_dir() and new.is_dir():
                for path in [*old.glob("*.tfstate"), *old.glob(".terraform.lock.hcl")]:
                    shutil.copy(path, new / path.name)
        self.folder = folder

    def init(self, root: str) -> None:
        """Find the providers; the state is kept beside the root."""
        folder = self.folder / "terraform" / root
        if (folder / "backend.tf").exists():
            (folder / "backend_override.tf").write_text('terraform {\n  backend "local" {}\n}\n', encoding="utf-8")
        self.run(root, "init", "-reconfigure")

    def run(self, root: str, command: str, *arguments: str) -> str:
        """Run Terraform in a root.

        Raises:
            FailedError: it failed.
        """
        mine = {name: text for name, text in os.environ.items() if not name.startswith(("TF_", "ARM_"))}
        mine |= {
            "TF_CLI_CONFIG_FILE": str(self.configuration),
            "TF_DATA_DIR": str(self.data / root),
            "TF_IN_AUTOMATION": "1",
            "TF_INPUT": "0",
            "CHECKPOINT_DISABLE": "1",
            "GOGC": "400",
        }
        mine |= self.azure.environment() if self.environment is None else self.environment
        done = subprocess.run(
            ["terraform", command, *([] if command == "show" else ["-no-color"]), *arguments],
            cwd=self.folder / "terraform" / root,
            env=mine,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise FailedError(done.stdout)
        return done.stdout


_BLOCK = re.compile(r'^resource "(\w+)" "(\w+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)


def protected(folder: Path) -> list[tuple[str, str]]:
    """Return the kind and the name of each resource of a root that no plan may destroy."""
    blocks = [block for path in sorted(folder.glob("*.tf")) for block in _BLOCK.findall(path.read_text(encoding="utf-8"))]
    return [(kind, name) for kind, name, body in blocks if "prevent_destroy = true" in body]


def _unprotected(folder: Path) -> str:
    lifted = "{\n  lifecycle {\n    prevent_destroy = false\n  }\n}\n"
    return "".join(f'resource "{kind}" "{name}" {lifted}' for kind, name in protected(folder))
