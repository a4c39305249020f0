"""What was there before is used, and is after `make down` what it was before `make up`."""

import copy
import re
from pathlib import Path
from typing import Any

import pytest

from tests import support
from tests.apply import ids, kinds, server
from tests.apply.lab import Lab, pipeline
from tests.apply.product import FailedError, Product
from tests.apply.test_commands import Person
from tests.apply.world import World


def of(name: str) -> dict[str, Any]:
    """Return an answer set, about the subscription that the stand-in has."""
    found = support.answers(name)
    existing = {kind: re.sub("[0-9a-f-]{36}", ids.SUBSCRIPTION, text) for kind, text in found["existing"].items()}
    return {**found, "existing": existing}


ANSWERS = of("what-exists-is-used")
EXISTING = ANSWERS["existing"]
CONTROL_PLANE = (
    f"{ids.ROOT}/resourceGroups/rg-platform/providers/Microsoft.ManagedIdentity/userAssignedIdentities/theirs"
)
# With the endpoint that Azure adds for a server.
DELEGATED = {
    "delegations": [{"properties": {"serviceName": "Microsoft.DBforPostgreSQL/flexibleServers"}}],
    "serviceEndpoints": [{"service": "Microsoft.Storage", "locations": ["westeurope", "northeurope"]}],
}
PROPERTIES: dict[str, dict[str, Any]] = {
    "subnet": {"addressPrefixes": ["10.1.0.0/22"]},
    "database_subnet": {"addressPrefixes": ["10.1.4.0/27"], **DELEGATED},
    "cluster": {
        "aadProfile": {"managed": True, "enableAzureRBAC": True, "tenantID": ids.TENANT},
        "disableLocalAccounts": True,
        "agentPoolProfiles": [],
        "identityProfile": {
            "kubeletidentity": {"resourceId": CONTROL_PLANE, "clientId": ids.new(), "objectId": ids.new()}
        },
    },
    "key_vault": {"enableRbacAuthorization": True, "tenantId": ids.TENANT, "sku": {"family": "A", "name": "standard"}},
}


def landing_zone(existing: dict[str, str] = EXISTING) -> World:
    """An Azure in which others have made what is to be used, and own it."""
    world = World()
    world.give(server.PERSON, "Owner")
    there = {kind: one for kind, one in existing.items() if one.startswith("/")}
    there["group"] = f"{ids.ROOT}/resourceGroups/{existing.get('resource_group', 'rg-platform')}"
    there["network"] = there["database_subnet"].rpartition("/subnets/")[0]
    if "cluster" in there:
        there["control_plane"] = CONTROL_PLANE
    groups = {"/".join(one.split("/")[:5]) for one in there.values()}
    for one in [*sorted(groups), there["network"], *there.values()]:
        kind = kinds.KINDS[ids.parse(one).kind.lower()]
        body = copy.deepcopy(kind.defaults(one.rpartition("/")[2]))
        name = next((name for name, path in there.items() if path == one), "")
        body["properties"] = {
            "provisioningState": "Succeeded",
            **body.get("properties", {}),
            **PROPERTIES.get(name, {}),
        }
        if name == "cluster":
            body["identity"] = {"type": "UserAssigned", "userAssignedIdentities": {CONTROL_PLANE: {}}}
            body["properties"]["oidcIssuerProfile"]["enabled"] = True
        world.put(one, body.pop("properties"), **{**body, "location": "westeurope", "tags": {"owner": "others"}})
    world.put(f"{there['group']}/providers/Microsoft.Network/publicIPAddresses/theirs", {}, location="westeurope")
    return world


def changed(product: Product, world: World) -> dict[str, object]:
    """Return what others own and is not as it was."""
    now = product.azure.world.resources
    return {
        key: now[key].body if key in now else None
        for key, one in world.resources.items()
        if key not in now or now[key].body != one.body
    }


@pytest.mark.parametrize(
    "answers",
    [
        ANSWERS,
        {**ANSWERS, "ci": "jenkins", "git_repository": "https://gitlab.com/contoso/shop"},
        of("existing-cluster"),
    ],
    ids=["github", "jenkins", "cluster"],
)
def test_what_others_own_stays_as_it_is_from_up_to_down(lab: Lab, answers: dict[str, Any]) -> None:
    before = landing_zone(answers["existing"])
    with lab.new(answers, copy.deepcopy(before)) as product:
        product.apply()
        assert product.plans() == {}
        assert changed(product, before) == {}
        product.environment = pipeline(product, "", "plan")
        assert product.plan("platform", "", "-refresh=false", "-lock=false") == {}
        product.environment = pipeline(product, "", "apply")
        assert product.plan("platform") == {}
        product.environment = None
        assert product.azure.world.refused == []
        product.destroy()
        left = [one.id for key, one in product.azure.world.resources.items() if key not in before.resources]
        assert [one for one in left if "-state" not in one] == []
        assert changed(product, before) == {}
        product.left_alone = frozenset({"state"})
        product.apply()
        assert product.plans() == {}


def test_what_others_have_under_a_name_of_ours_is_not_overwritten(lab: Lab) -> None:
    world = landing_zone()
    group = f"{ids.ROOT}/resourceGroups/{EXISTING['resource_group']}"
    address = f"{group}/providers/Microsoft.Network/publicIPAddresses/pip-aks-shop-gateway"
    world.put(address, {"ipAddress": "203.0.113.7"}, location="westeurope")
    with lab.new(ANSWERS, world) as product:
        with pytest.raises(FailedError, match="already exists"):
            product.apply()
        assert product.azure.world.resources[address.lower()].body["properties"] == {"ipAddress": "203.0.113.7"}


def test_down_takes_no_right_that_a_person_had_before_up(lab: Lab, tmp_path: Path) -> None:
    world = landing_zone()
    officer = f"{ids.ROOT}/providers/Microsoft.Authorization/roleDefinitions/b86a8fe4-44ce-4948-aee5-eccb2c155cd7"
    role = ids.parse(f"{EXISTING['key_vault']}/providers/Microsoft.Authorization/roleAssignments/{ids.new()}")
    given = {"properties": {"principalId": server.PERSON, "roleDefinitionId": officer}}
    world._assign(role, EXISTING["key_vault"].lower(), given, None)
    with lab.new(ANSWERS, world) as product:
        support.git("init", "-q", "-b", "main", cwd=product.folder)
        person = Person(product, tmp_path)
        for command in ("up", "down"):
            status, said = person.run(command, CONFIRM="aks-shop")
            assert status == 0, said
        assert [key for key in world.assignments if key.startswith(EXISTING["key_vault"].lower())] == [role.id.lower()]


def test_down_takes_out_of_a_cluster_that_stays_what_up_has_put_in(lab: Lab, tmp_path: Path) -> None:
    answers = of("existing-cluster")
    before = landing_zone(answers["existing"])
    with lab.new(answers, copy.deepcopy(before)) as product:
        support.git("init", "-q", "-b", "main", cwd=product.folder)
        person, world = Person(product, tmp_path), product.azure.world
        for command, releases in (("up", ["argocd", "bootstrap"]), ("down", [])):
            status, said = person.run(command, CONFIRM="aks-platform")
            assert status == 0, said
            assert [inside["releases"] for inside in world.clusters.values()] == [releases]
        assert changed(product, before) == {}
