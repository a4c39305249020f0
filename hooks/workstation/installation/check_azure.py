"""Does the subscription allow what `make up` makes: rights, providers, versions, names?"""

import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from itertools import chain
from typing import Any

from gitops.process import CommandError
from gitops.repository import ROOT

from . import azure, check_automatic, check_existing, check_nodes, network, settings
from .azure import Subscription
from .report import Line, Pool, failure, ok, warning
from .settings import Settings

# The rights that make up needs in the subscription, and who has them.
_RIGHTS = {
    "Microsoft.Authorization/roleAssignments/write": "assign roles",
    "Microsoft.Resources/subscriptions/resourceGroups/write": "make resource groups",
}
_REGISTRY = "Microsoft.ContainerRegistry/registries"
_STORAGE = "Microsoft.Storage/storageAccounts"
_VAULT = "Microsoft.KeyVault/vaults"
# What an empty subscription says to most questions; make up registers first.
UNREGISTERED = "MissingSubscriptionRegistration"


def sign_in(pool: Pool) -> tuple[Subscription | None, list[Line]]:
    """Return the subscription if its sign-in is good, and what to say about it."""
    try:
        chosen = azure.subscription()
    except CommandError as error:
        problem, _, cure = str(error).partition(": ")
        return None, [] if "not on PATH" in problem else [failure(f"Azure: {problem}", cure)]
    token = (
        "az",
        "account",
        "get-access-token",
        "--subscription",
        chosen.id,
        "--query",
        "expiresOn",
        "--output",
        "tsv",
    )
    try:
        pool.ask(*token).result()
    except CommandError as error:
        return None, [failure(f"Azure: the sign-in has run out ({error})", "run az login")]
    if chosen.state != "Enabled":
        cure = "choose another with az account set --subscription NAME, or have it enabled"
        return None, [failure(f"Azure: the subscription {chosen.name} is {chosen.state}", cure)]
    return chosen, [ok(f"Azure: signed in, subscription {chosen.name} ({chosen.id})")]


def needed_providers() -> list[str]:
    """Return the resource providers that terraform/state registers."""
    text = (ROOT / "terraform" / "state" / "providers.tf").read_text(encoding="utf-8")
    match = re.search(r"resource_providers_to_register\s*=\s*\[(.*?)\]", text, re.DOTALL)
    return re.findall(r'"([\w.]+)"', match[1]) if match else []


def check(pool: Pool, chosen: Subscription, clusters: list[Settings]) -> Iterator[Line]:
    """Check everything that only Azure knows."""
    rights = pool.call(chosen.call, "get", "Microsoft.Authorization/permissions?api-version=2022-04-01")
    providers = pool.call(chosen.ask, "provider", "list", "--query", "[].{name:namespace, state:registrationState}")
    # What clusters in one region have in common is asked and said once.
    regions = list(dict.fromkeys(wanted.location for wanted in clusters))
    versions = {region: pool.call(chosen.ask, "aks", "get-versions", "--location", region) for region in regions}
    made = [pool.call(azure.cluster, chosen, wanted) for wanted in clusters]
    own = [wanted for wanted in clusters if "cluster" not in wanted.existing]
    machines = _machines(pool, chosen, made, clusters, regions)
    names = [_ask_names(pool, chosen, wanted) for wanted in clusters]
    values = [(pool.call(_entries, chosen, wanted), wanted) for wanted in clusters if wanted.secrets]

    sections: tuple[tuple[str, Callable[[], Iterable[Line]]], ...] = (
        ("rights", lambda: _rights(rights)),
        ("resource providers", lambda: _providers(providers, rights)),
        ("Kubernetes version", lambda: chain(*(_versions(versions[one.location], one) for one in own))),
        ("machines", machines),
        ("existing", lambda: _existing(pool, chosen, made, versions, clusters)),
        ("names", lambda: chain(*map(_names, names, clusters))),
        ("network", lambda: _network(pool, made, clusters)),
        ("secrets", lambda: chain(*(_values(*one) for one in values))),
    )
    for name, section in sections:
        try:
            yield from _once(section())
        except CommandError as error:
            if UNREGISTERED in error.details:
                yield ok(f"{name}: Azure says more once make up has registered the resource providers")
                continue
            yield failure(f"{name}: Azure does not say ({error})", "see whether the error is passing, and run it again")
        except (KeyError, TypeError, ValueError) as error:
            yield warning(f"{name}: Azure answers in an unknown form ({error!r})", "update az with az upgrade")


def _machines(
    pool: Pool, chosen: Subscription, made: list[Future[Any]], clusters: list[Settings], regions: list[str]
) -> Callable[[], Iterable[Line]]:
    """Ask about the machines of node pools, in a repository that has such."""
    if not any(one.nodes for one in clusters):
        return list
    asked = [check_nodes.ask(pool, chosen, region, clusters) for region in regions]
    return lambda: chain(*(check_nodes.check(one, made, clusters) for one in asked))


