"""The roots below terraform/ that the pipeline plans and applies, and how they are run."""

import json
import os
import re
import signal
import subprocess
from dataclasses import dataclass
from types import FrameType
from typing import Any

from gitops.process import CommandError, output
from gitops.repository import ROOT

from .infrastructure import COMMAND

LOCK = ".terraform.lock.hcl"
PLAN = "pipeline.tfplan"
_UNFIT = re.compile(r"locked provider|dependency changes detected")


class InterruptedRunError(KeyboardInterrupt):
    """A signal asked this run to end; the program that ran has ended by itself."""


@dataclass(frozen=True)
class Root:
    """A folder below terraform/, and what it makes."""

    name: str
    makes: str


PLATFORM = Root("platform", "resource group, network, cluster, Key Vault, identities")
GITOPS = Root("gitops", "Argo CD and the bootstrap Application")


class Runner:
    """Runs the infrastructure command in the roots."""

    def __init__(self, environment: str | None = None, **variables: str) -> None:
        """Remember whose cluster it is about, where each environment has its own, and variables for the command."""
        # What `init` writes down of one root or cluster never meets another, whatever the shell says.
        folder = f".terraform/{environment}" if environment else ".terraform"
        self._variables = {"TF_IN_AUTOMATION": "true", "TF_DATA_DIR": folder, "TF_WORKSPACE": "", **variables}
        self._environment = environment

    def _command(self, root: Root, *arguments: str) -> tuple[str, ...]:
        return (COMMAND, f"-chdir=terraform/{root.name}", *arguments)

    def _values(self, _root: Root) -> list[str]:
        return [f"-var-file={self._environment}.tfvars"] if self._environment else []

    def _attended(self, root: Root, *arguments: str) -> None:
        """Run the command on this terminal, where it may ask, and let it end by itself.

        Killed, it would lose what it has made and leave its state locked.

        Raises:
            CommandError: it failed.
            InterruptedRunError: a signal came meanwhile; it has ended.
        """
        caught: list[int] = []
        processes: list[subprocess.Popen[bytes]] = []

        def keep(number: int, _frame: FrameType | None) -> None:
            caught.append(number)
            # Ctrl-C reaches it from the terminal already; a second one would make it stop at once.
            for process in processes if number == signal.SIGTERM else []:
                process.send_signal(number)

        before = {number: signal.signal(number, keep) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            command, around = self._command(root, *arguments), {**os.environ, **self._variables}
            processes.append(subprocess.Popen(command, cwd=ROOT, env=around))
            status = processes[0].wait()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        if caught:
            raise InterruptedRunError
        if status:
            raise CommandError(f"{COMMAND} {arguments[0]} ended with status {status}, see above")

    def _quiet(self, root: Root, *arguments: str) -> str:
        return output(*self._command(root, *arguments), timeout=900, **self._variables)

    def init(self, root: Root) -> None:
        """Get the providers, as they are locked, and connect to the state."""
        key = [f"-backend-config={self._environment}.azurerm.tfbackend"] if self._environment else []
        # What was made before there were lock files can be removed without one.
        lock = ROOT / "terraform" / root.name / LOCK
        locked = ["-lockfile=readonly"] if lock.exists() else []
        try:
            self._quiet(root, "init", "-input=false", "-no-color", *locked, *key)
        except CommandError as error:
            where = lock.relative_to(ROOT)
            if locked and "checksums" in error.details:
                cure = "run make lock, and commit it if you know where the package comes from"
                raise CommandError(
                    f"a package for this platform is none that {where} has a checksum of: {cure}"
                ) from error
            if locked and _UNFIT.search(error.details):
                cure = "remove it, run make lock, commit it"
                raise CommandError(f"{where} does not fit the versions that {root.name} requires: {cure}") from error
            raise

    def plan(self, root: Root, *options: str) -> dict[str, Any]:
        """Show what the root would change, and keep it for `apply_plan`; return the plan."""
        self._attended(root, "plan", "-input=false", f"-out={PLAN}", *options, *self._values(root))
        shown: dict[str, Any] = json.loads(self._quiet(root, "show", "-json", PLAN))
        return shown

    def apply_plan(self, root: Root) -> None:
        """Make the changes of the plan that `plan` has kept."""
        self._attended(root, "apply", "-input=false", PLAN)
