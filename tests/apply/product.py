"""A product whose roots are run by Terraform, as a person or as its pipeline."""

import json
import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from tests.apply import world
from tests.apply.server import Azure

Changes = dict[str, list[str]]
"""What a plan does to each resource, by its address."""


class FailedError(Exception):
    """Terraform ended with an error; the text is what it said of it."""


@dataclass
class Product:
    """A rendered product beside an Azure, with the state of its roots."""

    folder: Path
    azure: Azure
    configuration: Path
    data: Path
    environment: dict[str, str] | None = None
    """The variables of who runs it; the person where there are none."""
    left_alone: frozenset[str] = frozenset()
    """Roots that have nothing to do."""
    _ready: set[tuple[str, str]] = field(default_factory=set)

    @property
    def roots(self) -> list[str]:
        """The roots that need no cluster, in the order in which they are made."""
        roots = [root for root in ("state", "registry", "platform") if root not in self.left_alone]
        return [root for root in roots if (self.folder / "terraform" / root).is_dir()]

    @property
    def runs(self) -> list[tuple[str, str]]:
        """The roots with the cluster that each run is about; none where there is one cluster only."""
        found = []
        for root in self.roots:
            files = sorted((self.folder / "terraform" / root).glob("*.azurerm.tfbackend"))
            found += [(root, path.name.removesuffix(".azurerm.tfbackend")) for path in files] or [(root, "")]
        return found

    def apply(self) -> None:
        """Make everything.

        Raises:
            FailedError: Terraform failed.
        """
        for root, cluster in self.runs:
            self.init(root, cluster)
            self.run(root, cluster, "apply", "-auto-approve")
            # What comes next begins minutes later, and `make up` waits until the right to the state is honoured.
            self.azure.world.clock += world.ROLE_DELAY

    def plan(self, root: str, cluster: str = "", *options: str) -> Changes:
        """Return what would be done to each resource that would not stay as it is.

        Raises:
            FailedError: Terraform failed.
        """
        self.init(root, cluster)
        if not self.run(root, cluster, "plan", "-out=it.tfplan", "-detailed-exitcode", *options):
            return {}
        shown = json.loads(self.run(root, cluster, "show", "-json", "it.tfplan"))
        changes = {one["address"]: one["change"]["actions"] for one in shown.get("resource_changes", [])}
        return {address: actions for address, actions in changes.items() if actions not in (["no-op"], ["read"])}

    def plans(self, *options: str) -> dict[str, Changes]:
        """Return the changes of all roots, by root and cluster, where there are any."""
        planned = {f"{root} {cluster}".strip(): self.plan(root, cluster, *options) for root, cluster in self.runs}
        return {name: changes for name, changes in planned.items() if changes}

    def destroy(self) -> None:
        """Remove everything but the state's storage, as `make down` does: with its protections lifted."""
        for root, cluster in reversed(self.runs[1:]):
            folder = self.folder / "terraform" / root
            override = folder / "down_override.tf"
            override.write_text(_unprotected(folder), encoding="utf-8")
            self.init(root, cluster)
            self.run(root, cluster, "destroy", "-auto-approve")
            override.unlink()

    def init(self, root: str, cluster: str = "") -> None:
        """Find the providers, and connect to the state, once: that of the root that makes its place is a file."""
        if (root, cluster) in self._ready:
            return
        self._ready.add((root, cluster))
        key = [f"-backend-config={cluster}.azurerm.tfbackend"] if cluster else []
        self.run(root, cluster, "init", "-reconfigure", *key)

    def forget(self) -> None:
        """Connect to the states anew."""
        self._ready.clear()

    def variables(self) -> dict[str, str]:
        """Return the variables of a Terraform that finds these providers, and none of this machine's own."""
        mine = {name: text for name, text in os.environ.items() if not name.startswith(("TF_", "ARM_"))}
        ours = {"TF_CLI_CONFIG_FILE": str(self.configuration), "TF_IN_AUTOMATION": "1"}
        return mine | ours | {"CHECKPOINT_DISABLE": "1", "GOGC": "400"}

    def run(self, root: str, cluster: str, command: str, *arguments: str) -> str:
        """Run Terraform in a root; return what it says, or nothing where a plan has no changes.

        Raises:
            FailedError: it failed.
        """
        values = [f"-var-file={cluster}.tfvars"] if cluster and command in ("apply", "plan", "destroy") else []
        done = subprocess.run(
            ["terraform", command, "-no-color", *values, *arguments],
            cwd=self.folder / "terraform" / root,
            env=self.variables()
            | {"TF_DATA_DIR": str(self.data / f"{root}-{cluster}"), "TF_INPUT": "0"}
            | (self.azure.environment() if self.environment is None else self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode not in (0, 2 if "-detailed-exitcode" in arguments else 0):
            raise FailedError(done.stdout[max(done.stdout.find("Error:"), 0) :])
        return done.stdout if done.returncode or command != "plan" else ""


_BLOCK = re.compile(r'^resource "(\w+)" "(\w+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)


def protected(folder: Path) -> list[tuple[str, str]]:
    """Return the kind and the name of each resource of a root that no plan may destroy."""
    blocks = [
        block for path in sorted(folder.glob("*.tf")) for block in _BLOCK.findall(path.read_text(encoding="utf-8"))
    ]
    return [(kind, name) for kind, name, body in blocks if "prevent_destroy = true" in body]


def _unprotected(folder: Path) -> str:
    lifted = "{\n  lifecycle {\n    prevent_destroy = false\n  }\n}\n"
    return "".join(f'resource "{kind}" "{name}" {lifted}' for kind, name in protected(folder))