def _existing(
    pool: Pool,
    chosen: Subscription,
    made: list[Future[Any]],
    versions: dict[str, Future[Any]],
    clusters: list[Settings],
) -> Iterator[Line]:
    """Check what was there before, in a repository that has such."""
    if any(one.existing for one in clusters):
        yield from check_existing.check(pool, chosen, made, versions, clusters)


def _network(pool: Pool, made: list[Future[Any]], clusters: list[Settings]) -> Iterator[Line]:
    """Check that clusters which are there already are reached from here, and what is in the network with them."""
    for found, wanted in zip(made, clusters, strict=True):
        cluster = found.result() or {}
        if not (host := cluster.get("fqdn") or cluster.get("privateFqdn")):
            continue
        what = f"network: the API server of {wanted.cluster}"
        if pool.call(azure.reaches, host).result():
            yield ok(f"{what} is reached from here")
        elif wanted.private_api:
            yield failure(f"{what} is in its network, this machine is not", azure.INSIDE)
        elif ranges := (cluster.get("apiServerAccessProfile") or {}).get("authorizedIpRanges"):
            cure = f"add the address of this machine to api_server_authorized_ip_ranges in {wanted.tfvars}"
            yield failure(f"{what} lets in only {', '.join(ranges)}", cure)
        else:
            cure = "see whether the cluster was stopped, or a firewall or proxy is in between"
            yield warning(f"{what} is not reached from here", cure)
        if wanted.private_hosts:
            yield from network.check_hosts(pool, wanted)


def _once(lines: Iterable[Line]) -> Iterator[Line]:
    said: set[Line] = set()
    for line in lines:
        if line not in said:
            said.add(line)
            yield line


def _rights(rights: Future[Any]) -> Iterator[Line]:
    permissions = rights.result()["value"]
    for action, name in _RIGHTS.items():
        if azure.allows(permissions, action):
            yield ok(f"rights: you may {name}")
        else:
            cure = "ask an owner for the role Owner, or Contributor with User Access Administrator"
            yield failure(f"rights: you may not {name} in the subscription", cure)


def _providers(providers: Future[Any], rights: Future[Any]) -> Iterator[Line]:
    states = {one["name"].lower(): one["state"] for one in providers.result()}
    needed = needed_providers()
    missing = [name for name in needed if states.get(name.lower()) != "Registered"]
    permissions = rights.result()["value"]
    refused = [name for name in missing if not azure.allows(permissions, f"{name}/register/action")]
    if refused:
        cure = f"have an owner run {'; '.join(f'az provider register --namespace {name}' for name in refused)}"
        yield failure(f"resource providers: {', '.join(refused)} not registered, and you may not", cure)
    elif missing:
        yield ok(f"resource providers: make up registers {', '.join(missing)}, which takes some minutes more")
    else:
        yield ok(f"resource providers: all {len(needed)} registered")


def _versions(versions: Future[Any], wanted: Settings) -> Iterator[Line]:
    offered = {one["version"]: one for one in versions.result()["values"] if not one.get("isPreview")}
    if not wanted.nodes:
        yield check_automatic.version(list(offered), wanted)
    elif wanted.kubernetes_version is None:
        default = next((version for version, one in offered.items() if one.get("isDefault")), None)
        yield ok(f"Kubernetes: {wanted.location} takes its default, {default or 'a version of its choice'}")
    elif wanted.kubernetes_version in offered:
        yield ok(f"Kubernetes: {wanted.location} offers {wanted.kubernetes_version}")
    else:
        cure = f"set kubernetes_version in {wanted.tfvars} to one of {', '.join(sorted(offered))}"
        yield failure(f"Kubernetes: {wanted.location} does not offer {wanted.kubernetes_version}", cure)


def _ask_names(pool: Pool, chosen: Subscription, wanted: Settings) -> dict[str, Future[Any]]:
    body = f'{{"name": "{wanted.key_vault}", "type": "{_VAULT}"}}'
    questions = {
        "storage": pool.call(chosen.ask, "storage", "account", "check-name", "--name", wanted.state_account),
        "storage owner": pool.call(azure.owned, chosen, wanted.state_account, _STORAGE),
        "vault": pool.call(
            chosen.call, "post", "Microsoft.KeyVault/checkNameAvailability?api-version=2023-07-01", body
        ),
        "vault owner": pool.call(azure.owned, chosen, wanted.key_vault, _VAULT),
        "deleted": pool.call(chosen.ask, "keyvault", "list-deleted", "--resource-type", "vault"),
    }
    if backups := wanted.backup_account:
        questions["backups"] = pool.call(chosen.ask, "storage", "account", "check-name", "--name", backups)
        questions["backups owner"] = pool.call(azure.owned, chosen, backups, _STORAGE)
    if wanted.registry:
        questions["registry"] = pool.call(chosen.ask, "acr", "check-name", "--name", wanted.registry)
        questions["registry owner"] = pool.call(azure.owned, chosen, wanted.registry, _REGISTRY)
    if wanted.previews_registry:
        questions["previews"] = pool.call(chosen.ask, "acr", "check-name", "--name", wanted.previews_registry)
        questions["previews owner"] = pool.call(azure.owned, chosen, wanted.previews_registry, _REGISTRY)
    return questions


