"""Terraform, OpenTofu and the providers: the real ones where a provider registry answers, schema-only stand-ins elsewhere."""

import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tests.terraform import tools
from tests.terraform.tools import ToolMissingError

PROJECT = Path(__file__).resolve().parents[2]
BUILD = PROJECT / "build" / "terraform"
# Those that products lock their providers for.
PLATFORMS = ("darwin_amd64", "darwin_arm64", "linux_amd64", "linux_arm64", "windows_amd64")
OFFLINE_INSTALL_VARIABLE = "TERRAFORM_OFFLINE_INSTALL"
OFFLINE_INSTALL_DEFAULT = PROJECT.parent / "shared" / "tools" / "terraform-offline" / "install"

# The smallest of the providers that the products use: whether it can be had tells whether all can.
_PROBE = """
terraform {
  required_providers {
    time = {
      source = "hashicorp/time"
    }
  }
}
"""


@dataclass(frozen=True)
class Terraform:
    """A Terraform or OpenTofu command with the environment in which its providers are found."""

    command: str
    environment: dict[str, str]
    providers: str

    def run(self, *arguments: str, cwd: Path, data: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run a subcommand; `data` is where it keeps its providers instead of `.terraform`."""
        extra = {"TF_DATA_DIR": str(data)} if data else {}
        return subprocess.run(
            [self.command, *arguments],
            cwd=cwd,
            env={**self.environment, **extra},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )


def find() -> Terraform:
    """Return Terraform, ready to install the providers that the products name.

    Raises:
        ToolMissingError: Terraform isn't installed, or no provider can be had.
    """
    command = shutil.which("terraform")
    if command is None:
        raise ToolMissingError(
            "terraform isn't on PATH: install 1.11 or newer from https://developer.hashicorp.com/terraform/install"
        )
    cache = BUILD / "plugins"
    cache.mkdir(parents=True, exist_ok=True)
    online = Terraform(command, _environment(TF_PLUGIN_CACHE_DIR=str(cache)), "registry")
    reason = _why_no_provider(online)
    if reason is None:
        return online
    install = Path(os.environ.get(OFFLINE_INSTALL_VARIABLE) or OFFLINE_INSTALL_DEFAULT)
    if not install.is_file():
        raise ToolMissingError(
            f"no provider registry can be reached, and {install} isn't there. Connect this machine to a provider"
            f" registry, or set {OFFLINE_INSTALL_VARIABLE} to a program that, given a folder, lays a provider mirror"
            f" and a terraform.rc into it. Terraform said:\n{reason}"
        )
    return Terraform(command, _environment(TF_CLI_CONFIG_FILE=str(_install_offline(install))), "offline")


def opentofu(terraform: Terraform) -> Terraform:
    """Return OpenTofu with the providers that Terraform has: the stand-ins lie there for both."""
    return replace(terraform, command=str(tools.opentofu()))


@contextmanager
def serving(program: Terraform) -> Iterator[Terraform]:
    """Give the program with stand-ins that run all the time, for its subcommand `test`.

    It starts its providers anew for every plan otherwise, which takes more than the plans. Real providers stay with it,
    and OpenTofu starts its own: it doesn't find these after the first plan.
    """
    if program.providers == "registry" or Path(program.command).name != "terraform":
        yield program
        return
    mirror = Path(program.environment["TF_CLI_CONFIG_FILE"]).parent / "mirror"
    servers: list[subprocess.Popen[str]] = []
    reattach: dict[str, object] = {}
    try:
        for server in sorted(mirror.glob("registry.terraform.io/*/*/*/*/terraform-provider-*")):
            started = subprocess.Popen(
                [str(server)],
                # By these it tells that a program of Terraform's kind starts it, one that speaks version 6.
                env={
                    **program.environment,
                    "TF_PLUGIN_MAGIC_COOKIE": "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2",
                    "PLUGIN_PROTOCOL_VERSIONS": "6",
                },
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            servers.append(started)
            assert started.stdout is not None
            _, protocol, network, address, kind, *_ = started.stdout.readline().strip().split("|")
            reattach[str(server.parents[2].relative_to(mirror))] = {
                "Protocol": kind,
                "ProtocolVersion": int(protocol),
                "Pid": started.pid,
                "Test": True,  # so that it doesn't end with the first command that used it
                "Addr": {"Network": network, "String": address},
            }
        yield replace(program, environment={**program.environment, "TF_REATTACH_PROVIDERS": json.dumps(reattach)})
    finally:
        for started in servers:
            started.kill()
            started.communicate()


def lock(program: Terraform, product: Path, folder: Path, **environment: str) -> None:
    """Lock the providers of a product by its own command; the folder is for what it takes."""
    options = [] if program.providers == "registry" else [f"-fs-mirror={mirror_of(program, folder)}"]
    done = subprocess.run(
        ["scripts/from-template", "lock-providers", *options],
        cwd=product,
        env={**program.environment, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def mirror_of(program: Terraform, folder: Path) -> Path:
    """Make a mirror with packages for every platform; only those of this one can run."""
    ours = Path(program.environment["TF_CLI_CONFIG_FILE"]).parent / "mirror"
    for package in ours.glob("*/*/*/*/*"):
        version = folder / package.relative_to(ours).parent
        version.mkdir(parents=True)
        for platform in PLATFORMS:
            if platform == package.name:
                (version / platform).symlink_to(package)
            else:
                (version / platform).mkdir()
                (version / platform / next(package.glob("terraform-provider-*")).name).write_text(platform)
    return folder


def _environment(**extra: str) -> dict[str, str]:
    # No variable of this machine may answer for a product: neither its own inputs nor a person's Azure login.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("TF_VAR_", "ARM_"))}
    configuration = inherited.get("TF_CLI_CONFIG_FILE")
    if configuration and not Path(configuration).is_file():
        del inherited["TF_CLI_CONFIG_FILE"]
    return {
        **inherited,
        "CHECKPOINT_DISABLE": "1",
        "GOGC": "800",  # provider schemas are large and short-lived: a third of the time went to collecting them
        "TF_IN_AUTOMATION": "1",
        "TF_INPUT": "0",
        "TF_REGISTRY_CLIENT_TIMEOUT": "10",
        "TF_REGISTRY_DISCOVERY_RETRY": "0",
        **extra,
    }


def _why_no_provider(terraform: Terraform) -> str | None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "terraform.tf").write_text(_PROBE, encoding="utf-8")
        done = terraform.run("init", "-no-color", cwd=folder)
    return None if done.returncode == 0 else done.stdout


def _install_offline(install: Path) -> Path:
    """Build the stand-ins once for each version of them, and return their configuration file."""
    types = _types_in_use()
    digest = hashlib.sha256("\n".join(sorted(types)).encode())
    for path in sorted(install.parent.rglob("*")):
        if path.is_file():
            digest.update(path.read_bytes())
    folder = BUILD / f"offline-{digest.hexdigest()[:12]}"
    configuration = folder / "terraform.rc"
    with tools.locked(BUILD / "offline.lock"):
        if not configuration.is_file():
            folder.mkdir(parents=True, exist_ok=True)
            done = subprocess.run([str(install), str(folder)], capture_output=True, text=True, check=False)
            if done.returncode != 0:
                shutil.rmtree(folder)
                raise ToolMissingError(f"{install} failed (it needs Go and the Go module proxy):\n{done.stderr}")
            for schema in (folder / "mirror").rglob("schema.json.gz"):
                _keep_only(types, schema)
    return configuration


def _types_in_use() -> set[str]:
    """Return every type of resource, data source and ephemeral resource that the template writes."""
    code = (PROJECT / "template" / "terraform").glob("*/*.tf*")
    block = re.compile(r'^(?:resource|data|ephemeral) "(\w+)"', re.M)
    return {name for path in code for name in block.findall(path.read_text(encoding="utf-8"))}


def _keep_only(types: set[str], schema: Path) -> None:
    """Leave out of a stand-in's schema what no root uses.

    A stand-in is started for every plan of a test and reads its schema each time, which took most of the time: that of
    azurerm has over a thousand types. One that isn't there is as unknown as one that is misspelt.
    """
    loaded = json.loads(gzip.decompress(schema.read_bytes()))
    for kind in ("resource_schemas", "data_source_schemas", "ephemeral_resource_schemas"):
        loaded[kind] = {name: value for name, value in (loaded.get(kind) or {}).items() if name in types}
    schema.unlink()  # it may be a link to a file of the install program
    schema.write_bytes(gzip.compress(json.dumps(loaded).encode()))
