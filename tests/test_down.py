"""`make down`, with fakes of what it calls."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import fakes as fakes_of
from tests.fakes import SUBSCRIPTION, Fakes
from tests.test_up import steps

pytestmark = pytest.mark.slow

NAME = "aks-goal-tracker"


@pytest.fixture
def there(faked: Fakes) -> Fakes:
    """An installation."""
    fakes_of.installed(faked)
    return faked


def first(lines: list[str], words: str) -> int:
    found = [number for number, line in enumerate(lines) if words in line]
    assert found, words
    return found[0]


def test_down_removes_everything_but_the_storage_of_the_state(there: Fakes) -> None:
    done = there.run("down", CONFIRM=NAME)
    assert done.returncode == 0, done.stderr
    assert [step for step in steps(there) if "destroy" in step] == ["platform destroy"]
    world = there.world
    assert world["terraform"] == {"state": ["azurerm_storage_account.state"], "platform": [], "gitops": []}
    assert (world["storage"], world["cluster"]) == (True, None)


def test_down_says_what_goes_data_included_and_how_to_remove_the_state(there: Fakes) -> None:
    words = there.run("down", CONFIRM=NAME).stdout
    assert "all volumes and databases" in words
    assert "Prune=false and Delete=false hold against Argo CD" in words
    assert "with its secrets, purged at once" in words
    assert f"az group delete --subscription {SUBSCRIPTION} --name rg-{NAME}-state" in words
    assert "terraform/state/terraform.tfstate*" in words


@pytest.mark.parametrize(
    ("typed", "environment", "words"),
    [
        ("", {}, "no answer was given, nothing was removed"),
        ("yes\n", {}, f"'yes' is not {NAME}, nothing was removed"),
        (f"{NAME}\n", {"CONFIRM": "aks-other"}, f"'aks-other' is not {NAME}"),
        ("", {"CONFIRM": "yes"}, f"'yes' is not {NAME}"),
    ],
)
def test_without_the_clusters_name_nothing_is_removed(
    there: Fakes, typed: str, environment: dict[str, str], words: str
) -> None:
    before = there.world
    failed = there.run("down", typed=typed, **environment)
    assert failed.returncode == 1
    assert words in failed.stderr
    assert f"make down CONFIRM={NAME}" in failed.stderr
    assert not there.calls("terraform", "kubectl")
    assert there.world["terraform"] == before["terraform"]


def test_the_name_may_be_typed(there: Fakes) -> None:
    assert there.run("down", typed=f"{NAME}\n").returncode == 0
    assert there.world["cluster"] is None


def test_down_again_finds_nothing_to_do(there: Fakes) -> None:
    assert there.run("down", CONFIRM=NAME).returncode == 0
    there.calls()
    again = there.run("down", CONFIRM=NAME)
    assert again.returncode == 0, again.stderr
    assert again.stdout.count("nothing left to remove") == 2
    assert [step for step in steps(there) if "destroy" in step] == []


def test_down_before_up_has_nothing_to_remove(faked: Fakes) -> None:
    done = faked.run("down")
    assert done.returncode == 0
    assert "Nothing to remove" in done.stdout
    assert faked.calls("terraform", "kubectl") == []


def test_down_in_the_wrong_subscription_does_not_claim_success(faked: Fakes) -> None:
    faked.change(groups=[f"rg-{NAME}"])
    failed = faked.run("down", CONFIRM=NAME)
    assert failed.returncode == 1
    assert "choose the right subscription" in failed.stderr


def test_commands_that_are_told_name_the_subscription(there: Fakes) -> None:
    """The one of ARM_SUBSCRIPTION_ID is not the one that az would take."""
    there.change(groups=[f"rg-{NAME}-nodes"])
    assert (
        f"az group delete --subscription {SUBSCRIPTION} --name rg-{NAME}-nodes"
        in there.run("down", CONFIRM=NAME).stderr
    )
    assert f"az aks get-credentials --subscription {SUBSCRIPTION} " in there.run("up").stdout


def test_down_works_when_the_cluster_is_gone_already(there: Fakes) -> None:
    there.change(cluster=None)
    done = there.run("down", CONFIRM=NAME)
    assert done.returncode == 0, done.stderr
    assert there.world["terraform"]["platform"] == []


def test_what_terraform_gitops_made_outside_the_cluster_is_destroyed_before_it(there: Fakes) -> None:
    made = there.world["terraform"]
    there.change(terraform={**made, "gitops": ["helm_release.argocd", "azurerm_dns_a_record.web"]})
    assert there.run("down", CONFIRM=NAME).returncode == 0
    lines = there.calls("terraform")
    destroyed = first(lines, "gitops destroy -auto-approve -target=azurerm_dns_a_record.web")
    assert destroyed < first(lines, "platform destroy") < first(lines, "state rm helm_release.argocd")
    assert there.world["terraform"]["gitops"] == []


def test_a_resource_group_that_stays_is_a_failure(there: Fakes) -> None:
    there.change(groups=[f"rg-{NAME}-nodes"])
    failed = there.run("down", CONFIRM=NAME)
    assert failed.returncode == 1
    assert f"rg-{NAME}-nodes is still there and is billed" in failed.stderr


@pytest.mark.parametrize(("root", "command"), [("gitops", "state list"), ("platform", "destroy")])
def test_a_failing_root_is_named_and_the_next_run_goes_on(there: Fakes, root: str, command: str) -> None:
    there.answer(f"terraform -chdir=terraform/{root} {command}", status=1, stderr="Error: timeout\n", times=1)
    failed = there.run("down", CONFIRM=NAME)
    assert failed.returncode == 1
    assert f"down: {root} failed" in failed.stderr
    assert "run make down again, it goes on from there" in failed.stderr
    assert there.run("down", CONFIRM=NAME).returncode == 0
    assert there.world["cluster"] is None


def test_up_after_a_down_that_stopped_half_way_finds_argo_cd_in_the_state(there: Fakes) -> None:
    """Helm refuses to install a release that the cluster has, and the state has not."""
    there.answer("terraform -chdir=terraform/platform destroy", status=1, stderr="Error: timeout\n", times=1)
    assert there.run("down", CONFIRM=NAME).returncode == 1
    assert there.world["terraform"]["gitops"] == there.world["makes"]["gitops"]


def test_up_works_after_down(there: Fakes) -> None:
    assert there.run("down", CONFIRM=NAME).returncode == 0
    done = there.run("up")
    assert done.returncode == 0, done.stderr
    assert there.world["terraform"] == {root: there.world["makes"][root] for root in ("state", "platform", "gitops")}


def test_a_production_installation_keeps_its_vault_and_is_told_so(
    rendered: Callable[[str], Path], there: Fakes
) -> None:
    values = rendered("production-size-with-four-environments") / "terraform" / "platform" / "terraform.tfvars"
    shutil.copy(values, there.product / "terraform" / "platform" / "terraform.tfvars")
    failed = there.run("down", typed="\n")
    assert failed.returncode == 1
    assert "purge protection keeps it for 90 days, make up brings it back" in failed.stdout
    assert there.calls("terraform") == []


CLUSTERS = "aks-goal-tracker-dev aks-goal-tracker-prod"


def destroyed(fakes: Fakes) -> list[str]:
    """What Terraform was asked to destroy, with the values of which cluster."""
    lines = [line.removeprefix("terraform -chdir=terraform/") for line in fakes.calls("terraform")]
    return [line.replace(" destroy -auto-approve", "") for line in lines if " destroy" in line]


def test_all_clusters_go_in_order_and_the_registry_last(faked_clusters: Fakes) -> None:
    faked_clusters.run("up")
    faked_clusters.calls()
    done = faked_clusters.run("down", CONFIRM=CLUSTERS)
    assert done.returncode == 0, done.stderr
    assert destroyed(faked_clusters) == [
        "platform -var-file=dev.tfvars",
        "platform -var-file=prod.tfvars",
        "registry -var-file=../platform/github.auto.tfvars",
    ]
    assert faked_clusters.world["clusters"] == {}
    assert faked_clusters.world["terraform"]["registry"] == []
    assert "It also removes the registry exampleorggoaltracker with all images." in done.stdout


def test_one_cluster_goes_and_what_it_shares_with_others_stays(faked_clusters: Fakes) -> None:
    faked_clusters.run("up")
    faked_clusters.calls()
    done = faked_clusters.run("down", "dev", CONFIRM="aks-goal-tracker-dev")
    assert done.returncode == 0, done.stderr
    assert destroyed(faked_clusters) == ["platform -var-file=dev.tfvars"]
    assert sorted(faked_clusters.world["clusters"]) == ["prod"]
    assert faked_clusters.world["terraform"]["registry"]
    assert "The registry exampleorggoaltracker stays" in done.stdout
    assert "az group delete" not in done.stdout


@pytest.mark.parametrize(
    ("command", "environments", "cure"),
    [
        ("up", ("dev",), "make up ENV=dev APPROVE=yes"),
        ("down", ("dev",), "make down ENV=dev CONFIRM=aks-goal-tracker-dev"),
        ("up", ("dev", "prod"), "APPROVE=yes scripts/from-template up dev prod"),
        ("down", (), f"make down CONFIRM='{CLUSTERS}'"),
    ],
)
def test_the_command_that_is_told_is_about_the_same_clusters(
    faked_clusters: Fakes, command: str, environments: tuple[str, ...], cure: str
) -> None:
    faked_clusters.change(storage=command == "down")
    failed = faked_clusters.run(command, *environments, APPROVE="")
    assert failed.stderr.endswith(f"without a terminal run {cure}\n")
    faked_clusters.answer("terraform … init", status=1, stderr="Error: busy\n")
    given = "aks-goal-tracker-dev" if environments == ("dev",) else CLUSTERS
    failed = faked_clusters.run(command, *environments, CONFIRM=given)
    again = re.sub(r" ?(APPROVE|CONFIRM)=('.*'|\S+) ?", "", cure)
    assert f"run {again} again, it goes on from there" in failed.stderr


@pytest.mark.parametrize("given", ["aks-goal-tracker", "aks-goal-tracker-dev"])
def test_the_name_of_one_cluster_removes_no_other(faked_clusters: Fakes, given: str) -> None:
    faked_clusters.run("up")
    failed = faked_clusters.run("down", CONFIRM=given)
    assert failed.returncode == 1
    assert f"'{given}' is not {CLUSTERS}, nothing was removed" in failed.stderr
    assert sorted(faked_clusters.world["clusters"]) == ["dev", "prod"]


def test_a_registry_that_can_not_be_removed_is_named(faked_clusters: Fakes) -> None:
    faked_clusters.run("up")
    faked_clusters.answer("terraform -chdir=terraform/registry destroy", status=1, stderr="Error: locked\n", times=1)
    failed = faked_clusters.run("down", CONFIRM=CLUSTERS)
    assert "registry failed: " in failed.stderr
    assert faked_clusters.run("down", CONFIRM=CLUSTERS).returncode == 0
