"""The roots below terraform/ as a person runs them, who may make and remove everything."""

import contextlib
import json
import re
import signal
import time
from collections.abc import Iterator
from typing import Any

from cloud.roots import GITOPS, PLAN, PLATFORM, InterruptedRunError, Root, Runner
from gitops.process import CommandError
from gitops.repository import ROOT

from . import azure
from .azure import Subscription

_IMPORTS = "up_imports.tf"
_UNPROTECTED = "down_override.tf"
# A role that was just given is honoured after seconds, at times after minutes.
_ROLE_WAIT = 600.0
_ROLE_PAUSE = 15.0
_REFUSED = re.compile(r"AuthorizationPermissionMismatch|AuthorizationFailure|\b403\b")
_RESOURCE = re.compile(r'^resource "(\w+)" "(\w+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)
_OF_PEOPLE = re.compile(r"azurerm_role_assignment\.(first_)?operator_")
_PREVENT_DESTROY = re.compile(r"^\s*prevent_destroy\s*=\s*true", re.MULTILINE)

STATE = Root("state", "storage for the state of the others")
REGISTRY = Root("registry", "the registry of all clusters")
# In the order in which they are made, each needs the one before: how long it takes to make and to remove them.
TIMES = {
    STATE: ("about a minute", ""),
    REGISTRY: ("about a minute", "about a minute"),
    PLATFORM: ("about 15 minutes the first time", "about 10 minutes"),
    GITOPS: ("about 5 minutes the first time", "a few minutes"),
}
ROOTS = tuple(root for root in TIMES if (ROOT / "terraform" / root.name).is_dir())
# What each cluster has of its own.
OF_CLUSTER = (PLATFORM, GITOPS)


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
    override = folder / _UNPROTECTED
    if protected:
        override.write_text("".join(protected), encoding="utf-8")
    try:
        yield
    finally:
        override.unlink(missing_ok=True)


class Owner(Runner):
    """Runs the infrastructure command in one subscription, with all that it can do."""

    def __init__(self, chosen: Subscription, environment: str | None = None) -> None:
        """Remember the subscription, and whose cluster it is about."""
        super().__init__(environment, ARM_SUBSCRIPTION_ID=chosen.id)

    def _quiet(self, root: Root, *arguments: str) -> str:
        """Do the same, and let the command end by itself at Ctrl-C: some of these change the state."""
        caught: list[int] = []
        before = signal.signal(signal.SIGINT, lambda number, _frame: caught.append(number))
        try:
            return super()._quiet(root, *arguments)
        finally:
            signal.signal(signal.SIGINT, before)
            if caught:
                raise InterruptedRunError

    def _values(self, root: Root) -> list[str]:
        # The subject that GitHub presents is kept where the clusters' identities are made.
        kept = ROOT / "terraform" / PLATFORM.name / "github.auto.tfvars"
        if root is REGISTRY and kept.exists():
            return [f"-var-file=../{PLATFORM.name}/{kept.name}"]
        return super()._values(root)

    def connect(self, root: Root) -> None:
        """Do what `init` does, patiently.

        Whoever has just made the storage of the state got the right to it seconds ago, and Azure honours that later.
        """
        started = time.monotonic()
        while True:
            try:
                self.init(root)
                return
            except CommandError as error:
                if not _REFUSED.search(error.details) or time.monotonic() - started > _ROLE_WAIT:
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

    def drop_plan(self, root: Root) -> None:
        """Remove the plan that `plan` has kept, which holds the state, and what `adopt` or a killed run has written."""
        for name in (PLAN, _IMPORTS, _UNPROTECTED):
            (ROOT / "terraform" / root.name / name).unlink(missing_ok=True)

    def destroy(self, root: Root, *arguments: str) -> None:
        """Remove what the root has made."""
        self.drop_plan(root)
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
