"""`make down`, with fakes of what it calls."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import fakes as fakes_of
from tests.fakes import Fakes
from tests.test_up import steps

NAME = "aks-goal-tracker"


@pytest.fixture
def there(faked: Fakes) -> Fakes:
    """An installation with everything in it."""
    fakes_of.installed(faked)
    return faked


def first(lines: list[str], words: str) -> int:
    found = [number for number, line in enumerate(lines) if words in line]
    assert found, words
    return found[0]


def test_down_removes_everything_in_the_order_that_leaves_nothing(there: Fakes) -> None:
    done = there.run("down", CONFIRM=NAME)
    assert done.returncode == 0, done.stderr
    assert "hangs" not in done.stdout
    lines = there.calls()
    order = [
        "kubectl --kubeconfig",
        "delete applicationsets.argoproj.io --namespace argocd previews",
        f"patch applications.argoproj.io --namespace argocd {NAME}",
        f"delete applications.argoproj.io --namespace argocd {NAME}",
        "delete applications.argoproj.io --namespace argocd goal-tracker-dev",
        "delete services --namespace goal-tracker-dev frontend",
        "az network public-ip list",
        "terraform -chdir=terraform/gitops destroy",
        "terraform -chdir=terraform/platform destroy",
    ]
    found = [first(lines, words) for words in order]
    assert found == sorted(found), lines
    world = there.world
    assert world["came_back"] == []
    assert world["terraform"] == {"state": ["azurerm_storage_account.state"], "platform": [], "gitops": []}
    assert world["storage"]
    assert world["addresses"] == []


def test_a_service_without_an_address_stays_for_the_cluster_to_take(there: Fakes) -> None:
    there.run("down", CONFIRM=NAME)
    assert not [line for line in there.calls("kubectl") if "delete services --namespace default" in line]


def test_gateways_go_before_services(there: Fakes) -> None:
    objects = there.world["objects"]
    gateway = {"kind": "Gateway", "metadata": {"name": "web", "namespace": "goal-tracker-dev"}}
    there.change(objects={**objects, "gateways.gateway.networking.k8s.io": [gateway]})
    assert there.run("down", CONFIRM=NAME).returncode == 0
    lines = there.calls()
    gateways = first(lines, "delete gateways.gateway.networking.k8s.io --namespace goal-tracker-dev web")
    assert gateways < first(lines, "delete services")


def test_down_says_what_goes_data_included_and_how_to_remove_the_state(there: Fakes) -> None:
    words = there.run("down", CONFIRM=NAME).stdout
    assert "all volumes and databases" in words
    assert "Prune=false and Delete=false hold against Argo CD" in words
    assert "with its secrets, purged at once" in words
    assert f"az group delete --name rg-{NAME}-state" in words
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


def test_down_works_when_the_cluster_is_gone_already(there: Fakes) -> None:
    there.change(cluster=None)
    done = there.run("down", CONFIRM=NAME)
    assert done.returncode == 0, done.stderr
    assert "the cluster is gone already" in done.stdout
    assert "goes with the cluster: helm_release.argocd, helm_release.bootstrap" in done.stdout
    assert there.calls("kubectl") == []
    assert there.world["terraform"]["platform"] == []


def test_what_terraform_gitops_made_outside_the_cluster_is_still_destroyed(there: Fakes) -> None:
    made = there.world["terraform"]
    there.change(cluster=None, terraform={**made, "gitops": ["helm_release.argocd", "azurerm_dns_a_record.web"]})
    assert there.run("down", CONFIRM=NAME).returncode == 0
    lines = there.calls("terraform")
    assert first(lines, "state rm helm_release.argocd") < first(lines, "gitops destroy -auto-approve -refresh=false")


def test_down_works_when_argo_cd_was_never_installed(there: Fakes) -> None:
    """A `make up` that stopped before its last step: no kind of Argo CD is known."""
    made = there.world["terraform"]
    there.change(objects={"services": []}, addresses=[], terraform={**made, "gitops": []})
    done = there.run("down", CONFIRM=NAME)
    assert done.returncode == 0, done.stderr
    assert steps(there)[-1] == "platform destroy"


def test_finalizers_that_nobody_finishes_are_named_and_taken_away(there: Fakes) -> None:
    there.change(controller=False)
    done = there.run("down", "--timeout", "60", CONFIRM=NAME)
    assert done.returncode == 0, done.stderr
    assert (
        "argocd/goal-tracker-dev hangs: it waits for resources-finalizer.argocd.argoproj.io/background" in done.stdout
    )
    assert "taking their finalizers away: what they have made goes with the cluster" in done.stdout
    assert there.world["cluster"] is None


def test_projects_do_not_hold_up_the_removal_of_argo_cd(there: Fakes) -> None:
    there.run("down", CONFIRM=NAME)
    lines = there.calls()
    released = first(lines, "patch appprojects.argoproj.io --namespace argocd bootstrap")
    assert first(lines, "delete applications.argoproj.io") < released < first(lines, "gitops destroy")


def test_load_balancers_that_stay_are_named_and_go_with_the_cluster(there: Fakes) -> None:
    there.change(cloud=False)
    done = there.run("down", "--timeout", "60", CONFIRM=NAME)
    assert done.returncode == 0, done.stderr
    assert "still there after 60 s: Service goal-tracker-dev/frontend" in done.stdout
    assert "address of goal-tracker-dev/frontend" in done.stdout
    assert f"they are in rg-{NAME}-nodes, which Azure removes with the cluster" in done.stdout


def test_a_resource_group_that_stays_is_a_failure(there: Fakes) -> None:
    there.change(groups=[f"rg-{NAME}-nodes"])
    failed = there.run("down", CONFIRM=NAME)
    assert failed.returncode == 1
    assert f"rg-{NAME}-nodes is still there and is billed" in failed.stderr


def test_a_running_cluster_that_does_not_answer_is_not_removed_unasked(there: Fakes) -> None:
    there.change(answers_kubectl=False)
    failed = there.run("down", CONFIRM=NAME)
    assert failed.returncode == 1
    assert "the cluster runs but does not answer" in failed.stderr
    assert "SKIP_CLUSTER=yes" in failed.stderr
    assert not [step for step in steps(there) if "destroy" in step]
    assert there.run("down", CONFIRM=NAME, SKIP_CLUSTER="yes").returncode == 0
    assert there.world["cluster"] is None


@pytest.mark.parametrize(
    "state", [{"powerState": {"code": "Stopped"}}, {"provisioningState": "Failed"}, {"provisioningState": "Creating"}]
)
def test_a_cluster_that_can_not_answer_is_removed_as_it_is(there: Fakes, state: dict[str, object]) -> None:
    there.change(answers_kubectl=False, cluster={**there.world["new_cluster"], **state})
    done = there.run("down", CONFIRM=NAME)
    assert done.returncode == 0, done.stderr
    assert "does not answer: it is removed as it is" in done.stdout


@pytest.mark.parametrize("root", ["gitops", "platform"])
def test_a_failing_root_is_named_and_the_next_run_goes_on(there: Fakes, root: str) -> None:
    there.answer(f"terraform -chdir=terraform/{root} destroy", status=1, stderr="Error: timeout\n", times=1)
    failed = there.run("down", CONFIRM=NAME)
    assert failed.returncode == 1
    assert f"down: {root} failed" in failed.stderr
    assert "run make down again, it goes on from there" in failed.stderr
    assert there.run("down", CONFIRM=NAME).returncode == 0
    assert there.world["cluster"] is None


def test_up_after_a_down_that_stopped_half_way_brings_the_bootstrap_application_back(there: Fakes) -> None:
    """Helm does not miss what was deleted behind its back; the release is marked to be made anew, before the deletion."""
    there.run("down", CONFIRM=NAME)
    lines = there.calls()
    marked = first(lines, "terraform -chdir=terraform/gitops taint -allow-missing helm_release.bootstrap")
    assert marked < first(lines, " delete applications")


def test_up_works_after_down(there: Fakes) -> None:
    assert there.run("down", CONFIRM=NAME).returncode == 0
    done = there.run("up")
    assert done.returncode == 0, done.stderr
    assert there.world["terraform"] == {root: there.world["makes"][root] for root in ("state", "platform", "gitops")}


def test_down_uses_a_kubeconfig_of_its_own(there: Fakes) -> None:
    there.run("down", CONFIRM=NAME)
    assert all("--kubeconfig /" in line for line in there.calls("kubectl"))


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
        "gitops -var-file=dev.tfvars",
        "platform -var-file=dev.tfvars",
        "gitops -var-file=prod.tfvars",
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
    assert destroyed(faked_clusters) == ["gitops -var-file=dev.tfvars", "platform -var-file=dev.tfvars"]
    assert sorted(faked_clusters.world["clusters"]) == ["prod"]
    assert faked_clusters.world["terraform"]["registry"]
    assert "The registry exampleorggoaltracker stays" in done.stdout
    assert "az group delete" not in done.stdout


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
