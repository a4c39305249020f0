"""Stand-ins for az, gh, kubectl and kubelogin, which ask the same Azure as the provider does, and for what Helm leaves in a cluster.

Each program on PATH hands its arguments to the server and prints what it is given.
"""

import contextlib
import io
import itertools
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests import fake_program, fakes
from tests.apply import ids, rights, tokens
from tests.apply.world import Body, Request, World

PERSON = "9e550000-0000-4000-8000-0000000000aa"
"""Who runs `make up`: an owner of the subscription."""
NAMES = ("az", "gh", "kubectl", "kubelogin")
_CORES = 2


def run(world: World, name: str, arguments: list[str]) -> tuple[int, str, str]:
    """Return the status of a program, what it prints, and its errors."""
    said, errors, status = io.StringIO(), io.StringIO(), 0
    with world.lock, contextlib.redirect_stdout(said), contextlib.redirect_stderr(errors):
        try:
            _PROGRAMS[name](world, arguments)
        except SystemExit as end:
            status = int(end.code or 0)
    return status, said.getvalue(), errors.getvalue()


def release(world: World, method: str, server: str, name: str) -> int:
    """Note a release of Helm, look for it or remove it; a status as of HTTP."""
    with world.lock:
        if not any(one["fqdn"] == server for one in _clusters(world)):
            return 502
        inside = world.clusters.setdefault(server, {"releases": []})
        if method == "PUT":
            inside["releases"].append(name)
        elif name not in inside["releases"]:
            return 404
        elif method == "DELETE":
            inside["releases"].remove(name)
        return 200


def _clusters(world: World) -> list[Body]:
    """Return the clusters as az lists them."""
    found = _ask(world, "GET", f"{ids.ROOT}/providers/Microsoft.ContainerService/managedClusters")["value"]
    return [{"name": one["name"], "resourceGroup": _group(one), **one["properties"]} for one in found]


def _group(resource: Body) -> str:
    return str(resource["id"].split("/")[4])


def _ask(world: World, method: str, path: str, body: Body | None = None) -> Any:
    """Ask Azure as the person who is signed in; end as az does where it refuses."""
    split = urlsplit(path)
    raw = json.dumps(body).encode() if body is not None else b""
    query = dict(parse_qsl(split.query))
    answer = world.answer(Request(method, "management.azure.com", split.path, query, {}, raw, PERSON))
    if answer.status >= 400:
        error = answer.body["error"]
        fake_program.refuse(f"ERROR: ({error['code']}) {error['message']}\nCode: {error['code']}")
    return answer.body


def _az(world: World, arguments: list[str]) -> None:
    at = next((at for at, one in enumerate(arguments) if one.startswith("-")), len(arguments))
    options = {one.lstrip("-"): value for one, value in itertools.pairwise([*arguments[at:], ""]) if one[:1] == "-"}
    command = " ".join(arguments[:at])
    if command not in _COMMANDS:
        fake_program.refuse(f"ERROR: the stand-in for az has no {command}")
    told = _COMMANDS[command](world, options)
    if told is not None:
        print(told if isinstance(told, str) else json.dumps(told))


def _account(world: World, _: dict[str, str]) -> Body:
    found = _ask(world, "GET", ids.ROOT)
    user = {"name": "a@example.org", "type": "user"}
    more = {"tenantId": ids.TENANT, "isDefault": True, "environmentName": "AzureCloud", "user": user}
    return {"id": found["subscriptionId"], "name": found["displayName"], "state": found["state"], **more}


def _access(_: World, options: dict[str, str]) -> Body | str:
    token, ends = tokens.access(PERSON, PERSON, options.get("scope", options.get("resource", "")))
    on = "2099-01-01 00:00:00.000000"
    if options.get("query") == "expiresOn":
        return on
    whose = {"subscription": ids.SUBSCRIPTION, "tenant": ids.TENANT, "tokenType": "Bearer"}
    return {"accessToken": token, "expiresOn": on, "expires_on": ends, **whose}


