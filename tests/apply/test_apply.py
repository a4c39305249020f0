"""Every shape of a product is made, stays as it is, is planned and applied by its pipeline, and goes without a trace."""

import pytest

from tests import support
from tests.apply.lab import Lab, pipeline

# Every kind of root and of resource is in one of them.
SHAPES = [
    "defaults",
    "cluster-per-environment-with-gateway-and-database-of-azure",
    "database-of-azure",
    "gateway-with-two-environments",
    "jenkins-with-acr-on-gitlab",
    "names-at-their-limits",
    "own-images-on-ghcr-without-database",
    "previews",
    "production-database-of-azure-with-opentofu",
    "signed-images-on-github",
    "signed-images-on-jenkins",
]


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_applied_stays_as_it_is_for_whoever_plans(lab: Lab, shape: str) -> None:
    answers = support.answers(shape)
    with lab.again(answers, answers) as product:
        assert product.plans() == {}
        for purpose, options in (("plan", ("-refresh=false", "-lock=false")), ("apply", ())):
            for root, cluster in product.runs:
                if root == "platform":
                    product.environment = pipeline(product, cluster, purpose)
                    assert product.plan(root, cluster, *options) == {}
        assert product.azure.world.refused == []


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_removed_leaves_nothing_and_can_be_made_again(lab: Lab, shape: str) -> None:
    answers = support.answers(shape)
    with lab.again(answers, answers) as product:
        product.destroy()
        left = [one.id for one in product.azure.world.resources.values() if "-state" not in one.id]
        assert left == []
        product.apply()
        assert product.plans() == {}
