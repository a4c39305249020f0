"""Azure, as far as the products meet it: resources in memory, their rules, and the two data planes that Terraform uses."""

import base64
import contextlib
import copy
import ipaddress
import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.apply import ids, kinds, rights
from tests.apply.ids import Address

Body = dict[str, Any]
ROLE_DELAY = 60.0
"""Seconds of this world's clock until the data planes honour a role."""
ADDRESS = "203.0.113.7"
"""Where requests come from, as the internet sees it."""
_VAULT, _BLOBS = "Microsoft.KeyVault/vaults", "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
_ASSIGNMENT, _CLUSTER = "microsoft.authorization/roleassignments", "microsoft.containerservice/managedclusters"
_SERVER, _SUBNET = "microsoft.dbforpostgresql/flexibleservers", "microsoft.network/virtualnetworks/subnets"
# Shown as a part of their parent, under this property.
_PARTS = {
    "microsoft.network/virtualnetworks": ("subnets", "subnets"),
    "microsoft.network/networksecuritygroups": ("securityRules", "securityRules"),
    _CLUSTER: ("agentPools", "agentPoolProfiles"),
}
# https://learn.microsoft.com/azure/aks/azure-cni-overlay
_KEPT_BY_AKS = ("169.254.0.0/16", "172.30.0.0/16", "172.31.0.0/16", "192.0.2.0/24")
_NEVER_SHOWN = ("administratorLoginPassword",)
_DELETE_NO_MORE = 2


class RefusedError(Exception):
    """What Azure answers instead: a status, a code and a sentence."""

    def __init__(self, status: int, code: str, message: str) -> None:
        """Remember the answer."""
        super().__init__(f"{status} {code}: {message}")
        self.status, self.body = status, {"error": {"code": code, "message": message}}


@dataclass(frozen=True)
class Request:
    """A request by somebody who has proved who they are."""

    method: str
    host: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    raw: bytes
    principal: str

    @property
    def body(self) -> Body:
        """The body as JSON; empty where there is none."""
        return json.loads(self.raw) if self.raw else {}


