"""`make up` and `make ci-variables`, with fakes of what they call."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import hcl2
import pytest

from tests import support
from tests.fakes import SUBSCRIPTION, Fakes

IN_ORDER = [f"{root} {command}" for root in ("state", "platform", "gitops") for command in ("init", "apply")]


def steps(fakes: Fakes) -> list[str]:
    """What Terraform was asked to do, without its options."""
    lines = [line.removeprefix("terraform -chdir=terraform/").split() for line in fakes.calls("terraform")]
    return [f"{words[0]} {words[1]}" for words in lines if words[1] in ("init", "apply", "destroy")]


def test_up_makes_state_platform_and_gitops_in_order(faked: Fakes) -> None:
    done = faked.run("up")
    assert done.returncode == 0, done.stderr
    assert steps(faked) == IN_ORDER
    assert faked.world["cluster"]


def test_up_says_what_each_step_does_how_long_it_takes_and_what_to_do_next(faked: Fakes) -> None:
    words = faked.run("up").stdout
    assert "== step 1 of 3, state: storage for the state of the others (about a minute)" in words
    assert "== step 2 of 3, platform: " in words
    assert "about 15 minutes" in words
    assert "== step 3 of 3, gitops: Argo CD and the bootstrap Application (about 5 minutes the first time)" in words
    assert "Next: make ci-variables" in words


def test_up_asks_the_github_of_the_repository_whatever_host_gh_would_ask(faked: Fakes) -> None:
    assert faked.run("up", GH_HOST="github.example.com").returncode == 0


def test_up_names_the_namespace_of_argo_cd(faked: Fakes) -> None:
    [path] = faked.product.glob("bootstrap/**/application.yaml")
    path.write_text(path.read_text().replace("namespace: argocd", "namespace: gitops"))
    assert "until it has, kubectl --namespace gitops get applications shows it" in faked.run("up").stdout


def test_up_may_run_again_and_does_the_same(faked: Fakes) -> None:
    assert faked.run("up").returncode == 0
    made = faked.world["terraform"]
    faked.calls()
    assert faked.run("up").returncode == 0
    assert steps(faked) == IN_ORDER
    assert faked.world["terraform"] == made


@pytest.mark.costly
@pytest.mark.parametrize("root", ["state", "platform", "gitops"])
def test_a_step_that_fails_is_named_and_the_next_run_goes_on(faked: Fakes, root: str) -> None:
    faked.answer(f"terraform -chdir=terraform/{root} apply", status=1, stderr="Error: no capacity\n", times=1)
    failed = faked.run("up")
    assert failed.returncode == 1
    assert f", {root}, failed: terraform apply ended with status 1" in failed.stderr
    assert "run make up again, it goes on from there" in failed.stderr
    assert len([line for line in failed.stderr.splitlines() if line.startswith("up:")]) == 1
    assert steps(faked)[-1] == f"{root} apply"
    assert faked.run("up").returncode == 0
    assert faked.world["cluster"]


def test_up_waits_until_azure_honours_the_new_right_to_the_state(faked: Fakes) -> None:
    faked.change(unhonoured=3)
    done = faked.run("up")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("waiting until Azure honours the right to the state") == 3


def test_up_does_not_wait_for_ever(faked: Fakes) -> None:
    faked.change(unhonoured=1000)
    failed = faked.run("up")
    assert failed.returncode == 1
    assert "platform, failed: Error: Failed to get existing workspaces" in failed.stderr


def test_another_failure_of_init_is_not_waited_for(faked: Fakes) -> None:
    faked.answer("terraform -chdir=terraform/platform init", status=1, stderr="Error: Failed to query providers\n")
    failed = faked.run("up")
    assert "Failed to query providers" in failed.stderr
    assert "waiting" not in failed.stdout


@pytest.mark.parametrize("program", ["az", "terraform", "kubelogin"])
def test_a_missing_program_stops_up_before_anything_is_made(faked: Fakes, program: str) -> None:
    faked.remove(program)
    failed = faked.run("up")
    assert failed.returncode == 1
    assert f"up: {program} is not on PATH, see https://" in failed.stderr
    assert faked.calls("terraform") == []


def test_up_without_a_sign_in_says_how_to_sign_in(faked: Fakes) -> None:
    faked.answer("az account show", status=1, stderr="ERROR: Please run 'az login' to setup account.\n")
    failed = faked.run("up")
    assert failed.returncode == 1
    assert failed.stderr == "up: not signed in: run az login, then az account set --subscription NAME\n"
    assert faked.calls("terraform") == []


def test_a_sign_in_that_has_run_out_is_told_before_anything_is_made(faked: Fakes) -> None:
    words = "ERROR: AADSTS700082: The refresh token has expired.\nInteractive authentication is needed. Please run:\naz login\n"
    faked.answer("az storage account check-name", status=1, stderr=words)
    failed = faked.run("up")
    assert failed.stderr == (
        "up: the sign-in to Azure has run out: run az login (ERROR: AADSTS700082: The refresh token has expired.)\n"
    )
    assert faked.calls("terraform", "gh") == []


def test_a_subscription_that_az_does_not_know_is_named(faked: Fakes) -> None:
    faked.answer("az account show --subscription Typo", status=1, stderr="ERROR: Subscription 'Typo' not found.\n")
    failed = faked.run("up", ARM_SUBSCRIPTION_ID="Typo")
    assert failed.stderr == (
        "up: az knows no subscription Typo: correct or unset ARM_SUBSCRIPTION_ID, or run az login"
        " (ERROR: Subscription 'Typo' not found.)\n"
    )
    assert "failure  Azure: az knows no subscription Typo: correct or unset ARM_SUBSCRIPTION_ID" in (
        faked.run("doctor", ARM_SUBSCRIPTION_ID="Typo").stdout
    )


TAKEN = {"nameAvailable": False, "reason": "AlreadyExists"}


def test_up_makes_nothing_where_another_subscription_holds_the_state(faked: Fakes) -> None:
    """Its resources would be found by their ids, and new ones be made here."""
    faked.answer("az storage account check-name", json=TAKEN)
    failed = faked.run("up")
    assert failed.returncode == 1
    assert (
        "is in another subscription than Try out: az account set --subscription NAME, or answer `names`"
        in failed.stderr
    )
    assert faked.calls("terraform", "gh") == []
    faked.change(groups=["rg-aks-goal-tracker-state"])
    assert faked.run("up").returncode == 0


@pytest.mark.parametrize("words", ["(MissingSubscriptionRegistration) not registered.", "(AuthorizationFailed) no."])
def test_up_goes_on_where_azure_does_not_say_whether_a_name_is_free(faked: Fakes, words: str) -> None:
    faked.answer("az storage account check-name", status=1, stderr=words)
    assert faked.run("up").returncode == 0


def test_what_the_shell_says_of_workspaces_and_folders_of_terraform_does_not_count(faked: Fakes) -> None:
    """One folder for all roots would mix their backends up, and another workspace has another state."""
    assert faked.run("up", TF_DATA_DIR="/tmp/one", TF_WORKSPACE="other").returncode == 0
    assert (faked.world["TF_DATA_DIR"], faked.world["TF_WORKSPACE"]) == (".terraform", "")


def test_up_lifts_no_protection_that_a_killed_down_had_lifted(faked: Fakes) -> None:
    left = faked.product / "terraform" / "platform" / "down_override.tf"
    left.write_text("")
    faked.answer("terraform -chdir=terraform/platform plan", status=1, stderr="Error: busy\n")
    assert faked.run("up").returncode == 1
    assert not left.exists()


def test_changes_are_made_after_a_yes_unless_it_was_given(faked: Fakes) -> None:
    failed = faked.run("up", APPROVE="")
    assert failed.returncode == 1
    assert failed.stderr == (
        "up: no answer was given, nothing of state was changed: type it, or without a terminal run make up APPROVE=yes\n"
    )
    assert [step for step in steps(faked) if "apply" in step] == []
    done = faked.run("up", typed="yes\nyes\nyes\n", APPROVE="")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Type yes to go on: ") == 3
    assert "Type" not in faked.run("up", APPROVE="").stdout, "where nothing changes, nothing is asked"
    assert not list(faked.product.glob("terraform/*/*.tfplan")), "a plan holds the state"


LOST = "azurerm_container_registry.this"


@pytest.mark.costly
@pytest.mark.parametrize(
    ("typed", "environment", "said"),
    [
        ("yes\n", {"APPROVE": ""}, "'yes' is not aks-goal-tracker, nothing of platform was changed: "),
        ("", {"APPROVE": ""}, "no answer was given, "),
        # Approved beforehand, nobody is asked.
        ("aks-goal-tracker\n", {}, "no answer was given, "),
        ("", {"CONFIRM": "yes"}, "'yes' is not aks-goal-tracker, "),
        ("aks-goal-tracker\n", {"APPROVE": ""}, ""),
        ("", {"CONFIRM": "aks-goal-tracker"}, ""),
    ],
)
def test_what_holds_data_or_an_address_is_destroyed_only_by_the_clusters_name(
    faked: Fakes, typed: str, environment: dict[str, str], said: str
) -> None:
    faked.run("up")
    world = faked.world["terraform"]
    faked.change(terraform={**world, "platform": [*world["platform"], LOST]})
    done = faked.run("up", typed=typed, **environment)
    assert f"This destroys {LOST} for good" in done.stdout
    assert (LOST in faked.world["terraform"]["platform"]) == bool(said)
    assert said in done.stderr
    assert not said or done.stderr.endswith("without a terminal run make up CONFIRM=aks-goal-tracker\n")
    assert done.returncode == bool(said)


def test_the_subject_that_github_presents_is_asked_once_and_kept(faked: Fakes) -> None:
    assert "commit it" in faked.run("up").stdout
    kept = faked.product / "terraform" / "platform" / "github.auto.tfvars"
    assert hcl2.loads(kept.read_text())["github_subject_prefix"].strip('"') == "repo:example-org@12/goal-tracker@34"
    assert len([call for call in faked.calls("gh") if "customization/sub" in call]) == 1
    faked.run("up")
    assert [call for call in faked.calls("gh") if "customization/sub" in call] == []


def locks(fakes: Fakes) -> list[Path]:
    return sorted(fakes.product.glob("terraform/*/.terraform.lock.hcl"))


def test_up_locks_the_providers_of_a_root_that_has_no_lock_file_and_says_to_commit_it(faked: Fakes) -> None:
    written = locks(faked)[0].read_text()
    locks(faked)[0].unlink()
    done = faked.run("up")
    assert done.returncode == 0, done.stderr
    assert "Wrote terraform/gitops/.terraform.lock.hcl: commit it, the pipeline needs the same." in done.stdout
    assert locks(faked)[0].read_text() == written
    [lock, *_] = [call for call in faked.calls("terraform") if " init" in call or " lock" in call]
    assert " providers lock -platform=darwin_amd64 " in lock, "before anything is made"
    assert "Wrote" not in faked.run("up").stdout
    assert all("-lockfile=readonly" in call for call in faked.calls("terraform") if " init" in call)


def test_up_names_the_cure_when_a_lock_file_does_not_fit(faked: Fakes) -> None:
    words = "locked provider registry.terraform.io/hashicorp/azurerm 4.9.0 does not match configured version constraint"
    faked.answer("terraform -chdir=terraform/platform init", status=1, stderr=f"Error: Failed to query\n\n{words}\n")
    failed = faked.run("up")
    unfit = "terraform/platform/.terraform.lock.hcl does not fit the versions that platform requires: remove it, run make lock"
    assert unfit in failed.stderr


def test_up_names_the_cure_when_a_package_is_not_the_one_that_is_locked(faked: Fakes) -> None:
    words = (
        "Error: Failed to install provider\n\nthe local package for it doesn't match any of the checksums previously\n"
    )
    faked.answer("terraform -chdir=terraform/platform init", status=1, stderr=words)
    failed = faked.run("up")
    assert "none that terraform/platform/.terraform.lock.hcl has a checksum of: run make lock" in failed.stderr


def test_up_shows_the_complaint_that_terraform_frames_and_colours(faked: Fakes) -> None:
    locks(faked)[0].unlink()
    frame = "\x1b[31m{}\x1b[0m\x1b[0m"
    words = f"{frame.format('╷')}\n{frame.format('│')} \x1b[1m\x1b[31mError: \x1b[0mCould not retrieve providers for locking\n"
    cause = (
        f"{frame.format('│')} \n{frame.format('│')} could not connect to\n{frame.format('│')} registry.terraform.io\n"
    )
    faked.answer("terraform -chdir=terraform/gitops providers", status=1, stderr=f"{words}{cause}{frame.format('╵')}\n")
    said = "Could not retrieve providers for locking: could not connect to registry.terraform.io"
    assert faked.run("up").stderr == f"up: Error: {said}\n"


def test_down_says_who_holds_the_lock_of_the_state(faked: Fakes) -> None:
    faked.run("up")
    words = (
        "Error: Error acquiring the state lock\n\nError message: state blob is already locked\nLock Info:\n  ID: 0a1b\n"
    )
    faked.answer("terraform -chdir=terraform/gitops state rm", status=1, stderr=words)
    failed = faked.run("down", CONFIRM="aks-goal-tracker")
    assert "Lock Info: ID: 0a1b; fix the cause and run make down again" in failed.stderr


def test_up_stops_when_github_does_not_tell_the_subject(faked: Fakes) -> None:
    faked.answer("gh api", status=1, stderr="gh: Not Found (HTTP 404)\n")
    failed = faked.run("up")
    assert failed.returncode == 1
    assert "push the repository, run gh auth login (gh: Not Found (HTTP 404))" in failed.stderr
    assert faked.calls("terraform") == []


def begin(faked: Fakes, folder: Path, command: str, step: str, **environment: str) -> subprocess.Popen[str]:
    """Begin a command, and wait until Terraform is at a step."""
    begun = folder / "begun"
    faked.answer(f"terraform -chdir=terraform/{step}", waits=str(begun))
    process = subprocess.Popen(
        [sys.executable, "scripts/from-template", command],
        cwd=faked.product,
        env={**faked.environment, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    until = time.monotonic() + 30
    while not begun.exists() and time.monotonic() < until:
        time.sleep(0.02)
    time.sleep(0.2)
    return process


def test_a_short_change_of_the_state_ends_by_itself_too(faked: Fakes, tmp_path: Path) -> None:
    """It holds the lock of the state: killed, it would leave it."""
    faked.run("up")
    process = begin(faked, tmp_path, "down", "gitops state rm", CONFIRM="aks-goal-tracker")
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert errors == "down: platform was interrupted: run make down again, it goes on from there\n"
    assert "terraform ended by itself" in faked.calls()


@pytest.mark.costly
@pytest.mark.parametrize("how", ["Ctrl-C", "to the command alone", "the terminal is closed", "nobody reads"])
def test_an_interrupted_run_lets_terraform_end_by_itself(faked: Fakes, tmp_path: Path, how: str) -> None:
    """Ctrl-C reaches the whole group; Terraform must not be killed while it writes its state."""
    process = begin(faked, tmp_path, "up", "platform apply")
    if how == "the terminal is closed":  # The shell says so, then the system.
        os.killpg(process.pid, signal.SIGHUP)
        os.killpg(process.pid, signal.SIGHUP)
        time.sleep(0.3)
        assert process.poll() is None
        os.killpg(process.pid, signal.SIGINT)
    elif how == "nobody reads":  # In `make up | tee log`, Ctrl-C ends tee too.
        assert process.stdout
        process.stdout.close()
        process.stdout = None
        os.killpg(process.pid, signal.SIGINT)
    elif how == "Ctrl-C":
        os.killpg(process.pid, signal.SIGINT)
    else:  # One that is sent to the command alone waits for the end of the step.
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        assert process.poll() is None
        os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "step 2 of 3, platform, was interrupted" in errors
    assert "make up goes on from there" in errors
    assert "terraform ended by itself" in faked.calls()


def test_ci_variables_sets_what_terraform_has_made(faked: Fakes) -> None:
    faked.run("up")
    faked.calls()
    done = faked.run("ci-variables")
    assert done.returncode == 0, done.stderr
    assert faked.world["variables"] == "AKS_CLUSTER=aks-goal-tracker\nAZURE_TENANT_ID=1111\n"
    assert "gh variable set --repo example-org/goal-tracker --env-file" in " ".join(faked.calls("gh"))


def test_every_environment_gets_its_own_cluster_in_order(faked_clusters: Fakes) -> None:
    done = faked_clusters.run("up")
    assert done.returncode == 0, done.stderr
    lines = [line.split("-chdir=terraform/")[1] for line in faked_clusters.calls("terraform")]
    planned = " plan -input=false -out=pipeline.tfplan"
    assert [line.replace(planned, "") for line in lines if planned in line] == [
        f"{root} {options}".strip()
        for root, options in (
            ("state", ""),
            ("registry", "-var-file=../platform/github.auto.tfvars"),
            ("platform", "-var-file=dev.tfvars"),
            ("gitops", "-var-file=dev.tfvars"),
            ("platform", "-var-file=prod.tfvars"),
            ("gitops", "-var-file=prod.tfvars"),
        )
    ]
    assert "gitops init -input=false -no-color -lockfile=readonly -backend-config=prod.azurerm.tfbackend" in lines
    assert sorted(faked_clusters.world["clusters"]) == ["dev", "prod"]
    assert "== step 5 of 6, platform of prod: " in done.stdout
    assert "--name aks-goal-tracker-prod" in done.stdout


def test_up_of_one_environment_leaves_the_others_alone(faked_clusters: Fakes) -> None:
    done = faked_clusters.run("up", "prod")
    assert done.returncode == 0, done.stderr
    assert sorted(faked_clusters.world["clusters"]) == ["prod"]
    assert faked_clusters.world["terraform"]["registry"]


@pytest.mark.parametrize("command", ["up", "down"])
def test_an_environment_that_is_not_there_is_refused_with_those_that_are(faked_clusters: Fakes, command: str) -> None:
    failed = faked_clusters.run(command, "staging")
    assert failed.returncode == 1
    assert failed.stderr == f"{command}: there is no environment 'staging': choose one of dev, prod\n"
    assert faked_clusters.calls() == []


@pytest.mark.parametrize("command", ["up", "down"])
def test_where_environments_share_a_cluster_none_can_be_chosen(faked: Fakes, command: str) -> None:
    """`make down ENV=dev` is not to remove all of them."""
    made = ("make", "--no-print-directory", "--dry-run", command)
    assert support.run(*made, "ENV=dev", cwd=faked.product).stdout == f'scripts/from-template {command} "dev"\n'
    # A variable of the shell: sh reads the file that it names.
    assert support.run("env", "ENV=.shrc", *made, cwd=faked.product).stdout == f"scripts/from-template {command} \n"
    failed = faked.run(command, "dev")
    assert (
        failed.stderr == f"{command}: all environments share one cluster: leave ENV=dev out, it is about all of them\n"
    )
    assert faked.calls() == []


def test_ci_variables_names_every_cluster_that_is_there_by_its_environment(faked_clusters: Fakes) -> None:
    faked_clusters.run("up", "dev")
    done = faked_clusters.run("ci-variables")
    assert done.returncode == 0, done.stderr
    assert "prod: nothing to tell yet" in done.stdout
    faked_clusters.run("up", "prod")
    done = faked_clusters.run("ci-variables")
    assert done.stdout == "Set AZURE_PUSH_CLIENT_ID, AZURE_TENANT_ID, CLUSTERS\n"
    variables = dict(line.split("=", 1) for line in faked_clusters.world["variables"].splitlines())
    assert variables["AZURE_PUSH_CLIENT_ID"] == "2222"
    clusters = json.loads(variables["CLUSTERS"])
    assert {name: cluster["AKS_CLUSTER"] for name, cluster in clusters.items()} == {
        "dev": "aks-goal-tracker-dev",
        "prod": "aks-goal-tracker-prod",
    }


def test_ci_variables_forgets_no_cluster_whose_state_is_not_reached(faked_clusters: Fakes) -> None:
    faked_clusters.run("up")
    away = "Error: Failed to get existing workspaces\n\ndial tcp: no such host\n"
    faked_clusters.answer("terraform … platform init … dev.azurerm.tfbackend", status=1, stderr=away)
    failed = faked_clusters.run("ci-variables")
    assert failed.returncode == 1
    assert "dev: Error: Failed to get existing workspaces: dial tcp: no such host" in failed.stderr
    assert "run make up" not in failed.stderr
    assert faked_clusters.world["variables"] == ""


def test_ci_variables_before_up_says_so(faked: Fakes) -> None:
    failed = faked.run("ci-variables")
    assert failed.returncode == 1
    assert "the environment deploy is missing: run make up" in failed.stderr


def test_the_subscription_is_the_one_that_az_shows(faked: Fakes) -> None:
    assert SUBSCRIPTION in faked.run("up").stdout


def plain(value: Any) -> Any:
    """What the HCL parser returns, without the quotes it keeps."""
    if isinstance(value, dict):
        return {str(name).strip('"'): plain(item) for name, item in value.items() if not str(name).startswith("__")}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value.strip('"') if isinstance(value, str) else value


@pytest.mark.costly
def test_the_settings_are_read_as_hcl_reads_them(product: Path) -> None:
    """Our small reader and a whole HCL parser agree on every file of values."""
    paths = sorted(product.glob("terraform/*/*.tfvars"))
    assert len(paths) >= 3
    reader = "import json, sys; from cloud import tfvars; print(json.dumps([tfvars.parse(open(path).read()) for path in sys.argv[1:]]))"
    done = support.run(sys.executable, "-c", reader, *paths, cwd=product / "scripts")
    assert done.returncode == 0, done.stderr
    for path, found in zip(paths, json.loads(done.stdout), strict=True):
        assert found == plain(hcl2.loads(path.read_text())), path
