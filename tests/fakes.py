"""Programs on PATH that stand for Azure, Terraform, the cluster and GitHub, and the world that they change."""

import copy
import json
import os
import re
import shutil
import socketserver
import subprocess
import sys
import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests import fake_program, support

SUBSCRIPTION = "22222222-2222-2222-2222-222222222222"
# A program hands its arguments to the tests and prints what it is given. A test runs dozens, and to start Python takes
# five times as long. On Ctrl-C it ends its work as Terraform does, then itself.
PROGRAM = """#!/bin/bash
LC_ALL=C
[ {name} != gh ] || [ "${{GH_HOST-github.com}}" = github.com ] || {{ echo "gh: Not Found (HTTP 404)" >&2; exit 1; }}
exec 3<>/dev/tcp/127.0.0.1/{port}
printf '%s\\0' $(($# + 5)) {world} {name} "$PWD" "$TF_DATA_DIR" "$TF_WORKSPACE" "$@" >&3
trap 'read -rt 0.5 -u 3; echo stopping; printf "ended by itself\\0" >&3; read -ru 3; exit 1' INT TERM
IFS= read -rd '' waits <&3
[ -z "$waits" ] || read -rt 20 -u 3
IFS= read -rd '' out <&3
IFS= read -rd '' errors <&3
IFS= read -rd '' status <&3
# As a person may have set it: az looks into one group, and prints tables, unless it is told otherwise.
[[ {name}-"${{AZURE_DEFAULTS_GROUP-mine}} $*" != az-mine*" list "* ]] || [[ $* == *--resource-group* ]] || out="[]"
[ {name} != az ] || [ "$AZURE_CORE_OUTPUT" = json ] || [[ $* == *--output* ]] || out="Result"$'\n'"------"$'\n'"$out"
printf %s "$out"
printf %s "$errors" >&2
exit "$status"
"""
PROGRAMS = ("az", "gh", "gitleaks", "kubeconform", "kubectl", "kubelogin", "terraform")


def sku(name: str, cores: int = 2, **more: Any) -> dict[str, Any]:
    """A machine size as `az vm list-skus` prints it, without what nobody reads."""
    return {
        "name": name,
        "family": "standardDADSv5Family",
        "locations": ["westeurope"],
        "locationInfo": [{"location": "westeurope", "zoneDetails": [], "zones": ["1", "2", "3"]}],
        "resourceType": "virtualMachines",
        "restrictions": [],
        "capabilities": [
            {"name": "MaxResourceVolumeMB", "value": str(cores * 38400)},
            {"name": "vCPUs", "value": str(cores)},
            {"name": "EphemeralOSDiskSupported", "value": "True"},
        ],
        **more,
    }


def usage(name: str, limit: int, used: int = 0) -> dict[str, Any]:
    """A quota as `az vm list-usage` prints it: the numbers are texts."""
    return {
        "currentValue": str(used),
        "limit": str(limit),
        "localName": name,
        "name": {"localizedValue": name, "value": name},
        "unit": "Count",
    }


def _answers() -> dict[str, dict[str, Any]]:
    """What Azure says to an owner of a subscription with enough of everything."""
    account = {"id": SUBSCRIPTION, "name": "Try out", "state": "Enabled", "tenantId": "1111", "isDefault": True}
    registered = [
        {"name": f"Microsoft.{name}", "state": "Registered"}
        for name in [
            "Authorization",
            "Compute",
            "ContainerRegistry",
            "ContainerService",
            "Insights",
            "KeyVault",
            "ManagedIdentity",
            "Network",
            "OperationalInsights",
            "Storage",
        ]
    ]
    free = {"message": None, "nameAvailable": True, "reason": None}
    return {
        "az version": {"json": {"azure-cli": "2.91.0", "azure-cli-core": "2.91.0", "extensions": {}}},
        "az account show": {"json": account},
        "az account get-access-token": {"stdout": "2026-11-23 13:00:00.000000\n"},
        "az rest --method get … /permissions": {
            "json": {"value": [{"actions": ["*"], "notActions": [], "dataActions": [], "notDataActions": []}]}
        },
        "az provider list": {"json": registered},
        "az aks get-versions": {
            "json": {
                "values": [
                    {"version": "1.37", "isDefault": None, "isPreview": None, "patchVersions": {"1.37.1": {}}},
                    {"version": "1.36", "isDefault": True, "isPreview": None, "patchVersions": {"1.36.4": {}}},
                    {"version": "1.38", "isDefault": None, "isPreview": True, "patchVersions": {"1.38.0": {}}},
                ]
            }
        },
        "gh api … require_code_owner_review": {"stdout": "true\n"},
        "az vm list-skus": {"json": [sku("Standard_D2ads_v5"), sku("Standard_D4ads_v5", 4)]},
        "az vm list-usage": {"json": [usage("cores", 100), usage("standardDADSv5Family", 100)]},
        "az storage account check-name": {"json": free},
        "az acr check-name": {"json": free},
        "az rest --method post … /checkNameAvailability": {"json": {"nameAvailable": True}},
        "az keyvault list-deleted": {"json": []},
    }


