"""Environments agree everywhere: overlays, infrastructure, and the answers that this repository was made from."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml
from cloud import tfvars

from .applications import bootstrap
from .documents import Map, Place, Problem, Repository, parse
from .objects import Environment, environments

_ANSWERS = ".copier-answers.yml"
_ORIGIN = "scripts/updates/origin.yaml"
# What terraform/platform calls the entry with the client id of a service's identity, behind environment and service.
_CLIENT_ID = "-azure-client-id"
# A release, commits after one, or a commit: what Copier writes, and never a branch, whose content changes.
_VERSION = re.compile(r"""^_commit: ["']?(?:v?\d[\w.+-]*?(?:-g([0-9a-f]{7,40}))?|[0-9a-f]{7,40})["']?$""", re.MULTILINE)


@dataclass
class Platform:
    """The values of a cluster's infrastructure; none, where they hold more than is read here."""

    path: str
    text: str
    values: dict[str, Any]

    @property
    def environments(self) -> list[str]:
        """Return the environments of the cluster."""
        found = self.values.get("environments")
        return found if isinstance(found, list) else []

    @property
    def folder(self) -> str:
        """Return the folder of the cluster."""
        return f"clusters/{self.values.get('cluster_name')}"

    def where(self, key: str) -> Place:
        """Return the place of a value."""
        match = re.search(rf"^{key}\s*=", self.text, re.MULTILINE)
        return self.path, self.text.count("\n", 0, match.start()) + 1 if match else 0


def read_values(repository: Repository, path: str) -> dict[str, Any]:
    """Return the values of a tfvars file; nothing where it can't be read here."""
    try:
        return tfvars.parse(repository.text(path))
    except ValueError:
        return {}


def platforms(repository: Repository) -> list[Platform]:
    """Return the values of terraform/platform, for each cluster; other files there are for people's own runs."""
    paths = repository.matching(r"(?!.*[.]auto[.])terraform/platform/[^/]+[.]tfvars")
    found = [Platform(path, repository.text(path), read_values(repository, path)) for path in paths]
    return [one for one in found if not one.values or "cluster_name" in one.values]


def check(repository: Repository) -> Iterator[Problem]:
    """Check that infrastructure and Git speak of the same environments and backups."""
    found, names = platforms(repository), repository.environments()
    listed = {name for platform in found for name in platform.environments}
    for platform in found:
        for name in sorted(set(platform.environments) - set(names)):
            what = f"environment {name} is in {platform.path} but not in apps/*/overlays"
            yield Problem(*platform.where("environments"), f"{what}: add it, or remove it")
        for environment in environments(repository):
            if environment.name in platform.environments:
                yield from _check_backups(environment, platform)
    for name in sorted(set(names) - listed) if found and all(platform.values for platform in found) else ():
        path, line = found[0].where("environments") if len(found) == 1 else (f"terraform/platform/{name}.tfvars", 0)
        what = f"environment {name} is in apps/*/overlays but not in {path}"
        yield Problem(path, line, f"{what}: add it, or remove it")


def check_registry(repository: Repository) -> Iterator[Problem]:
    """Check that terraform/platform makes the registry that images come from, where that is the one of the answers."""
    name = repository.first(_ANSWERS).text("registry_name")
    for platform in platforms(repository):
        made = platform.values.get("registry_name")
        for environment in environments(repository) if made not in (None, name) else ():
            path = f"{environment.folder}/imagetags/kustomization.yaml"
            images = [one.text("name") for one in repository.first(path).maps("images")]
            images += [one.text("newName") for one in environment.kustomization.maps("images")]
            hosts = {one.partition("/")[0] for one in images} & {f"{name}.azurecr.io", f"{made}.azurecr.io"}
            if environment.name in platform.environments and hosts == {f"{name}.azurecr.io"}:
                what = f"registry_name is not {name}.azurecr.io, which {path} has"
                yield Problem(*platform.where("registry_name"), f"{what}: make them the same")


def _check_backups(environment: Environment, platform: Platform) -> Iterator[Problem]:
    """Backups are of a database that is there, and go where terraform/platform lets them in."""
    backups = platform.values.get("database_backups")
    account = backups.get("storage_account_name") if isinstance(backups, dict) else None
    backup = [item for item in environment.workloads if item.name == "database-backup" and account]
    for variable in (one for item in backup for one in item.variables):
        name, value = variable.text("name"), variable.text("value")
        if name == "RCLONE_AZUREBLOB_ACCOUNT" and value != account:
            what = f"is not the storage account {account} of {platform.path}"
            yield Problem(*variable.where("value"), f"{what}: make them the same")
        if name == "PGHOST" and "." not in value and value not in environment.services and environment.complete:
            yield Problem(*variable.where("value"), f"PGHOST is {value}, which is no Service: fix its name")


def check_identities(repository: Repository) -> Iterator[Problem]:
    """Check that a pod which signs in to Azure runs as the service account that its identity trusts."""
    found = platforms(repository)
    for environment in environments(repository):
        platform = next((one for one in found if environment.name in one.environments), None)
        entries = {
            item.text("spec", "target", "name"): entry.text("remoteRef", "key").removeprefix(f"{environment.name}-")
            for item in environment.of_kind("ExternalSecret")
            for entry in item.maps("spec", "data")
        }
        for item in environment.workloads:
            for variable in (one for one in item.variables if one.get("name") == "AZURE_CLIENT_ID"):
                entry = entries.get(variable.text("valueFrom", "secretKeyRef", "name"), "")
                service, account = entry.removesuffix(_CLIENT_ID), item.pod.text("serviceAccountName")
                if service == entry:
                    continue
                if str(item.labels.get("azure.workload.identity/use")) != "true":
                    what = f"the cluster gives {item.kind} {item.name} no token for Azure"
                    yield Problem(
                        *variable.where("name"), f'{what}: add azure.workload.identity/use: "true" to its pods'
                    )
                if account != service:
                    place = item.pod.where("serviceAccountName")
                    what = f"signs in to Azure as {account or 'default'}"
                    yield Problem(*place, f"{what}: write serviceAccountName: {service}, which its identity trusts")
                known = platform.values.get("service_identities") if platform else None
                if platform and known is not None and service not in known:
                    what = f"{service} has an identity here, but not in service_identities of {platform.path}"
                    yield Problem(*variable.where("name"), f"{what}: add it")


def check_answers(repository: Repository) -> Iterator[Problem]:
    """Check that the answers that updates begin with are those that this repository was made from."""
    answers = repository.first(_ANSWERS)

    def problem(key: str, what: str) -> Problem:
        return Problem(
            *answers.where(key), f"{key}: {what}: write back what it was, and change answers by make template-update"
        )

    if not answers:
        if _ANSWERS in repository.files:
            yield Problem(_ANSWERS, 0, "holds no answers: restore it from history, updates of the template need it")
        return
    origin, version = repository.first(_ORIGIN), _VERSION.search(repository.text(_ANSWERS))
    if origin.get("_src_path") != answers.get("_src_path"):
        yield problem("_src_path", f"is not the template in {_ORIGIN}")
    if "_commit" in answers and not version:
        yield problem("_commit", f"{answers['_commit']} is no version of a template")
    commit = origin.text("commit")
    if (
        version
        and "commit" in origin
        and not (re.fullmatch("[0-9a-f]{40}", commit) and commit.startswith(version[1] or ""))
    ):
        what = f"commit: is not that of {answers['_commit']}, the version in {_ANSWERS}: write back what it was"
        yield Problem(*origin.where("commit"), what)
    app = f"apps/{answers.text('project_name')}"
    if not repository.exists(app) and repository.overlays():
        yield problem("project_name", f"there is no folder {app}")
        return
    for key, folder in (("services", "base"), ("environments", "overlays")):
        for name in _named(answers.get(key)):
            if not repository.exists(f"{app}/{folder}/{name}"):
                yield problem(key, f"there is no folder {app}/{folder}/{name}")
    located = {one.values["location"]: one.path for one in platforms(repository) if one.values.get("location")}
    if located and answers.get("region") not in (None, *located):
        location, path = next(iter(located.items()))
        yield problem("region", f"{answers['region']} is not {location}, the location in {path}")
    source = bootstrap(repository)
    known = source.text("repoURL").startswith("https://")  # Argo CD may read by ssh, and no answer names that.
    if known and answers.get("git_repository") not in (None, source.get("repoURL")):
        yield problem("git_repository", f"is not {source.get('repoURL')}, which {source.place[0]} has")


def _named(answer: Any) -> list[str]:
    """Return the names in a list, which may be written as a text, of names or of mappings with a name."""
    if isinstance(answer, str):
        try:
            [answer] = parse(answer)
        except (yaml.YAMLError, ValueError):
            return []
    found = answer if isinstance(answer, list) else []
    return [str(item.get("name")) if isinstance(item, Map) else str(item) for item in found]
