"""Azure that hesitates, and faults that were found here once: undone, each is seen again."""

import json
from dataclasses import dataclass, field

import pytest
import yaml

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
        "  scope                = local.resource_group.id",
        "  scope                = local.key_vault_id",
        "RoleAssignmentExists|already exists",
        values=NAMED,
    ),
    "an endpoint that Azure adds": Fault(
        "platform/database_network.tf",
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
    # Without values of its own, the sound product is one of the shapes.
    for undone in (False, True) if fault.values else (True,):
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


def test_ranges_that_aks_keeps_are_refused_before_it_does(lab: Lab) -> None:
    with lab.new({}) as product:
        folder = product.folder / "terraform" / "platform"
        (folder / "more.auto.tfvars").write_text('network = { pods = "172.31.0.0/16" }\n', encoding="utf-8")
        with pytest.raises(FailedError, match="AKS keeps"):
            product.apply()
        path = folder / "network.tf"
        path.write_text(path.read_text(encoding="utf-8").replace('"172.31.0.0/16", ', ""), encoding="utf-8")
        with pytest.raises(FailedError, match="podCidr is in a reserved range"):
            product.apply()


def test_argo_cd_of_production_is_guarded_in_all_its_parts(lab: Lab) -> None:
    """What Helm was given, as the state has it: Redis with its policies and requests, and a way to the nodes' own DNS."""
    with lab.new({"size": "production", "expose": "gateway"}) as product:
        product.apply()
        product.init("gitops")
        product.run("gitops", "", "apply", "-auto-approve")
        [state] = [one["raw"] for name, one in product.azure.world.blobs.items() if name.endswith("gitops.tfstate")]
        [argocd] = [one for one in json.loads(state)["resources"] if one["name"] == "argocd"]
        layers = [yaml.safe_load(text) for text in argocd["instances"][0]["attributes"]["values"]]
        [redis] = [layer["redis-ha"] for layer in layers if "redis-ha" in layer]
        for part in (redis, redis["haproxy"]):
            assert part["networkPolicy"]["enabled"]
        for part in ("redis", "sentinel", "splitBrainDetection", "init", "haproxy"):
            assert redis[part]["resources"]["requests"]
        assert "169.254.10.0/24" in str(redis["haproxy"]["networkPolicy"]["egressRules"])

        # What Argo CD brings is in Git.
        for name in ("external-secrets", "cert-manager"):
            for path in product.folder.glob(f"clusters/*/{name}.yaml"):
                helm = yaml.safe_load(path.read_text(encoding="utf-8"))["spec"]["source"]["helm"]["valuesObject"]
                assert helm["replicaCount"] > 1
                assert helm["podDisruptionBudget"]


def test_the_pipeline_has_the_token_of_the_cluster_before_the_long_step(lab: Lab) -> None:
    """What signed it in counts for minutes only."""
    with lab.new({}) as product:
        steps = (product.folder / ".github" / "workflows" / "terraform.yml").read_text(encoding="utf-8")
    assert 0 < steps.find("az account get-access-token --resource 6dae42f8") < steps.find("scripts/apply")


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
