"""Each environment has a cluster of its own: its values, state, folder and bootstrap agree, and meet no other's."""

import re
from collections.abc import Iterator
from typing import Any

from cloud import tfvars

from .documents import Problem, Repository

_ORDER = "terraform/environments"
_ROOTS = ("platform", "gitops")
# What all clusters have in common, and what Azure wants to be unique.
_SAME = ("project_name", "github_repository", "state", "registry_name", "registry_resource_group_name")
_UNIQUE = ("cluster_name", "key_vault_name", "database_server_name")


def check(repository: Repository) -> Iterator[Problem]:
    """Check every cluster."""
    order = [line for line in _lines(repository) if line]
    for root in _ROOTS:
        files = _environments(repository, root, ".tfvars")
        for name in sorted(set(files) ^ set(order)):
            path = f"terraform/{root}/{name}.tfvars"
            cure = "is missing: add it" if name in order else f"is of no environment in {_ORDER}: add it there"
            yield Problem(path, 0, f"{cure}, or remove what is left of {name}")
    for name in sorted(order):
        if not any(re.fullmatch(rf"apps/[^/]+/overlays/{name}/kustomization.yaml", path) for path in repository.files):
            yield Problem(_ORDER, 0, f"environment {name} has no folder in apps/*/overlays: add it, or remove it")
    try:
        platforms = {name: tfvars.values("platform", repository.root, name) for name in order}
    except ValueError:
        return  # Missing: said above. Not readable: said by who reads the roots.
    yield from _check_values(platforms)
    if repository.exists("terraform/registry"):
        yield from _check_registry(repository, platforms)
    for name, values in platforms.items():
        yield from _check_cluster(repository, name, values)
    clusters = {values.get("cluster_name") for values in platforms.values()}
    for folder in ("bootstrap", "clusters"):
        for path in sorted({path.split("/")[1] for path in repository.files if path.startswith(f"{folder}/")}):
            if path not in clusters:
                yield Problem(
                    f"{folder}/{path}", 0, "is of no cluster in terraform/platform: mend its name, or remove it"
                )


def _lines(repository: Repository) -> list[str]:
    text = repository.text(_ORDER) if repository.exists(_ORDER) else ""
    return [line.partition("#")[0].strip() for line in text.splitlines()]


def _environments(repository: Repository, root: str, suffix: str) -> list[str]:
    names = [
        path.removeprefix(f"terraform/{root}/") for path in repository.files if path.startswith(f"terraform/{root}/")
    ]
    own = [name for name in names if "/" not in name and name.endswith(suffix) and not name.endswith(".auto.tfvars")]
    return [name.removesuffix(suffix) for name in own]


def _check_values(platforms: dict[str, dict[str, Any]]) -> Iterator[Problem]:
    first = next(iter(platforms), "")
    seen: dict[str, str] = {}
    for name, values in platforms.items():
        path = f"terraform/platform/{name}.tfvars"
        if values.get("environments") != [name]:
            yield Problem(
                path,
                0,
                f'environments is not ["{name}"]: write that, since the file has the values of that cluster alone',
            )
        for key in _SAME:
            if values.get(key) != platforms[first].get(key):
                yield Problem(path, 0, f"{key} is not that of {first}.tfvars: make them the same")
        for key in _UNIQUE:
            value = values.get(key)
            if value and (other := seen.setdefault(f"{key} {value}", name)) != name:
                yield Problem(path, 0, f"{key} {value} is that of {other}.tfvars: give this cluster another")


def _check_registry(repository: Repository, platforms: dict[str, dict[str, Any]]) -> Iterator[Problem]:
    path = "terraform/registry/terraform.tfvars"
    try:
        made = tfvars.values("registry", repository.root)
    except ValueError as error:
        yield Problem(path, 0, f"can't be read ({error}): mend it")
        return
    for name, values in platforms.items():
        for key, own in (("registry_name", "registry_name"), ("registry_resource_group_name", "resource_group_name")):
            if values.get(key) != made.get(own):
                where = f"terraform/platform/{name}.tfvars"
                yield Problem(where, 0, f"{key} is not {made.get(own)}, which {path} makes: make them the same")
        if values.get("github_repository") != made.get("github_repository"):
            yield Problem(path, 0, f"github_repository is not that of {name}.tfvars: make them the same")


def _check_cluster(repository: Repository, name: str, values: dict[str, Any]) -> Iterator[Problem]:
    cluster = values.get("cluster_name")
    if not repository.exists(f"clusters/{cluster}/environments/{name}.yaml"):
        path = f"clusters/{cluster}/environments/{name}.yaml"
        yield Problem(
            path, 0, f"is missing: add it, since terraform/platform/{name}.tfvars makes that cluster for {name}"
        )
    bootstrap = f"bootstrap/{cluster}/templates/application.yaml"
    handed = repository.first(bootstrap)
    if handed is None:
        yield Problem(bootstrap, 0, "is missing: add it, without it Argo CD of that cluster knows nothing of Git")
    elif handed.at("spec", "source", "path") != f"clusters/{cluster}":
        yield Problem(
            bootstrap,
            handed.line_at("spec", "source", "path"),
            f"does not hand over clusters/{cluster}: make it the path",
        )
    for root in _ROOTS:
        path = f"terraform/{root}/{name}.azurerm.tfbackend"
        text = repository.text(path) if repository.exists(path) else ""
        if f'key = "{cluster}/{root}.tfstate"' not in text:
            cure = f'write key = "{cluster}/{root}.tfstate"'
            yield Problem(path, 0, f"does not keep the state of {cluster} apart from others: {cure}")
    try:
        read = tfvars.values("gitops", repository.root, name).get("platform_state")
    except ValueError:
        return  # Said by who reads the roots.
    if not isinstance(read, dict) or read.get("key") != f"{cluster}/platform.tfstate":
        path = f"terraform/gitops/{name}.tfvars"
        yield Problem(path, 0, f'platform_state is not that of {cluster}: write key = "{cluster}/platform.tfstate"')
