"""A pod that signs in to Azure runs as the service account that its identity trusts."""

from collections.abc import Iterator

from .documents import Problem, Repository
from .environments import platforms
from .objects import environments

_ENTRY = "-azure-client-id"


def check(repository: Repository) -> Iterator[Problem]:
    """Check each workload whose identity terraform/platform makes."""
    found = platforms(repository)
    for environment in environments(repository):
        platform = next((one for one in found if environment.name in one.environments), None)
        entries = {
            item.text("spec", "target", "name"): entry.text("remoteRef", "key").removeprefix(f"{environment.name}-")
            for item in environment.of_kind("ExternalSecret")
            for entry in item.maps("spec", "data")
        }
        for item in environment.workloads:
            variables = [one for container in item.containers for one in container.maps("env")]
            for variable in (one for one in variables if one.get("name") == "AZURE_CLIENT_ID"):
                entry = entries.get(variable.text("valueFrom", "secretKeyRef", "name"), "")
                service, account = entry.removesuffix(_ENTRY), item.pod.text("serviceAccountName")
                if service == entry:
                    continue
                if account != service:
                    place = item.pod.where("serviceAccountName")
                    what = f"signs in to Azure as {account or 'default'}"
                    yield Problem(*place, f"{what}: write serviceAccountName: {service}, which its identity trusts")
                known = platform.values.get("service_identities") if platform else None
                if platform and known is not None and service not in known:
                    what = f"{service} has an identity here, but not in service_identities of {platform.path}"
                    yield Problem(*variable.where("name"), f"{what}: add it")
