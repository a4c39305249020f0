"""The providers: azurerm built from its own source, cut down to the services in use, and a stand-in for the small ones.

The source comes from the Go module proxy and none of it is kept here. What is cut away is registration only: the code of the
services that stay is untouched, but for its pauses, which take a thousandth of their time.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.terraform import tools

_MODULE = "github.com/hashicorp/terraform-provider-azurerm"
# 5.2.0, by the name that the proxy has for it, and the checksum of what was tried.
_VERSION = "v1.44.1-0.20260824201233-fae580791926"
_SUM = "h1:SOgvTJZXNyxmkHHHx8ifgotbvhOi/eadVkoyBNr+4hk="
AZURERM = "5.2.0"
# Versions that the products' constraints take; of the stand-in none is true.
_OTHERS = {"hashicorp/random": "3.9.0", "hashicorp/time": "0.14.0", "hashicorp/helm": "3.1.0", "azure/azapi": "2.12.0"}
# With what the code of those in use imports of others.
SERVICES = {
    *("applicationinsights", "authorization", "compute", "containers", "dashboard", "dns", "keyvault", "loganalytics"),
    *("managedhsm", "managedidentity", "monitor", "network", "policy", "postgres", "privatedns", "resource", "storage"),
    "subscription",
}
_OTHERS_MODULE = Path(__file__).parent / "others"
_IMPORT = re.compile(r'^\t(?:(\S+) )?"([^"]+)"\n', re.MULTILINE)
_PAUSE = re.compile(r"\b(\d+) ?\* ?time\.Second\b")


def mirror() -> Path:
    """Return the configuration file of a Terraform that finds these providers, and no others.

    Raises:
        ToolMissingError: Go or its module proxy isn't there.
    """
    own = [Path(__file__).read_bytes(), *(path.read_bytes() for path in sorted(_OTHERS_MODULE.iterdir()))]
    return tools.cached("azurerm", own, _build) / "terraform.rc"


def _build(folder: Path) -> None:
    if shutil.which("go") is None:
        raise tools.ToolMissingError(
            "the providers are built with Go, which isn't on PATH: see https://go.dev/doc/install"
        )
    source = folder / "source"
    _copy(source)
    cut(source)
    build = ["go", "build", "-trimpath", "-ldflags=-s -w", "-o"]
    tools.run([*build, str(_place(folder, "hashicorp/azurerm", AZURERM)), "."], source)
    shutil.rmtree(source)
    tools.run([*build, str(folder / "others"), "."], _OTHERS_MODULE)
    for name, version in _OTHERS.items():
        _place(folder, name, version).hardlink_to(folder / "others")
    # Where `folder` will be when all of it is there.
    final = folder.with_suffix("")
    text = f'provider_installation {{\n  filesystem_mirror {{\n    path = "{final}/mirror"\n  }}\n}}\n'
    (folder / "terraform.rc").write_text(text, encoding="utf-8")


def _place(folder: Path, name: str, version: str) -> Path:
    system = subprocess.run(["go", "env", "GOOS", "GOARCH"], capture_output=True, text=True, check=True)
    platform = folder / "mirror" / "registry.terraform.io" / name / version / "_".join(system.stdout.split())
    platform.mkdir(parents=True)
    return platform / f"terraform-provider-{name.split('/')[1]}_v{version}"


def _copy(source: Path) -> None:
    """Copy the module from Go's cache, which can't be written to."""
    command = ["go", "mod", "download", "-json", f"{_MODULE}@{_VERSION}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    told = json.loads(done.stdout or "{}")
    if told.get("Sum") != _SUM:
        raise tools.ToolMissingError(f"{_MODULE} can't be had from the Go module proxy:\n{done.stderr}{told}")
    source.mkdir()
    for name in ("go.mod", "go.sum", "main.go", "helpers", "internal", "utils", "version"):
        if (path := Path(told["Dir"]) / name).is_dir():
            shutil.copytree(path, source / name, ignore=shutil.ignore_patterns("*_test.go"))
        else:
            shutil.copy(path, source / name)
    subprocess.run(["chmod", "-R", "u+w", str(source)], check=True)


def cut(source: Path) -> None:
    """Take the services that are not in use out of the provider and out of its client, and shorten the pauses."""
    for name in ("services.go", "services_gen.go"):
        _rewrite(source / "internal" / "provider" / name, _without_services)
    for name in ("client.go", "client_gen.go"):
        _rewrite(source / "internal" / "clients" / name, _without_clients)
    for path in (source / "internal").rglob("*.go"):
        if "time.Second" in (text := path.read_text(encoding="utf-8")):
            path.write_text(_PAUSE.sub(r"\1 * time.Millisecond", text), encoding="utf-8")


def _rewrite(path: Path, change: Callable[[str], str]) -> None:
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")


def _unused(text: str, pattern: str) -> list[tuple[str, str]]:
    """Return the imports of services that are not in use, by the name that the code has for them."""
    imports = [(alias or path.rsplit("/", 1)[-1], path) for alias, path in _IMPORT.findall(text.split(")", 1)[0])]
    return [(name, path) for name, path in imports if (found := re.search(pattern, path)) and found[1] not in SERVICES]


def _without_import(text: str, name: str, path: str) -> str:
    return re.sub(rf'^\t(?:{name} )?"{re.escape(path)}"\n', "", text, flags=re.MULTILINE)


def _without_services(text: str) -> str:
    for name, path in _unused(text, r"internal/services/([^/]+)$"):
        text = re.sub(rf"^\t+{name}\..*\n", "", _without_import(text, name, path), flags=re.MULTILINE)
    return text


def _without_clients(text: str) -> str:
    for name, path in _unused(text, r"(?:internal/services/([^/]+)/client$)"):
        text = _without_client(text, name, path)
    for name, path in _unused(text, r"go-azure-sdk/resource-manager/([^/]+)/"):
        text = _without_client(text, name, path)
    return text


def _without_client(text: str, name: str, path: str) -> str:
    fields = re.findall(rf"^\t(\w+) +\*{name}\.\w+\n", text, re.MULTILINE)
    text = re.sub(rf"^\t\w+ +\*{name}\.\w+\n", "", text, flags=re.MULTILINE)
    for field in fields:
        text = re.sub(rf"^\tif client\.{field}, err = .*?^\t}}\n", "", text, flags=re.MULTILINE | re.DOTALL)
        text = re.sub(rf"^\tclient\.{field} = .*\n", "", text, flags=re.MULTILINE)
    return _without_import(text, name, path)
