"""Azure that hesitates, and faults that were found here once: undone, each is seen again."""

from dataclasses import dataclass, field

import pytest

from tests.apply import server
from tests.apply.lab import Answers, Lab
from tests.apply.product import FailedError, Product
from tests.apply.world import World

NAMED = f'operator_object_ids = ["{server.PERSON}"]\n'
ZONES = 'zones = ["1", "2"]\n'


@dataclass(frozen=True)
class Fault:
    """A text of a product and the one that was there before, and what came of it."""

    file: str
    text: str
    before: str
    error: str
    answers: Answers = field(default_factory=dict)
    values: str = ""


FAULTS = {
    "a namespace in another case": Fault(
        "state/providers.tf",
        '"microsoft.insights"',
        '"Microsoft.Insights"',
        "not registered to use namespace 'microsoft.insights'",
    ),
    "an operator who was the first": Fault(
        "platform/operators.tf",
        "  scope                = azurerm_resource_group.this.id",
        "  scope                = azurerm_key_vault.this.id",
        "RoleAssignmentExists|already exists",
        values=NAMED,
    ),
    "an endpoint that Azure adds": Fault(
        "platform/database.tf",
        '  service_endpoint {\n    service = "Microsoft.Storage"\n  }\n',
        "",
        "azurerm_subnet.database",
        {"database": "azure"},
    ),
}


def again(product: Product) -> None:
    """Apply, and see that nothing is left to do."""
    product.apply()
    if plans := product.plans():
        raise FailedError(str(plans))


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_the_past_would_be_seen(lab: Lab, name: str) -> None:
    fault = FAULTS[name]
    for undone in (False, True):
        with lab.new(fault.answers) as product:
            path = product.folder / "terraform" / fault.file
            text = path.read_text(encoding="utf-8")
            assert fault.text in text
            (path.parent / "more.auto.tfvars").write_text(fault.values, encoding="utf-8")
            if not undone:
                again(product)
                continue
            path.write_text(text.replace(fault.text, fault.before), encoding="utf-8")
            with pytest.raises(FailedError, match=fault.error):
                again(product)


def test_zones_that_are_chosen_later_leave_the_address(lab: Lab) -> None:
    answers = {"expose": "gateway"}
    with lab.again(answers, answers) as product:
        (product.folder / "terraform" / "platform" / "more.auto.tfvars").write_text(ZONES, encoding="utf-8")
        assert product.plans() == {}


@pytest.mark.parametrize("status", [429, 500])
def test_a_request_that_fails_once_ends_no_later_than_the_next_run(lab: Lab, status: int) -> None:
    with lab.new({}) as product:
        kinds = ("Microsoft.KeyVault/vaults", "Microsoft.ContainerService/managedClusters")
        product.azure.world.fail_once = [(kind, status) for kind in kinds]
        try:
            product.apply()
        except FailedError:
            product.apply()
        assert product.azure.world.fail_once == []
        assert product.plans() == {}


def test_a_name_that_somebody_else_has_is_refused(lab: Lab) -> None:
    world = World(taken={"exampleorggoaltracker"})
    world.give(server.PERSON, "Owner")
    with lab.new({}, world) as product, pytest.raises(FailedError, match="AlreadyInUse"):
        product.apply()


def test_secrets_are_written_after_the_right_to_is_honoured(lab: Lab) -> None:
    """Without the pause the vault refuses, as Azure does."""
    with lab.new({}) as product:
        path = product.folder / "terraform" / "platform" / "operators.tf"
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace('create_duration = "120s"', 'create_duration = "0s"'), encoding="utf-8")
        with pytest.raises(FailedError, match=r"setSecret|Forbidden"):
            product.apply()


def test_a_pipeline_that_is_not_the_one_named_gets_no_token(lab: Lab) -> None:
    with lab.again({}, {}) as product:
        identities = [
            one for one in product.azure.world.resources.values() if one.kind.endswith("/userassignedidentities")
        ]
        client = next(
            one.body["properties"]["clientId"] for one in identities if one.body["name"].endswith("-ci-apply")
        )
        product.environment = product.azure.pipeline(client, "repo:example-org/goal-tracker:pull_request")
        with pytest.raises(FailedError, match=r"AADSTS700213|invalid_client"):
            product.plan("platform")
