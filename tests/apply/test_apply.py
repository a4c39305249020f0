"""Every shape of a product is made, stays as it is, is planned and applied by its pipeline, and goes without a trace."""

import pytest

from tests import support
from tests.apply import server
from tests.apply.lab import Lab, pipeline
from tests.apply.product import FailedError
from tests.apply.world import World

# Every kind of root and of resource is in one of them.
SHAPES = [
    "automatic",
    "defaults",
    "cluster-per-environment-with-gateway-and-database-of-azure",
    "database-of-azure",
    "gateway-with-two-environments",
    "jenkins-with-acr-on-gitlab",
    "names-and-tags",
    "names-at-their-limits",
    "own-images-on-ghcr-without-database",
    "previews",
    "production-database-of-azure-with-opentofu",
    "signed-images-on-github",
    "signed-images-on-jenkins",
]


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_applied_stays_for_whoever_plans_goes_without_a_trace_and_can_be_made_again(
    lab: Lab, shape: str
) -> None:
    with lab.new(support.answers(shape)) as product:
        product.apply()
        assert product.plans() == {}
        for purpose, options in (("plan", ("-refresh=false", "-lock=false")), ("apply", ())):
            for root, cluster in product.runs:
                if root == "platform":
                    product.environment = pipeline(product, cluster, purpose)
                    assert product.plan(root, cluster, *options) == {}
        product.environment = None
        assert product.azure.world.refused == []

        product.destroy()
        left = [one.id for one in product.azure.world.resources.values() if "-state" not in one.id]
        assert left == []
        product.left_alone = frozenset({"state"})
        product.apply()
        assert product.plans() == {}


@pytest.mark.parametrize("shape", ["names-and-tags", "names-and-tags-of-several-clusters"])
def test_a_policy_that_demands_tags_lets_everything_be_made_from_the_first_resource_on(lab: Lab, shape: str) -> None:
    answers = support.answers(shape)

    def guarded() -> World:
        world = World(demanded=set(answers["tags"]))
        world.give(server.PERSON, "Owner")
        return world

    with lab.new(answers, guarded()) as product:
        product.apply()
    with (
        lab.new({**answers, "tags": {}}, guarded()) as product,
        pytest.raises(FailedError, match="RequestDisallowedByPolicy"),
    ):
        product.apply()
