"""Each environment has a cluster of its own: its values, state, folder and bootstrap agree, and meet no other's."""

import re
from collections.abc import Iterator

from .applications import folders
from .documents import Problem, Repository
from .environments import Platform, platforms, read_values

_ORDER = "terraform/environments"
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
    path = "terraform/registry/terraform.tfvars"
    made = read_values(repository, path)
    trusted = made.get("github_repository")
    for name, platform in found.items():
        if platform.environments != [name]:
            what = f'environments is not ["{name}"]'
            yield Problem(*platform.where("environments"), f"{what}: write that, the file is of that cluster alone")
        trusted = trusted or platform.values.get("github_repository")
        if platform.values.get("github_repository") != trusted:  # Its workflows may sign in to Azure.
            what = f"github_repository is not {trusted}, as elsewhere in terraform/"
            yield Problem(*platform.where("github_repository"), f"{what}: make them the same")
        group = made.get("resource_group_name")  # A registry under another name is made by others.
        ours = made and platform.values.get("registry_name") == made.get("registry_name")
        if ours and platform.values.get("registry_resource_group_name") != group:
            what = f"registry_resource_group_name is not {group}, which {path} makes"
            yield Problem(*platform.where("registry_resource_group_name"), f"{what}: make them the same")
        yield from _check_cluster(repository, name, platform)


def _check_cluster(repository: Repository, name: str, platform: Platform) -> Iterator[Problem]:
    cluster = platform.values.get("cluster_name")
    path = f"{platform.folder}/environments/{name}.yaml"
    if not repository.exists(path):
        yield Problem(path, 0, f"is missing: add it, since {platform.path} makes that cluster for {name}")
    path = f"bootstrap/{cluster}/templates/application.yaml"
    handed = repository.first(path)
    if repository.exists("bootstrap") and not repository.text(path):  # Without it, the platform's owners hand over.
        yield Problem(path, 0, "is missing: add it, without it Argo CD of that cluster knows nothing of Git")
    elif handed and platform.folder not in folders(handed):
        place = handed.where("spec", "source", "path")
        yield Problem(*place, f"does not hand over {platform.folder}: make it the path")
    states = {}
    for root in ("platform", "gitops"):
        path = f"terraform/{root}/{name}.azurerm.tfbackend"
        states[root] = read_values(repository, path)
        others = repository.matching(rf"(?!{path})terraform/.*[.]azurerm[.]tfbackend")
        same = states[root] and states[root] in [read_values(repository, other) for other in others]
        if same or (others and not repository.text(path)):  # Without any, states are elsewhere.
            what = f"does not keep the state of {cluster} apart from others"
            yield Problem(path, 0, f'{what}: write key = "{cluster}/{root}.tfstate"')
    path, key = f"terraform/gitops/{name}.tfvars", states["platform"].get("key")
    state = read_values(repository, path).get("platform_state")
    if key and isinstance(state, dict) and state.get("key") != key:  # Others keep states elsewhere.
        yield Problem(path, 0, f'platform_state is not that of {cluster}: write key = "{key}"')
