"""What is in the network is made from outside by an address that is let in, and is closed and kept from inside."""

import pytest

from tests import support
from tests.apply.lab import Lab
from tests.apply.product import FailedError
from tests.apply.world import ADDRESS

KINDS = {
    "azurerm_container_registry",
    "azurerm_key_vault",
    "azurerm_storage_account",
}


@pytest.mark.parametrize(
    "shape",
    [
        "automatic-in-the-network-of-each-environment",
        "everything-in-the-network",
        "private-data-of-a-cluster-for-each-environment",
    ],
)
def test_nothing_is_reached_from_outside_once_it_was_set_up(lab: Lab, shape: str) -> None:
    with lab.new(support.answers(shape)) as product:
        product.run("state", "", "init")
        product.run("state", "", "apply", "-auto-approve")
        with pytest.raises(FailedError, match="403"):
            product.plan(*product.runs[1])

        opened = product.azure.environment() | {"TF_VAR_open_to": f'["{ADDRESS}"]'}
        product.forget()
        product.environment = opened
        product.apply()
        assert product.plans() == {}

        product.azure.world.inside = True
        product.environment = None
        closing = product.plans()
        changed = {address.partition(".")[0] for changes in closing.values() for address in changes}
        assert changed == KINDS
        assert {action for changes in closing.values() for actions in changes.values() for action in actions} == {
            "update"
        }
        product.apply()
        assert product.plans() == {}

        product.azure.world.inside = False
        with pytest.raises(FailedError):
            product.plan(*product.runs[-1])

        # With the endpoints goes the way to the state: who removes them is let in by address again.
        product.azure.world.inside = True
        product.environment = opened
        product.apply()
        product.destroy()
        assert [one.id for one in product.azure.world.resources.values() if "-state" not in one.id] == []