@dataclass
class Answer:
    """A response."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class _Resource:
    id: str
    kind: str
    generated: Body
    body: Body
    seen_leaving: int = 0
    leaving: bool = False


@dataclass
class World:
    """One subscription with a tenant around it."""

    clock: float = 0.0
    inside: bool = False
    """Whether requests come from a network with private endpoints, and not from ADDRESS."""
    registered: set[str] = field(default_factory=lambda: set(kinds.ALWAYS))
    resources: dict[str, _Resource] = field(default_factory=dict)
    assignments: dict[str, rights.Assignment] = field(default_factory=dict)
    deleted_vaults: dict[str, _Resource] = field(default_factory=dict)
    secrets: dict[str, dict[str, list[Body]]] = field(default_factory=dict)
    blobs: dict[str, Body] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    demanded: set[str] = field(default_factory=set)
    """Tags without which a policy lets nothing be made."""
    fail_once: list[tuple[str, int]] = field(default_factory=list)
    """Kinds of which the next write fails, and with which status."""
    accounts: dict[str, Callable[[Request], Answer]] = field(default_factory=dict)
    """Who keeps the blobs of a storage account that are not kept here, by its name."""
    clusters: dict[str, Body] = field(default_factory=dict)
    """What is in each cluster, by the name of its API server."""
    github: Body = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    """Every 403, as a line: what an identity tried."""

    def __post_init__(self) -> None:
        """Let one request at a time change things."""
        self.lock = threading.RLock()

    def __deepcopy__(self, memo: dict[int, Any]) -> "World":
        """Copy everything but the lock."""
        with self.lock:
            values = {name: copy.deepcopy(getattr(self, name), memo) for name in self.__dataclass_fields__}
        return World(**values)

    # Identities

    def give(self, principal: str, role: str, scope: str = ids.ROOT) -> None:
        """Give a role, as an administrator who isn't part of the test has done."""
        definition = next(one for one in rights.ROLES if one.name == role)
        self.assignments[ids.new()] = rights.Assignment(principal, definition, scope.lower(), "", 0)

    def workload(self, client: str, claims: Body) -> str:
        """Return the principal of an identity for a signed token of somebody else; as Entra ID would, refuse others."""
        said = {"issuer": claims["iss"], "subject": claims["sub"], "audiences": [claims["aud"]]}
        for one in self.resources.values():
            if one.kind.endswith("/userassignedidentities") and one.body["properties"]["clientId"] == client:
                credentials = self._children(one.id, "federatedIdentityCredentials")
                if any(said.items() <= each.body["properties"].items() for each in credentials):
                    return str(one.body["properties"]["principalId"])
        raise RefusedError(401, "invalid_client", f"AADSTS700213: no matching federated identity record for {said}")

    def _demand(
        self, request: Request, action: str, scope: str, *, data: bool = False, body: Body | None = None
    ) -> None:
        mine = [one for one in self.assignments.values() if one.principal == request.principal]
        scope = scope.lower()
        # Roles are honoured late by the data planes only.
        clock = self.clock if data else self.clock + ROLE_DELAY
        if not any(one.allows(action, scope, data=data, body=body or {}, clock=clock) for one in mine):
            self.refused.append(f"{action} {scope}")
            code = "Forbidden" if data else "AuthorizationFailed"
            message = f"The client with object id '{request.principal}' can't do '{action}' over scope '{scope}'."
            raise RefusedError(403, code, message)

    def _demand_way(self, target: _Resource) -> None:
        """Refuse who comes from where nothing leads to a data plane: no endpoint of the network, no public address."""
        linked = {
            connection["properties"]["privateLinkServiceId"].lower()
            for one in self.resources.values()
            if one.kind == "microsoft.network/privateendpoints"
            for connection in one.body["properties"]["privateLinkServiceConnections"]
        }
        rules = target.body["properties"].get("networkAcls") or {}
        let_in = [rule["value"].removesuffix("/32") for rule in rules.get("ipRules") or []]
        is_open = target.body["properties"].get("publicNetworkAccess") != "Disabled"
        if self.inside and target.id.lower() in linked:
            return
        if not is_open or (rules.get("defaultAction") == "Deny" and ADDRESS not in let_in):
            raise RefusedError(403, "AuthorizationFailure", f"There is no way into {target.id} from here.")

    # Every request

    def answer(self, request: Request) -> Answer:
        """Answer a request; what goes wrong is an answer too."""
        with self.lock:
            try:
                if request.host == "management.azure.com":
                    return self._manage(request)
                if request.host.endswith(".vault.azure.net"):
                    return self._vault(request)
                if request.host.endswith(".blob.core.windows.net"):
                    return self._blob(request)
            except RefusedError as refusal:
                return Answer(refusal.status, refusal.body)
            return Answer(404, {"error": {"code": "NoSuchHost", "message": request.host}})

    # Resource Manager

    def _manage(self, request: Request) -> Answer:
        path, lower = request.path, request.path.lower()
        if re.fullmatch(r"/subscriptions/[^/]+", lower):
            names = {"id": ids.ROOT, "subscriptionId": ids.SUBSCRIPTION, "displayName": "test", "state": "Enabled"}
            return Answer(200, names | {"tenantId": ids.TENANT})
        if found := re.fullmatch(r"/subscriptions/[^/]+/providers(?:/([^/]+)(/register)?)?", lower):
            return self._providers(request, found[1], registers=bool(found[2]))
        if lower.endswith("/resources") and "/providers/" not in lower:
            return self._search(request, path[: -len("/resources")])
        if lower.endswith("/providers/microsoft.authorization/permissions"):
            mine = [one.role for one in self.assignments.values() if one.principal == request.principal]
            shown = [{"actions": role.actions, "notActions": role.not_actions} for role in mine if role.actions]
            return Answer(200, {"value": shown})
        if "/providers/microsoft.authorization/roledefinitions" in lower:
            return self._role_definitions(request)
        if "/operations/" in lower:
            return Answer(200, {"status": "Succeeded", "name": path.rsplit("/", 1)[-1]})
        if "/deletedvaults" in lower:
            return self._deleted_vaults(request)
        if lower.endswith(("/checknameavailability", "/checkzonalcapacity")):
            return self._name(request)
        address = ids.parse(path, post=request.method == "POST")
        kind = kinds.KINDS.get(address.kind.lower())
        if kind is None:
            raise RefusedError(404, "InvalidResourceType", f"The stand-in for Azure has no {address.kind}: {path}")
        verb = {"GET": "read", "HEAD": "read", "DELETE": "delete"}.get(request.method, "write")
        action = f"{kind.type}/{address.action}/action" if address.action else f"{kind.type}/{verb}"
        if address.kind.lower() == _ASSIGNMENT:
            return self._role_assignments(request, address, action)
        if not address.name and not address.action and address.parent.lower() == ids.ROOT.lower():
            return self._list_readable(request, kind)
        self._demand(request, action, address.id)
        self._registered(kind.type)
        if address.action:
            return self._act(request, address)
        if not address.name:
            children = self._children(address.parent, address.kind.rsplit("/", 1)[-1], of=address.kind.lower())
            return Answer(200, {"value": [self._shown(one) for one in children]})
        if request.method in ("PUT", "PATCH"):
            return self._write(request, address, kind)
        one = self.resources.get(address.id.lower())
        if one and one.leaving and request.method == "GET":
            one.seen_leaving += 1
            if one.seen_leaving >= _DELETE_NO_MORE:
                self._remove(one)
                one = None
        if one is None:
            if request.method == "DELETE":
                return Answer(204)
            self._demand_group(address)
            raise RefusedError(404, "ResourceNotFound", f"The Resource '{address.id}' was not found.")
        if request.method == "DELETE":
            # https://learn.microsoft.com/rest/api/storagerp/storage-accounts/delete
            at_once = kind.type == "Microsoft.Storage/storageAccounts"
            if (kind.slow and not at_once) or kind.type.endswith("resourceGroups"):
                one.leaving = True
                return Answer(202)
            self._remove(one)
            return Answer(200)
        return Answer(200, self._shown(one))

    def _list_readable(self, request: Request, kind: kinds.Kind) -> Answer:
        """List all of the subscription that the one who asks may read: others are left out rather than refused."""
        shown, known = [], len(self.refused)
        for one in [one for one in self.resources.values() if one.kind == kind.type.lower()]:
            with contextlib.suppress(RefusedError):
                self._demand(request, f"{kind.type}/read", one.id)
                shown.append(self._shown(one))
        del self.refused[known:]
        return Answer(200, {"value": shown})

    def _registered(self, kind: str) -> None:
        namespace = kind.split("/")[0]
        if namespace.lower() not in self.registered:
            message = f"The subscription is not registered to use namespace '{namespace.lower()}'."
            raise RefusedError(409, "MissingSubscriptionRegistration", message)

    def _providers(self, request: Request, namespace: str | None, *, registers: bool) -> Answer:
        if registers:
            self._demand(request, f"{namespace}/register/action", ids.ROOT)
            self.registered.add(str(namespace))
        else:
            self._demand(request, "Microsoft.Resources/subscriptions/providers/read", ids.ROOT)

        def shown(name: str) -> Body:
            state = "Registered" if name.lower() in self.registered else "NotRegistered"
            types = [
                kind.type.split("/", 1)[1] for key, kind in kinds.KINDS.items() if key.startswith(f"{name.lower()}/")
            ]
            return {
                "id": f"{ids.ROOT}/providers/{name}",
                "namespace": name,
                "registrationState": state,
                "resourceTypes": [{"resourceType": one, "apiVersions": ["2025-08-01"]} for one in types],
            }

        if namespace is None:
            return Answer(200, {"value": [shown(name) for name in kinds.NAMESPACES]})
        return Answer(
            200, shown(next((name for name in kinds.NAMESPACES if name.lower() == namespace), str(namespace)))
        )

    def _search(self, request: Request, scope: str) -> Answer:
        wanted = dict(re.findall(r"(resourceType|name) eq '([^']*)'", request.query.get("$filter", "")))
        values = []
        for one in self.resources.values():
            inside = one.id.lower().startswith(scope.lower() + "/") and one.kind.count("/") == 1
            kind = wanted.get("resourceType", one.kind).lower() == one.kind
            if inside and kind and str(wanted.get("name", one.body["name"])).lower() == one.body["name"].lower():
                if one.kind == "microsoft.resources/resourcegroups":
                    continue
                values.append({key: one.body[key] for key in ("id", "name", "type", "location") if key in one.body})
        return Answer(200, {"value": values})

    def _name(self, request: Request) -> Answer:
        body = request.body
        self._registered(ids.parse(request.path.rsplit("/", 1)[0], post=True).kind + "/x")
        kind = str(body.get("type", "")).lower()
        there = [one for one in self.resources.values() if one.kind == kind] + list(self.deleted_vaults.values())
        used = {one.body["name"].lower() for one in there} | self.taken
        if str(body["name"]).lower() in used:
            return Answer(200, {"nameAvailable": False, "reason": "AlreadyExists", "message": "The name is in use."})
        return Answer(200, {"nameAvailable": True})

    def _demand_group(self, address: Address) -> None:
        group = "/".join(address.id.lower().split("/")[:5])
        if "/resourcegroups/" in group and address.id.lower() != group and group not in self.resources:
            raise RefusedError(404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found.")

    def _write(self, request: Request, address: Address, kind: kinds.Kind) -> Answer:
        for number, (wanted, status) in enumerate(self.fail_once):
            if wanted.lower() == address.kind.lower():
                del self.fail_once[number]
                raise RefusedError(status, "TooManyRequests" if status == 429 else "InternalServerError", "Try again.")
        key, body = address.id.lower(), copy.deepcopy(request.body)
        self._demand_group(address)
        if address.parent and address.parent.lower() not in (ids.ROOT.lower(), *self.resources):
            raise RefusedError(404, "ParentResourceNotFound", f"There is no {address.parent}.")
        old = self.resources.get(key)
        if old is None and request.method == "PATCH":
            raise RefusedError(404, "ResourceNotFound", f"The Resource '{address.id}' was not found.")
        if old is None:
            if recovered := self._recovered(address, body):
                return recovered
            self._free(address, kind)
            if address.kind.lower() == _CLUSTER:
                _refuse_ranges(body["properties"].get("networkProfile", {}))
        else:
            _refuse_changes(kind, old.body, body)
        if request.method == "PUT" and "location" in body and (lacking := self.demanded - body.get("tags", {}).keys()):
            raise RefusedError(403, "RequestDisallowedByPolicy", f"{address.id} lacks the tags {sorted(lacking)}.")
        parts = _PARTS.get(address.kind.lower())
        held = body.get("properties", {}).pop(parts[1], None) if parts else None
        generated = old.generated if old else kind.defaults(address.name)
        new = _merged(generated if request.method == "PUT" or old is None else old.body, body)
        new |= {
            "id": address.id,
            "name": address.name,
            "type": "/".join([kind.type.split("/")[0], kind.type.split("/", 1)[1]]),
        }
        properties = new.setdefault("properties", {})
        if kind.state:
            properties["provisioningState"] = "Succeeded"
        if "identity" in body:
            _identities(new)
        one = _Resource(address.id, address.kind.lower(), generated, new)
        self.resources[key] = one
        self._beside(one, held, new=old is None)
        headers = {}
        if kind.slow:
            headers["Azure-AsyncOperation"] = f"https://management.azure.com{_operation(kind.type.split('/')[0])}"
        status = 202 if kind.type.startswith("Microsoft.DBforPostgreSQL") else 200
        return Answer(status, self._shown(one), headers)

    def _free(self, address: Address, kind: kinds.Kind) -> None:
        """Refuse a name that somebody else has anywhere."""
        if not kind.unique:
            return
        others = (one for one in self.resources.values() if one.kind == address.kind.lower())
        if address.name.lower() in self.taken | {one.body["name"].lower() for one in others}:
            raise RefusedError(409, "AlreadyInUse", f"The name {address.name} is already in use.")

    def _recovered(self, address: Address, body: Body) -> Answer | None:
        if address.kind.lower() != _VAULT.lower() or (kept := self.deleted_vaults.get(address.name.lower())) is None:
            return None
        if body.get("properties", {}).get("createMode") != "recover":
            raise RefusedError(409, "ConflictError", f"A vault {address.name} exists already in deleted state.")
        del self.deleted_vaults[address.name.lower()]
        self.resources[kept.id.lower()] = kept
        return Answer(200, self._shown(kept))

    def _beside(self, one: _Resource, held: list[Body] | None, *, new: bool) -> None:
        """Do what Azure does by itself when something is made or changed."""
        properties = one.body["properties"]
        if one.kind == _CLUSTER:
            for profile in held or []:
                self._pool(one, dict(profile))
            if one.body["sku"]["name"] == "Automatic" and new:
                self._preset(one)
            group = f"{ids.ROOT}/resourceGroups/{properties['nodeResourceGroup']}"
            if group.lower() not in self.resources:
                self.put(group, {"provisioningState": "Succeeded"}, location=one.body["location"], managedBy=one.id)
        elif one.kind == _SERVER and new and (subnet := properties.get("network", {}).get("delegatedSubnetResourceId")):
            self.resources[subnet.lower()].body["properties"]["serviceEndpoints"] = [
                {"service": "Microsoft.Storage", "locations": ["westeurope", "northeurope"]}
            ]
        elif one.kind == _SUBNET:
            for endpoint in properties.get("serviceEndpoints") or []:
                endpoint["locations"] = ["westeurope", "northeurope"]
        elif one.kind == "microsoft.storage/storageaccounts" and new:
            for kind in ("blobServices", "fileServices"):
                self.put(f"{one.id}/{kind}/default", {})
        elif one.kind == "microsoft.network/privatednszones" and new:
            record = {"email": "azureprivatedns-host.microsoft.com", "host": "azureprivatedns.net", "serialNumber": 1}
            record |= {"expireTime": 2419200, "minimumTtl": 10, "refreshTime": 3600, "retryTime": 300}
            self.put(f"{one.id}/SOA/@", {"ttl": 3600, "fqdn": f"{one.body['name']}.", "soaRecord": record})
        elif one.kind == "microsoft.containerregistry/registries":
            # Every registry is by now; azurerm can't read it of one that is not Premium.
            # https://learn.microsoft.com/azure/container-registry/zone-redundancy
            if one.body["sku"]["name"] == "Premium":
                properties["zoneRedundancy"] = "Enabled"
        elif one.kind == "microsoft.monitor/accounts" and new:
            group = "/".join(one.id.split("/")[:3]) + f"/resourceGroups/MA_{one.body['name']}_westeurope_managed"
            properties["defaultIngestionSettings"] = {
                key: f"{group}/providers/Microsoft.Insights/{kind}/{one.body['name']}"
                for key, kind in (
                    ("dataCollectionRuleResourceId", "dataCollectionRules"),
                    ("dataCollectionEndpointResourceId", "dataCollectionEndpoints"),
                )
            }
        elif one.kind == "microsoft.resources/deployments":
            self._deploy(one)

    def _preset(self, cluster: _Resource) -> None:
        """Name the group of the nodes and make their identity, as AKS does where neither is given."""
        *_, group, _, _, _, name = cluster.id.split("/")
        where = f"MC_{group}_{name}_{cluster.body['location']}"
        self.put(
            f"{ids.ROOT}/resourceGroups/{where}", {"provisioningState": "Succeeded"}, location=cluster.body["location"]
        )
        path = f"{ids.ROOT}/resourceGroups/{where}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}-agentpool"
        made = kinds.KINDS["microsoft.managedidentity/userassignedidentities"].defaults(name)["properties"]
        self.put(path, made)
        kubelet = {"resourceId": path, "clientId": made["clientId"], "objectId": made["principalId"]}
        preset = {"nodeResourceGroup": where, "identityProfile": {"kubeletidentity": kubelet}}
        cluster.body["properties"] |= preset
        cluster.generated["properties"] |= preset

    def put(self, path: str, properties: Body, **more: Any) -> None:
        """Make something that nobody has asked for."""
        address = ids.parse(path)
        body = {"id": path, "name": address.name, "type": address.kind, "properties": properties, **more}
        self.resources[path.lower()] = _Resource(path, address.kind.lower(), {}, body)

    def _pool(self, cluster: _Resource, profile: Body) -> None:
        name = profile.pop("name")
        pool = f"{cluster.id}/agentPools/{name}"
        known = self.resources.get(pool.lower())
        kind = kinds.KINDS[f"{_CLUSTER}/agentpools"]
        if known:
            _refuse_changes(kind, known.body, {"properties": profile})
        body = _merged(known.generated if known else kind.defaults(name), {"properties": profile})
        body |= {"id": pool, "name": name, "type": kind.type}
        body["properties"]["provisioningState"] = "Succeeded"
        self.resources[pool.lower()] = _Resource(pool, f"{_CLUSTER}/agentpools", kind.defaults(name), body)

    def _deploy(self, one: _Resource) -> None:
        group = "/".join(one.id.split("/")[:5])
        made, providers = [], []
        template = one.body["properties"]["template"]
        for resource in (template if isinstance(template, dict) else json.loads(template))["resources"]:
            namespace, *types = resource["type"].split("/")
            names = resource["name"].split("/")
            path = f"{group}/providers/{namespace}/" + "/".join(f"{a}/{b}" for a, b in zip(types, names, strict=True))
            self._registered(resource["type"])
            body = {key: resource[key] for key in ("location", "tags", "properties") if key in resource}
            body |= {"id": path, "name": names[-1], "type": resource["type"]}
            self.resources[path.lower()] = _Resource(path, resource["type"].lower(), {}, body)
            made.append({"id": path})
            kind = {"resourceType": "/".join(types), "locations": ["westeurope"]}
            providers.append({"namespace": namespace, "resourceTypes": [kind]})
        one.body["properties"] |= {
            "outputResources": made,
            "providers": providers,
            "outputs": {},
            "mode": "Incremental",
        }

    def _children(self, parent: str, last: str, of: str = "") -> list[_Resource]:
        head = f"{parent.lower()}/"
        return [
            one
            for key, one in self.resources.items()
            if key.startswith(head)
            and (of == one.kind or (not of and one.kind.endswith(f"/{last.lower()}")))
            and "/" in key[len(head) :]
        ]

    def _shown(self, one: _Resource) -> Body:
        body = copy.deepcopy(one.body)
        properties = body["properties"]
        for name in _NEVER_SHOWN:
            properties.pop(name, None)
        if part := _PARTS.get(one.kind):
            children = [self._shown(each) for each in self._children(one.id, part[0])]
            if one.kind == _CLUSTER:
                children = [{"name": each["name"], **each["properties"]} for each in children]
                # As AKS does.
                body["id"] = body["id"].replace("/resourceGroups/", "/resourcegroups/")
            properties[part[1]] = children
        if one.leaving:
            properties["provisioningState"] = "Deleting"
        return body

    def _remove(self, one: _Resource) -> None:
        if one.kind == _CLUSTER:
            self.clusters.pop(one.body["properties"]["fqdn"], None)
            group = f"{ids.ROOT}/resourceGroups/{one.body['properties']['nodeResourceGroup']}".lower()
            if group in self.resources:
                self._remove(self.resources[group])
        if one.kind == "microsoft.resources/resourcegroups":
            for vault in [each for each in self._children(one.id, "vaults") if each.kind == _VAULT.lower()]:
                self._remove(vault)
        if one.kind == _VAULT.lower():
            self.deleted_vaults[one.body["name"].lower()] = one
        head = one.id.lower()
        for key in [key for key in self.resources if key == head or key.startswith(f"{head}/")]:
            del self.resources[key]
        for name in [name for name, each in self.assignments.items() if f"{each.scope}/".startswith(f"{head}/")]:
            del self.assignments[name]

    def _act(self, request: Request, address: Address) -> Answer:
        if address.id.lower() not in self.resources and address.action.lower() not in ("validate",):
            raise RefusedError(404, "ResourceNotFound", f"The Resource '{address.id}' was not found.")
        action = address.action.lower()
        if action == "listclusterusercredential":
            server = self.resources[address.id.lower()].body["properties"]["fqdn"]
            config = base64.b64encode(_KUBECONFIG.replace("SERVER", server).encode()).decode()
            return Answer(200, {"kubeconfigs": [{"name": "clusterUser", "value": config}]})
        if action == "listkeys":
            return Answer(200, {"keys": [{"keyName": "key1", "value": "a2V5", "permissions": "Full"}]})
        if action == "sharedkeys":
            return Answer(200, {"primarySharedKey": "a2V5", "secondarySharedKey": "a2V5"})
        if action == "validate":
            return Answer(200, {"properties": {"provisioningState": "Succeeded"}})
        if action == "exporttemplate":
            return Answer(200, {"template": self.resources[address.id.lower()].body["properties"]["template"]})
        raise RefusedError(
            404, "InvalidAction", f"The stand-in for Azure has no action {address.action}: {request.path}"
        )

    # Roles

    def _role_definitions(self, request: Request) -> Answer:
        # Built-in roles are no secret: the pipeline, whose rights end at its group, reads them too.
        last = request.path.rpartition("/providers/Microsoft.Authorization/roleDefinitions")[2]
        wanted = re.search(r"roleName eq '([^']*)'", request.query.get("$filter", ""))
        path = "/providers/Microsoft.Authorization/roleDefinitions/"
        shown = {
            role.id: {
                "id": f"{ids.ROOT}{path}{role.id}",
                "name": role.id,
                "type": "Microsoft.Authorization/roleDefinitions",
                "properties": {
                    "roleName": role.name,
                    "type": "BuiltInRole",
                    "assignableScopes": ["/"],
                    "permissions": [],
                },
            }
            for role in rights.ROLES
            if wanted is None or role.name == wanted[1]
        }
        if last:
            if last.strip("/") not in shown:
                raise RefusedError(404, "RoleDefinitionDoesNotExist", f"There is no role {last}: add it to rights.py.")
            return Answer(200, shown[last.strip("/")])
        return Answer(200, {"value": list(shown.values())})

    def _role_assignments(self, request: Request, address: Address, action: str) -> Answer:
        key, scope = address.id.lower(), address.parent.lower() or ids.ROOT.lower()
        known = self.resources.get(key)
        if request.method == "PUT":
            body = request.body
            self._demand(request, action, scope, body=body)
            return self._assign(address, scope, body, known)
        self._demand(request, action, scope, body=known.body if known else {"properties": {"roleDefinitionId": ""}})
        if not address.name:
            values = [one.body for one in self.resources.values() if one.kind == _ASSIGNMENT]
            return Answer(200, {"value": [one for one in values if one["properties"]["scope"].lower() == scope]})
        if known is None:
            if request.method == "DELETE":
                return Answer(204)
            raise RefusedError(404, "RoleAssignmentNotFound", f"The role assignment '{address.name}' is not found.")
        if request.method == "DELETE":
            del self.resources[key], self.assignments[key]
        return Answer(200, known.body)

    def _assign(self, address: Address, scope: str, body: Body, known: _Resource | None) -> Answer:
        properties = body["properties"]
        role = rights.BY_ID.get(properties["roleDefinitionId"].rsplit("/", 1)[-1].lower())
        if role is None:
            raise RefusedError(400, "RoleDefinitionDoesNotExist", "There is no such role: add it to rights.py.")
        holder = (
            scope.split("/providers/microsoft.keyvault/vaults/")[0]
            if "/secrets/" in scope or "/keys/" in scope
            else scope
        )
        if holder not in self.resources and holder != ids.ROOT.lower():
            raise RefusedError(404, "ResourceNotFound", f"The Resource '{scope}' was not found.")
        new = rights.Assignment(
            properties["principalId"], role, scope, properties.get("condition") or "", self.clock + ROLE_DELAY
        )
        key = address.id.lower()
        for name, one in self.assignments.items():
            if (one.principal, one.role, one.scope) == (new.principal, role, scope):
                if name == key and known:
                    return Answer(200, known.body)
                raise RefusedError(409, "RoleAssignmentExists", "The role assignment already exists.")
        if known:
            raise RefusedError(400, "RoleAssignmentUpdateNotPermitted", "Tenant ID, application ID, principal ID ...")
        self.assignments[key] = new
        shown = {
            "id": address.id,
            "name": address.name,
            "type": "Microsoft.Authorization/roleAssignments",
            "properties": {"principalType": "User", **properties, "scope": address.parent},
        }
        self.resources[key] = _Resource(address.id, _ASSIGNMENT, {}, shown)
        return Answer(201, shown)

    # Key Vault

    def _deleted_vaults(self, request: Request) -> Answer:
        self._demand(request, "Microsoft.KeyVault/locations/deletedVaults/read", ids.ROOT)
        found = re.search(r"/deletedVaults(?:/([^/]+))?(/purge)?$", request.path, re.IGNORECASE)
        assert found
        if not found[1]:
            return Answer(200, {"value": [self._deleted(one) for one in self.deleted_vaults.values()]})
        kept = self.deleted_vaults.get(found[1].lower())
        if kept is None:
            raise RefusedError(404, "DeletedVaultNotFound", f"There is no deleted vault {found[1]}.")
        if not found[2]:
            return Answer(200, self._deleted(kept))
        if kept.body["properties"].get("enablePurgeProtection"):
            raise RefusedError(405, "MethodNotAllowed", "Purge protection is on.")
        del self.deleted_vaults[found[1].lower()]
        self.secrets.pop(found[1].lower(), None)
        return Answer(202, None, {"Location": f"https://management.azure.com{_operation('Microsoft.KeyVault')}"})

    def _deleted(self, kept: _Resource) -> Body:
        name = kept.body["name"]
        path = f"{ids.ROOT}/providers/Microsoft.KeyVault/locations/westeurope/deletedVaults/{name}"
        return {"id": path, "name": name, "properties": {"vaultId": kept.id, "location": "westeurope"}}

    def _vault(self, request: Request) -> Answer:
        name = request.host.split(".")[0]
        vault = next(
            (one for one in self.resources.values() if one.kind == _VAULT.lower() and one.body["name"] == name), None
        )
        if vault is None:
            raise RefusedError(404, "VaultNotFound", f"There is no vault {name}.")
        self._demand_way(vault)
        what, *rest = request.path.strip("/").split("/")
        item = rest[0] if rest else ""
        deleted = what.startswith("deleted")
        kind = what.removeprefix("deleted")
        verb = {
            "GET": "getSecret/action",
            "PUT": "setSecret/action",
            "DELETE": "delete",
            "PATCH": "write",
            "POST": "write",
        }
        if kind == "certificates":
            # No role of the products has a right to these; the provider asks, and is content with the refusal.
            raise RefusedError(403, "Forbidden", "Nobody may read the contacts.")
        self._demand(request, f"{_VAULT}/{kind}/{verb[request.method]}", f"{vault.id}/{kind}/{item}", data=True)
        kept = self.secrets.setdefault(name, {})
        label, gone = f"{kind}/{item}", f"deleted/{kind}/{item}"
        base = f"https://{request.host}/{kind}/{item}"
        if rest[1:] == ["rotationpolicy"]:
            return Answer(200, {"id": f"{base}/rotationpolicy", "lifetimeActions": [], "attributes": {}})
        if request.method in ("PUT", "POST") and not deleted:
            if gone in kept:
                raise RefusedError(409, "Conflict", f"{kind}/{item} is deleted and can be recovered.")
            body = {**request.body, "id": f"{base}/{ids.new().replace('-', '')}"}
            body["attributes"] = {"enabled": True, "recoveryLevel": "Recoverable"} | body.get("attributes", {})
            if kind == "keys":
                body = _key(body)
            kept.setdefault(label, []).append(body)
            return Answer(200, body)
        if deleted and request.method == "POST" and gone in kept:
            kept[label] = kept.pop(gone)
            return Answer(200, kept[label][-1])
        place = gone if deleted else label
        if place not in kept:
            raise RefusedError(
                404, "SecretNotFound" if kind == "secrets" else "KeyNotFound", f"There is no {kind}/{item}."
            )
        if request.method == "DELETE":
            if deleted:
                del kept[gone]
                return Answer(204)
            kept[gone] = kept.pop(label)
            return Answer(200, kept[gone][-1])
        versions = kept[place]
        if rest[1:2] == ["versions"]:
            return Answer(200, {"value": versions})
        if rest[1:] and rest[1]:
            versions = [one for one in versions if _id_of(one).endswith(rest[1])] or versions
        if request.method == "PATCH":
            versions[-1] |= request.body
        return Answer(200, versions[-1])

    # Blobs

    def _blob(self, request: Request) -> Answer:
        name = request.host.split(".")[0]
        accounts = (one for one in self.resources.values() if one.kind == "microsoft.storage/storageaccounts")
        account = next((one for one in accounts if one.body["name"] == name), None)
        if account is None:
            raise RefusedError(404, "ResourceNotFound", f"There is no account {name}.")
        self._demand_way(account)
        container, _, blob = request.path.strip("/").partition("/")
        verb = "read" if request.method in ("GET", "HEAD") else "write"
        scope = f"{account.id}/blobServices/default/containers/{container}"
        self._demand(request, f"{_BLOBS}/{verb}", f"{scope}/blobs/{blob}", data=True)
        if elsewhere := self.accounts.get(name):
            return elsewhere(request)
        return self._blob_in(f"{name}/{container}/{blob}", request)

    def _blob_in(self, key: str, request: Request) -> Answer:
        operation, kept = request.query.get("comp"), self.blobs.get(key)
        if operation == "list":
            nothing = b"<?xml version='1.0'?><EnumerationResults><Blobs/></EnumerationResults>"
            return Answer(200, nothing, {"Content-Type": "application/xml"})
        if kept is None and (operation or request.method != "PUT"):
            raise RefusedError(404, "BlobNotFound", f"There is no {key}.")
        metadata = {name: text for name, text in request.headers.items() if name.startswith("x-ms-meta-")}
        if operation == "lease":
            return self._lease(kept or {}, request)
        if (
            kept
            and kept["lease"] not in ("", request.headers.get("x-ms-lease-id"))
            and request.method not in ("GET", "HEAD")
        ):
            raise RefusedError(412, "LeaseIdMissing", f"There is a lease on {key}.")
        if operation == "metadata" and kept:
            kept["metadata"] = metadata
        elif request.method == "PUT":
            self.blobs[key] = {"lease": "", **(kept or {}), "raw": request.raw, "metadata": metadata}
            return Answer(201)
        elif request.method == "DELETE":
            del self.blobs[key]
            return Answer(202)
        return Answer(200, kept["raw"] if kept else None, kept["metadata"] if kept else {})

    def _lease(self, kept: Body, request: Request) -> Answer:
        lease = request.headers.get("x-ms-lease-id") or request.headers.get("x-ms-proposed-lease-id") or ids.new()
        acquires = request.headers["x-ms-lease-action"] == "acquire"
        if kept["lease"] not in ("", lease):
            raise RefusedError(409, "LeaseAlreadyPresent", "There is already a lease.")
        kept["lease"] = lease if acquires else ""
        return Answer(201 if acquires else 200, None, {"x-ms-lease-id": lease})


_KUBECONFIG = """apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://SERVER:443", certificate-authority-data: Y2E=}}]
users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: kubelogin, args: [get-token]}}}]
contexts: [{name: c, context: {cluster: c, user: u}}]
current-context: c
"""


def _operation(namespace: str) -> str:
    path = f"{ids.ROOT}/providers/{namespace}/locations/westeurope/operations/{ids.new()}"
    return f"{path}?api-version=2024-01-01"


def _merged(base: Body, over: Body) -> Body:
    result = copy.deepcopy(base)
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = _merged(result[key], value)
        elif value is not None:
            result[key] = _merged({}, value) if isinstance(value, dict) else copy.deepcopy(value)
    return result


def _refuse_ranges(profile: Body) -> None:
    for name in ("podCidr", "serviceCidr"):
        if name not in profile:  # AKS Automatic presets them.
            continue
        wanted = ipaddress.ip_network(profile[name])
        if any(wanted.overlaps(ipaddress.ip_network(kept)) for kept in _KEPT_BY_AKS):
            raise RefusedError(400, "InvalidParameter", f"The value of parameter {name} is in a reserved range.")


def _refuse_changes(kind: kinds.Kind, old: Body, new: Body) -> None:
    for path in kind.fixed:
        there, wanted = _at(old, path), _at(new, path)
        one_way = path == "enablePurgeProtection" and not there
        same = str(there).lower() == str(wanted).lower()
        if wanted is not None and not same and not one_way:
            message = f"Changing property '{path}' from {there} to {wanted} is not allowed."
            raise RefusedError(409, "PropertyChangeNotAllowed", message)


def _at(body: Body, path: str) -> Any:
    top, _, rest = path.partition(".")
    for place in (body, body.get("properties", {})):
        if top in place:
            return _at(place[top], rest) if rest else place[top]
    return None


def _identities(body: Body) -> None:
    given = body["identity"].get("userAssignedIdentities")
    if given:
        body["identity"]["userAssignedIdentities"] = {
            name: {"clientId": ids.new(), "principalId": ids.new()} for name in given
        }


def _id_of(secret: Body) -> str:
    return str(secret.get("id") or secret["key"]["kid"])


def _key(body: Body) -> Body:
    shape = {"kid": body["id"], "kty": body["kty"], "key_ops": body.get("key_ops", []), "crv": body.get("crv")}
    # A point of P-256: its generator.
    point = {"x": "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY", "y": "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"}
    return {"key": shape | point, "attributes": body["attributes"], "tags": body.get("tags", {})}