def _written(how: dict[str, Any]) -> dict[str, Any]:
    """Return an answer with its JSON as text."""
    others = {name: value for name, value in how.items() if name != "json"}
    return {**others, "stdout": json.dumps(how["json"]) + "\n" + how.get("stdout", "")} if "json" in how else how


@dataclass
class Fakes:
    """A product with fakes around it."""

    product: Path
    folder: Path
    _world: fake_program.World

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a run: nothing on PATH but the fakes, git and Python."""
        kept = {name: value for name, value in os.environ.items() if name in ("HOME", "LANG", "TMPDIR")}
        return {
            **kept,
            "PATH": str(self.folder / "bin"),
            "PYTHONPATH": str(support.CLOCK),
            "PYTHONDONTWRITEBYTECODE": "1",
            "APPROVE": "yes",
        }

    @property
    def world(self) -> dict[str, Any]:
        """The world as it is."""
        with fake_program.LOCK:
            return copy.deepcopy(self._world)

    def change(self, **parts: Any) -> None:
        """Change parts of the world."""
        with fake_program.LOCK:
            self._world.update(copy.deepcopy(parts))

    def answer(self, words: str, **how: Any) -> None:
        """Give another answer to command lines that match: json, stdout, stderr, status, times, waits."""
        with fake_program.LOCK:
            self._world["answers"][words] = _written(how)

    def calls(self, *programs: str) -> list[str]:
        """Return the command lines since the last call of this, of some programs or of all, and forget them."""
        with fake_program.LOCK:
            found = [line for line in self._world["calls"] if not programs or line.split()[0] in programs]
            self._world["calls"] = []
        return found

    def environment_of(self, name: str, policy: dict[str, bool] | None, *names: tuple[str, str], **rules: Any) -> None:
        """Set an environment of the repository on GitHub, with the kinds and patterns of refs that may use it."""
        with fake_program.LOCK:
            no_rules = {"reviewers": [], "wait_timer": 0, "prevent_self_review": False}
            given = {"policy": policy, "names": [list(one) for one in names], **no_rules, **rules}
            self._world["github"]["environments"][name] = given

    def token(self, ref: str, environment: str) -> str | None:
        """Run a job that names an environment, from a ref; the subject of its token, or None where GitHub refuses.

        An environment that does not exist is made, open to any ref.
        """
        if environment not in self.world["github"]["environments"]:
            self.environment_of(environment, None)
        rules = self.world["github"]["environments"][environment]
        kinds = {"branch": (ref, ref.removeprefix("refs/heads/")), "tag": (ref.removeprefix("refs/tags/"),)}
        # Branches that are protected: any, as long as none is.
        may = rules["policy"] is None or rules["policy"]["protected_branches"]
        for kind, pattern in rules["names"]:
            # `*` stands for no slash, as with Ruby's File.fnmatch.
            matches = re.compile("[^/]*".join(map(re.escape, pattern.split("*")))).fullmatch
            may |= (kind == "tag") == ref.startswith("refs/tags/") and any(map(matches, kinds[kind]))
        return f"environment:{environment}" if may else None

    def remove(self, program: str) -> None:
        """Take a program off PATH."""
        (self.folder / "bin" / program).unlink()

    def run(
        self, command: str, *arguments: str, typed: str = "", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of the product."""
        return subprocess.run(
            [sys.executable, *support.command(self.product, command), *arguments],
            cwd=self.product,
            capture_output=True,
            text=True,
            check=False,
            input=typed,
            timeout=60,
            env={**self.environment, **environment},
        )


