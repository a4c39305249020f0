"""Each environment has a cluster of its own: its values, state, folder and bootstrap agree, and meet no other's."""

import re
from collections.abc import Iterator

from .applications import folders
from .documents import Problem, Repository
from .environments import Platform, platforms, read_values

_ORDER = "terraform/environments"
# What all clusters have in common, and what Azure wants to be unique.
_SAME = ("project_name", "github_repository")
_UNIQUE = ("cluster_name", "key_vault_name", "database_server_name")

# What the values of a cluster have, and no others.
_OF_CLUSTER = re.compile(r"^(?:cluster_name|platform_state) *=", re.MULTILINE)


def check(repository: Repository) -> Iterator[Problem]:
    """Check every cluster."""
    lines = [line.partition("#")[0].strip() for line in repository.text(_ORDER).splitlines()]
    order = [line for line in lines if line]
    for root in ("platform", "gitops"):
        files = repository.matching(rf"(?!.*[.]auto[.])terraform/{root}/([^/]+)[.]tfvars")
        own = [name for name in files if _OF_CLUSTER.search(repository.text(f"terraform/{root}/{name}.tfvars"))]
        for name in sorted({*(set(own) - set(order)), *(set(order) - set(files))}):
            cure = "is missing: add it" if name in order else f"is of no environment in {_ORDER}: add it there"
            yield Problem(f"terraform/{root}/{name}.tfvars", 0, f"{cure}, or remove what is left of {name}")
    for name in sorted(set(order) - set(repository.environments())):
        yield Problem(_ORDER, 0, f"environment {name} has no folder in apps/*/overlays: add it, or remove it")
    found = {one.path.rpartition("/")[2].removesuffix(".tfvars"): one for one in platforms(repository)}
    if not found or set(found) != set(order) or not all(platform.values for platform in found.values()):
        return
    yield from _check_values(found)
    if repository.exists("terraform/registry"):
        yield from _check_registry(repository, found)
    for name, platform in found.items():
        yield from _check_cluster(repository, name, platform)


def _check_values(found: dict[str, Platform]) -> Iterator[Problem]:
    (first, model), seen = next(iter(found.items())), dict[str, str]()
    for name, platform in found.items():
        if platform.environments != [name]:
            what = f'environments is not ["{name}"]'
            yield Problem(*platform.where("environments"), f"{what}: write that, the file is of that cluster alone")
        for key in _SAME:
            if platform.values.get(key) != model.values.get(key):
                yield Problem(*platform.where(key), f"{key} is not that of {first}.tfvars: make them the same")
        for key in _UNIQUE:
            value = platform.values.get(key)
            if value and (other := seen.setdefault(f"{key} {value}", name)) != name:
                what = f"{key} {value} is that of {other}.tfvars"
                yield Problem(*platform.where(key), f"{what}: give this cluster another")


def _check_registry(repository: Repository, found: dict[str, Platform]) -> Iterator[Problem]:
    path = "terraform/registry/terraform.tfvars"
    made = read_values(repository, path)
    for name, platform in found.items() if made else ():
        group = made.get("resource_group_name")  # A registry under another name is made by others.
        ours = platform.values.get("registry_name") == made.get("registry_name")
        if ours and platform.values.get("registry_resource_group_name") != group:
            what = f"registry_resource_group_name is not {group}, which {path} makes"
            yield Problem(*platform.where("registry_resource_group_name"), f"{what}: make them the same")
        if platform.values.get("github_repository") != made.get("github_repository"):
            yield Problem(path, 0, f"github_repository is not that of {name}.tfvars: make them the same")


def _check_cluster(repository: Repository, name: str, platform: Platform) -> Iterator[Problem]:
    cluster = platform.values.get("cluster_name")
    path = f"{platform.folder}/environments/{name}.yaml"
    if not repository.exists(path):
        yield Problem(path, 0, f"is missing: add it, since {platform.path} makes that cluster for {name}")
    path = f"bootstrap/{cluster}/templates/application.yaml"
    handed = repository.first(path)
    if not repository.exists(path):
        yield Problem(path, 0, "is missing: add it, without it Argo CD of that cluster knows nothing of Git")
    elif handed and platform.folder not in folders(handed):
        place = handed.where("spec", "source", "path")
        yield Problem(*place, f"does not hand over {platform.folder}: make it the path")
    keys = {}
    for root in ("platform", "gitops"):
        path = f"terraform/{root}/{name}.azurerm.tfbackend"
        keys[root] = read_values(repository, path).get("key", f"{cluster}/{root}.tfstate")
        others = repository.matching(rf"(?!{path})terraform/.*[.]azurerm[.]tfbackend")
        same = any(read_values(repository, other) == read_values(repository, path) for other in others)
        if same or not repository.text(path):
            what = f"does not keep the state of {cluster} apart from others"
            yield Problem(path, 0, f'{what}: write key = "{cluster}/{root}.tfstate"')
    path, key = f"terraform/gitops/{name}.tfvars", keys["platform"]
    values = read_values(repository, path)
    state = values.get("platform_state")
    if values and (not isinstance(state, dict) or state.get("key") != key):
        yield Problem(path, 0, f'platform_state is not that of {cluster}: write key = "{key}"')