def _names(asked: dict[str, Future[Any]], wanted: Settings) -> Iterator[Line]:
    """Check the names that are unique in all of Azure: free, or ours."""
    things = [
        ("storage", "storage account", wanted.state_account, wanted.state_group, "state_storage"),
    ]
    if "key_vault" not in wanted.existing:
        things.append(("vault", "Key Vault", wanted.key_vault, wanted.group, "key_vault"))
    if wanted.backup_account:
        things.append(("backups", "storage account", wanted.backup_account, wanted.group, "backup_storage"))
    if wanted.registry and "registry" not in wanted.existing:
        things.append(("registry", "registry", wanted.registry, wanted.registry_group, "registry_name"))
    if wanted.previews_registry:
        things.append(("previews", "registry", wanted.previews_registry, wanted.group, "previews_registry"))
    for key, kind, name, group, question in things:
        if (error := asked[key].exception()) and UNREGISTERED in getattr(error, "details", ""):
            yield ok(f"names: Azure says whether {kind} {name} is free once make up has registered its provider")
            continue
        owner = asked[f"{key} owner"].result()
        deleted = _deleted(asked["deleted"], name) if key == "vault" and not owner else None
        if owner and owner.lower() == group.lower():
            yield ok(f"names: {kind} {name} is ours")
        elif owner:
            cure = f"remove it, or {another(question)}"
            yield failure(f"names: {kind} {name} is in the resource group {owner}, not in {group}", cure)
        elif deleted:
            yield _deleted_vault(deleted, wanted)
        elif asked[key].result()["nameAvailable"]:
            yield ok(f"names: {kind} {name} is free")
        else:
            cure = f"choose the subscription that has it, or {another(question)}"
            yield failure(f"names: {kind} {name} is taken, by another subscription", cure)


def another(question: str) -> str:
    """Return how another name is chosen: by an answer, which changes every file that has it."""
    if question == "registry_name":
        return 'answer another registry_name: make template-update ARGS="--data registry_name=NAME"'
    return f"answer `names` with another {question}: Names and tags in Azure, in docs/operations.md"


def _deleted(listed: Future[Any], name: str) -> dict[str, Any] | None:
    return next((one for one in listed.result() or [] if one["name"].lower() == name.lower()), None)


def _deleted_vault(found: dict[str, Any], wanted: Settings) -> Line:
    """A vault is recovered where it was: the same group and region."""
    name, properties = found["name"], found["properties"]
    same_group = f"/resourcegroups/{wanted.group}/".lower() in properties["vaultId"].lower()
    if same_group and properties["location"].replace(" ", "").lower() == wanted.location:
        return ok(f"names: Key Vault {name} is deleted; make up recovers it")
    until = properties.get("scheduledPurgeDate", "its purge date")[:10]
    cure = f"wait until {until}, or {another('key_vault')}"
    if not properties.get("purgeProtectionEnabled"):
        cure = f"az keyvault purge --name {name} --location {properties['location']}"
    return failure(f"names: Key Vault {name} was deleted elsewhere ({properties['vaultId']})", cure)


def _entries(chosen: Subscription, wanted: Settings) -> dict[str, str] | None:
    """Return the secrets of Key Vault with their content types; None where there is no vault yet."""
    if not azure.owned(chosen, wanted.key_vault, _VAULT):
        return None
    query = ("--vault-name", wanted.key_vault, "--query", "[].{name:name, type:contentType}")
    return {one["name"]: one["type"] for one in chosen.ask("keyvault", "secret", "list", *query)}


def _values(asked: Future[dict[str, str] | None], wanted: Settings) -> Iterator[Line]:
    """Check that people have given every variable its value: the empty one has a content type of its own."""
    found = asked.result()
    if found is None:
        yield ok("secrets: make up makes Key Vault; make secret then gives each variable its value")
        return
    for environment in wanted.environments:
        entries = {name: settings.entry(environment, name) for name in wanted.secrets}
        lacks = {name: entry for name, entry in entries.items() if found.get(entry, "empty") == "empty"}
        for name, entry in lacks.items():
            first = "" if entry in found else "run make up, then "
            yield failure(
                f"secrets: {environment} has no value of {name}", f"{first}make secret ENV={environment} NAME={name}"
            )
        if not lacks:
            yield ok(f"secrets: {environment} has a value of {', '.join(wanted.secrets)}")