def _rest(world: World, options: dict[str, str]) -> Any:
    body = json.loads(options["body"]) if "body" in options else None
    return _ask(world, options["method"].upper(), options["url"].removeprefix("https://management.azure.com"), body)


def _registrations(world: World, _: dict[str, str]) -> list[Body]:
    found = _ask(world, "GET", f"{ids.ROOT}/providers")["value"]
    return [{"name": one["namespace"], "state": one["registrationState"]} for one in found]


def _resources(world: World, options: dict[str, str]) -> list[Body]:
    filter_ = f"resourceType eq '{options['resource-type']}' and name eq '{options['name']}'"
    found = _ask(world, "GET", f"{ids.ROOT}/resources?$filter={filter_}")["value"]
    return [{**one, "resourceGroup": _group(one)} for one in found]


def _roles(world: World, options: dict[str, str]) -> list[Body]:
    found = _ask(world, "GET", f"{options['scope']}/providers/Microsoft.Authorization/roleAssignments")["value"]
    return [
        {
            "id": one["id"],
            "principalId": one["properties"]["principalId"],
            "roleDefinitionName": rights.BY_ID[one["properties"]["roleDefinitionId"].rsplit("/", 1)[-1].lower()].name,
        }
        for one in found
    ]


def _exists(world: World, options: dict[str, str]) -> str:
    there = f"{ids.ROOT}/resourcegroups/{options['name']}".lower() in world.resources
    return json.dumps(there)


def _free(namespace: str, kind: str) -> Callable[[World, dict[str, str]], Any]:
    path, body = f"{ids.ROOT}/providers/{namespace}/checkNameAvailability", {"type": f"{namespace}/{kind}"}
    return lambda world, options: _ask(world, "POST", path, {**body, "name": options["name"]})


def _usage(world: World, _: dict[str, str]) -> list[Body]:
    used = sum(pool["count"] * _CORES for one in _clusters(world) for pool in one["agentPoolProfiles"])
    return [fakes.usage("cores", 100, used), fakes.usage("standardDADSv5Family", 100, used)]


_COMMANDS: dict[str, Callable[[World, dict[str, str]], Any]] = {
    "version": lambda *_: {"azure-cli": "2.91.0", "azure-cli-core": "2.91.0", "extensions": {}},
    "account list": lambda world, options: [_account(world, options)],
    "account show": _account,
    "account get-access-token": _access,
    "rest": _rest,
    "provider list": _registrations,
    "aks list": lambda world, _: _clusters(world),
    "aks get-versions": lambda *_: {"values": [{"version": "1.36", "isDefault": True}]},
    "resource list": _resources,
    "role assignment list": _roles,
    "resource show": lambda world, options: json.dumps(
        _ask(world, "GET", options["ids"])["properties"].get("provisioningState")
    ),
    "group exists": _exists,
    "storage account check-name": _free("Microsoft.Storage", "storageAccounts"),
    "acr check-name": _free("Microsoft.ContainerRegistry", "registries"),
    "keyvault list-deleted": lambda world, _: _ask(
        world, "GET", f"{ids.ROOT}/providers/Microsoft.KeyVault/deletedVaults"
    )["value"],
    "vm list-skus": lambda *_: [fakes.sku("Standard_D2ads_v5", _CORES)],
    "vm list-usage": _usage,
}


def _gh(world: World, arguments: list[str]) -> None:
    if not world.github:
        world.github |= {
            "github": {"private": False, "plan": "free", "admin": True, "environments": {}},
            "variables": "",
        }
    fake_program.gh(world.github, arguments)


_PROGRAMS: dict[str, Callable[[World, list[str]], None]] = {
    "az": _az,
    "gh": _gh,
    "kubectl": lambda _, arguments: fake_program.kubectl({}, arguments),
    "kubelogin": lambda _, arguments: fake_program.kubelogin({}, arguments),
}
