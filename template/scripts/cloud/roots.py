"""The roots below terraform/: what each makes, and how it is run."""

import contextlib
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gitops.process import CommandError, output
from gitops.repository import ROOT

from . import azure
from .azure import Subscription
from .infrastructure import COMMAND
from .programs import attended

LOCK = ".terraform.lock.hcl"
_PLAN = "pipeline.tfplan"
_IMPORTS = "up_imports.tf"
# A role that was just given is honoured after seconds, at times after minutes.
_ROLE_WAIT = 600.0
_ROLE_PAUSE = 15.0
_REFUSED = re.compile(r"AuthorizationPermissionMismatch|AuthorizationFailure|\b403\b")
_UNFIT = re.compile(r"locked provider|dependency changes detected")
_RESOURCE = re.compile(r'^resource "(\w+)" "(\w+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)
_OF_PEOPLE = re.compile(r"azurerm_role_assignment\.(first_)?operator_")
_PREVENT_DESTROY = re.compile(r"^\s*prevent_destroy\s*=\s*true", re.MULTILINE)


@dataclass(frozen=True)
class Root:
    """A folder below terraform/: what it makes and how long that may take; whether each cluster has what it makes."""

    name: str
    makes: str
    making: str
    removing: str
    of_cluster: bool = True


STATE = Root("state", "storage for the state of the others", "about a minute", "", of_cluster=False)
REGISTRY = Root("registry", "the registry of all clusters", "about a minute", "about a minute", of_cluster=False)
PLATFORM = Root(
    "platform",
    "resource group, network, cluster, Key Vault, identities",
    "about 15 minutes the first time",
    "about 10 minutes",
)
GITOPS = Root("gitops", "Argo CD and the bootstrap Application", "about 5 minutes the first time", "a few minutes")
# In the order in which they are made; each needs the one before.
ROOTS = tuple(root for root in (STATE, REGISTRY, PLATFORM, GITOPS) if (ROOT / "terraform" / root.name).is_dir())


@contextlib.contextmanager
def _unprotected(root: Root) -> Iterator[None]:
    """Lift `prevent_destroy` for as long as this runs, by an override file: no value can switch it."""
    folder = ROOT / "terraform" / root.name
    protected = []
    for path in sorted(folder.glob("*.tf")):
        for kind, name, body in _RESOURCE.findall(path.read_text(encoding="utf-8")):
            if _PREVENT_DESTROY.search(body):
                protected.append(
                    f'resource "{kind}" "{name}" {{\n  lifecycle {{\n    prevent_destroy = false\n  }}\n}}\n'
                )
    override = folder / "down_override.tf"
    if protected:
        override.write_text("".join(protected), encoding="utf-8")
    try:
        yield
    finally:
        override.unlink(missing_ok=True)


class Runner:
    """Runs the infrastructure command in the roots, in one subscription."""

    def __init__(self, chosen: Subscription | None, environment: str | None = None) -> None:
        """Remember the subscription, and whose cluster it is about.

        Without a subscription, ARM_SUBSCRIPTION_ID names it, as in the pipeline.
        """
        self._variables = {"TF_IN_AUTOMATION": "true"} | ({"ARM_SUBSCRIPTION_ID": chosen.id} if chosen else {})
        self._environment = environment

    def _command(self, root: Root, *arguments: str) -> tuple[str, ...]:
        return (COMMAND, f"-chdir=terraform/{root.name}", *arguments)

    def _around(self, root: Root) -> dict[str, str]:
        """Return the variables of a run; what `init` writes down of one cluster never meets another."""
        own = {"TF_DATA_DIR": f".terraform/{self._environment}"} if root.of_cluster and self._environment else {}
        return {**self._variables, **own}

    def _values(self, root: Root) -> list[str]:
        if root.of_cluster and self._environment:
            return [f"-var-file={self._environment}.tfvars"]
        # The subject that GitHub presents is kept where the clusters' identities are made.
        kept = ROOT / "terraform" / PLATFORM.name / "github.auto.tfvars"
        return [f"-var-file=../{PLATFORM.name}/{kept.name}"] if root is REGISTRY and kept.exists() else []

    def _attended(self, root: Root, *arguments: str) -> None:
        if status := attended(*self._command(root, *arguments), **self._around(root)):
            raise CommandError(f"{COMMAND} {arguments[0]} ended with status {status}, see above")

    def _quiet(self, root: Root, *arguments: str) -> str:
        return output(*self._command(root, *arguments), timeout=900, **self._around(root))

    def init(self, root: Root, *, patient: bool = False) -> None:
        """Get the providers, as they are locked, and connect to the state.

        Whoever has just made the storage got the right to it seconds ago: until Azure honours that, be patient.
        """
        key = (
            [f"-backend-config={self._environment}.azurerm.tfbackend"] if root.of_cluster and self._environment else []
        )
        # What was made before there were lock files can be removed without one.
        lock = ROOT / "terraform" / root.name / LOCK
        locked = ["-lockfile=readonly"] if lock.exists() else []
        started = time.monotonic()
        while True:
            try:
                self._quiet(root, "init", "-input=false", "-no-color", *locked, *key)
                return
            except CommandError as error:
                where = lock.relative_to(ROOT)
                if locked and "checksums" in error.details:
                    cure = "run make lock, and commit it if you know where the package comes from"
                    raise CommandError(
                        f"a package for this platform is none that {where} has a checksum of: {cure}"
                    ) from error
                if locked and _UNFIT.search(error.details):
                    cure = "remove it, run make lock, commit it"
                    raise CommandError(
                        f"{where} does not fit the versions that {root.name} requires: {cure}"
                    ) from error
                if not patient or not _REFUSED.search(error.details) or time.monotonic() - started > _ROLE_WAIT:
                    raise
                print(f"   waiting until Azure honours the right to the state ({time.monotonic() - started:.0f} s)")
                time.sleep(_ROLE_PAUSE)

    def _instances(self, root: Root) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield what is in the state of a root, by its address."""
        state = json.loads(self._quiet(root, "state", "pull") or "{}")
        for one in state.get("resources", []):
            for instance in one["instances"]:
                key = f"[{json.dumps(instance['index_key'])}]" if "index_key" in instance else ""
                yield f"{one['type']}.{one['name']}{key}", instance

    def take_up(self, root: Root) -> None:
        """Keep what an interrupted run had begun to make: Azure has gone on with it, and a plan would replace it."""
        for address, instance in self._instances(root):
            tainted = instance.get("status") == "tainted" and address.startswith("azurerm_")
            if tainted and azure.is_sound(instance["attributes"]["id"]):
                print(f"   keeping {address}, which an interrupted run had begun to make")
                self._quiet(root, "untaint", address)

    def adopt(self, root: Root, plan: dict[str, Any]) -> bool:
        """Let the next plan take over the role assignments that are there already; return whether there are any.

        Azure refuses to give a role twice. An interrupted run gives some without noting it, as does a person.
        """
        blocks = []
        for one in plan.get("resource_changes", []):
            role = one["change"].get("after") or {}
            known = role.get("scope") and role.get("principal_id")
            if one["type"] == "azurerm_role_assignment" and one["change"]["actions"] == ["create"] and known:
                for there in azure.role_assignments(role["scope"]):
                    if there["principalId"] == role["principal_id"] and (
                        there["roleDefinitionName"] == role["role_definition_name"]
                    ):
                        print(f"   keeping {one['address']}, which is there already")
                        blocks.append(f'import {{\n  to = {one["address"]}\n  id = "{there["id"]}"\n}}\n')
        if blocks:
            (ROOT / "terraform" / root.name / _IMPORTS).write_text("".join(blocks), encoding="utf-8")
        return bool(blocks)

    def plan(self, root: Root, *options: str) -> dict[str, Any]:
        """Show what the root would change, and keep it for `apply_plan`; return the plan."""
        self._attended(root, "plan", "-input=false", f"-out={_PLAN}", *options, *self._values(root))
        shown: dict[str, Any] = json.loads(self._quiet(root, "show", "-json", _PLAN))
        return shown

    def apply_plan(self, root: Root) -> None:
        """Make the changes of the plan that `plan` has kept."""
        self._attended(root, "apply", "-input=false", _PLAN)

    def drop_plan(self, root: Root) -> None:
        """Remove the plan that `plan` has kept, which holds the state, and what `adopt` has written for it."""
        for name in (_PLAN, _IMPORTS):
            (ROOT / "terraform" / root.name / name).unlink(missing_ok=True)

    def destroy(self, root: Root, *arguments: str) -> None:
        """Remove what the root has made."""
        with _unprotected(root):
            self._attended(root, "destroy", "-auto-approve", *self._values(root), *arguments)

    def resources(self, root: Root) -> list[str]:
        """Return the addresses of what the root has made; nothing where it has made nothing yet."""
        try:
            listed = self._quiet(root, "state", "list").split()
        except CommandError as error:
            if "No state file" in error.details:
                return []
            raise
        return [address for address in listed if not re.search(r"(^|\.)data\.", address)]

    def leave_people(self, root: Root, scopes: set[str]) -> None:
        """Forget the roles that people have at some scopes: `adopt` may have found them there."""
        kept = [
            address
            for address, instance in self._instances(root)
            if _OF_PEOPLE.match(address) and instance["attributes"]["scope"].lower() in scopes
        ]
        if kept:
            self.forget(root, kept)

    def forget(self, root: Root, addresses: list[str]) -> None:
        """Take resources out of the state without touching them."""
        self._quiet(root, "state", "rm", *addresses)

    def outputs(self, root: Root, name: str) -> str:
        """Return an output of the root as JSON."""
        return self._quiet(root, "output", "-json", name)
