"""Environments agree everywhere: what overlays read is what infrastructure makes for them, and for nobody else."""

import posixpath
import re
from collections.abc import Iterator

from .documents import Map, Problem, Repository

_SAME = "make them the same"
# Values of the cluster of one environment.
_OWN = "terraform/platform/{}.tfvars"


def check(repository: Repository) -> Iterator[Problem]:
    """Check that infrastructure and Git speak of the same environments, vault and database."""
    names = [posixpath.basename(overlay) for overlay in repository.overlays()]
    yield from _check_terraform(repository, names)
    for path, text in repository.platforms().items():
        yield from _check_vault(repository, path, text)
        yield from _check_database(repository, path, text)


def _text(text: str, key: str) -> str | None:
    """Return a text that a file of values sets at its top."""
    match = re.search(rf'^{key}\s*=\s*"([^"]*)"', text, re.MULTILINE)
    return match[1] if match else None


def _listed(text: str) -> tuple[list[str], int]:
    """Return the environments that a file of values lists, and the line."""
    match = re.search(r"^environments\s*=\s*\[([^\]]*)\]", text, re.MULTILINE)
    line = text.count("\n", 0, match.start()) + 1 if match else 0
    return re.findall(r'"([^"]*)"', match[1]) if match else [], line


def _check_terraform(repository: Repository, names: list[str]) -> Iterator[Problem]:
    files = {path: _listed(text) for path, text in repository.platforms().items()}
    for path, (listed, line) in files.items():
        for name in sorted(set(listed) - set(names)):
            where = "apps/*/overlays"
            yield Problem(path, line, f"environment {name} is in {path} but not in {where}: add it, or remove it")
    for name in sorted(set(names) - {name for listed, _ in files.values() for name in listed}):
        path, (_, line) = next(iter(files.items())) if len(files) == 1 else (_OWN.format(name), ([], 0))
        if files:
            where = "apps/*/overlays"
            yield Problem(path, line, f"environment {name} is in {where} but not in {path}: add it, or remove it")


def _on_cluster(repository: Repository, text: str) -> Iterator[tuple[str, Map]]:
    """Yield what runs on the cluster of a file of values: everything, where there is one cluster."""
    everything = len(repository.platforms()) == 1
    own = [f"clusters/{_text(text, 'cluster_name')}/", *(f"/overlays/{name}/" for name in _listed(text)[0])]
    for path, document in [*repository.below("apps/"), *repository.below("clusters/")]:
        if everything or "/base/" in path or any(part in path for part in own):
            yield path, document


def _check_vault(repository: Repository, path: str, text: str) -> Iterator[Problem]:
    vault = _text(text, "key_vault_name")
    for store_path, document in _on_cluster(repository, text):
        address = document.at("spec", "provider", "azurekv", "vaultUrl")
        if vault and address and address != f"https://{vault}.vault.azure.net":
            line = document.line_at("spec", "provider", "azurekv", "vaultUrl")
            yield Problem(store_path, line, f"is not the vault {vault} of {path}: {_SAME}")


def _check_database(repository: Repository, path: str, text: str) -> Iterator[Problem]:
    """What Git says about the database server is what terraform/platform makes."""
    server, subnet = _text(text, "database_server_name"), _text(text, "database_subnet")
    if server is None:
        return
    host = f"{server}.postgres.database.azure.com"
    for where, document in _on_cluster(repository, text):
        for template in (("spec", "template"), ("spec", "jobTemplate", "spec", "template")):
            for container in document.maps(*template, "spec", "containers"):
                for variable in container.maps("env"):
                    if variable.get("name") in ("DB_HOST", "PGHOST") and variable.get("value") != host:
                        yield Problem(where, variable.line_of("value"), f"is not the server {host} of {path}: {_SAME}")
        for rule in document.maps("spec", "egress"):
            for peer in rule.maps("to"):
                cidr = peer.at("ipBlock", "cidr")
                to_postgres = 5432 in [port.get("port") for port in rule.maps("ports")]
                if cidr and to_postgres and cidr != subnet:
                    yield Problem(where, peer.line, f"{cidr} is not database_subnet of {path}: {_SAME}")