_worlds: list[fake_program.World] = []


class _Handler(socketserver.StreamRequestHandler):
    def _text(self) -> str:
        """Read what ends in NUL, or where the program has ended."""
        text = b""
        while (byte := self.rfile.read(1)) not in (b"", b"\0"):
            text += byte
        return text.decode(errors="surrogateescape")

    def handle(self) -> None:
        number, name, *others = [self._text() for _ in range(int(self._text()))]
        world = _worlds[int(number)]
        with fake_program.LOCK:
            world["PWD"], world["TF_DATA_DIR"], world["TF_WORKSPACE"], *arguments = others
            answer = fake_program.called(world, name, arguments)
        if waits := answer.get("waits"):
            self.wfile.write(b"yes\0")
            Path(waits).touch()
            if ended := self._text():
                with fake_program.LOCK:
                    world["calls"].append(f"{name} {ended}")
            return
        given = ("", answer.get("stdout", ""), answer.get("stderr", ""), answer.get("status", 0))
        self.wfile.write("".join(f"{part}\0" for part in given).encode(errors="surrogateescape"))


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    # `make doctor` calls that many at once.
    request_queue_size = 64


@cache
def _port() -> int:
    server = _Server(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return int(server.server_address[1])


def lock_providers(product: Path) -> None:
    """Write the lock files that `make lock` makes, without a change to commit."""
    for code in product.glob("terraform/*/terraform.tf"):
        (code.parent / ".terraform.lock.hcl").write_text(fake_program.locked(str(code.parent)), encoding="utf-8")
    if (product / ".git").is_dir():
        (product / ".git" / "info").mkdir(exist_ok=True)
        with (product / ".git" / "info" / "exclude").open("a", encoding="utf-8") as excluded:
            excluded.write(".terraform.lock.hcl\n")


def around(product: Path, folder: Path) -> Fakes:
    """Write the programs and an empty world: a subscription in which nothing has been made yet."""
    lock_providers(product)
    (folder / "bin").mkdir(parents=True)
    for name in PROGRAMS:
        path = folder / "bin" / name
        path.write_text(PROGRAM.format(port=_port(), world=len(_worlds), name=name), encoding="utf-8")
        path.chmod(0o755)
    for name in ("git", "sh"):
        (folder / "bin" / name).symlink_to(str(shutil.which(name)))
    (folder / "bin" / "python3").symlink_to(sys.executable)
    world: fake_program.World = {
        "calls": [],
        "answers": {words: _written(how) for words, how in _answers().items()},
        "terraform": {"state": [], "platform": [], "gitops": []},
        "makes": {
            "state": ["azurerm_storage_account.state"],
            "registry": ["azurerm_container_registry.this"],
            "platform": ["azurerm_resource_group.this", "azurerm_kubernetes_cluster.this"],
            "gitops": ["helm_release.argocd", "helm_release.bootstrap"],
        },
        "storage": False,
        "unhonoured": 0,
        "cluster": None,
        # By environment, where each has a cluster of its own.
        "clusters": {},
        "new_cluster": {
            "name": "aks-goal-tracker",
            "resourceGroup": "rg-aks-goal-tracker",
            "powerState": {"code": "Running"},
            "provisioningState": "Succeeded",
            "agentPoolProfiles": [
                {"name": "system", "count": 2, "vmSize": "Standard_D2ads_v5"},
                {"name": "apps", "count": 1, "vmSize": "Standard_D2ads_v5"},
            ],
        },
        "groups": [],
        "variables": "",
        "github": {"private": False, "plan": "free", "admin": True, "environments": {}},
    }
    _worlds.append(world)
    return Fakes(product, folder, world)


def installed(fakes: Fakes) -> None:
    """Change the world into one in which `make up` has run."""
    world = fakes.world
    fakes.change(
        storage=True,
        cluster=world["new_cluster"],
        terraform={root: world["makes"][root] for root in world["terraform"]},
    )
