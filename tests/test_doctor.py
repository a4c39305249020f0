"""`make doctor`, with fakes of what it asks: every line that can fail, with its cure."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import fakes as fakes_of
from tests import support
from tests.fakes import Fakes, sku, usage
from tests.in_process import InProcess

TFVARS = "terraform/platform/terraform.tfvars"
FREE = {"nameAvailable": True}
TAKEN = {"nameAvailable": False, "reason": "AlreadyExists", "message": "The name is already in use."}
READER = {"value": [{"actions": ["*/read"], "notActions": []}]}
CONTRIBUTOR = {
    "value": [{"actions": ["*"], "notActions": ["Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write"]}]
}
TEMPLATE = "https://github.com/octocat/aks-gitops-template.git"


@pytest.fixture
def faked(pushed_product: Path, tmp_path: Path) -> Fakes:
    """A pushed product with fakes around it; what Argo CD watches is the bare repository beside it."""
    watched = "https://github.com/example-org/goal-tracker"
    support.git("config", f"url.{tmp_path}/remote.git.insteadOf", watched, cwd=pushed_product)
    support.git("config", "remote.origin.url", watched, cwd=pushed_product)
    # As a product has it that was not made from a folder.
    for name in (".copier-answers.yml", "scripts/updates/origin.yaml"):
        path = pushed_product / name
        path.write_text(re.sub("^_src_path: .*", f"_src_path: {TEMPLATE}", path.read_text(), flags=re.MULTILINE))
        support.git("update-index", "--assume-unchanged", name, cwd=pushed_product)
    # Somebody owns it; git need not know.
    (pushed_product / "CODEOWNERS").write_text("/clusters/ @example-org/platform\n")
    exclude = pushed_product / ".git" / "info" / "exclude"
    exclude.parent.mkdir(exist_ok=True)
    exclude.write_text("CODEOWNERS\n")
    return fakes_of.around(pushed_product, tmp_path / "fakes")


def lines(fakes: Fakes, state: str, **environment: str) -> list[str]:
    """Run doctor and return the lines of a state; no line may be an exception's."""
    done = fakes.run("doctor", **environment)
    assert "Traceback" not in done.stderr
    found = done.stdout.splitlines()
    assert all(re.match(r"(ok|warning|failure|skipped) +\S", line) for line in found), done.stdout
    assert done.returncode == (1 if any(line.startswith("failure") for line in found) else 0), done.stderr
    return [line for line in found if line.startswith(state)]


def deleted_vault(fakes: Fakes, **properties: object) -> list[dict[str, object]]:
    """A vault in the list of deleted ones, as az prints it."""
    name = re.findall(r'^key_vault_name = "(.*)"', (fakes.product / TFVARS).read_text(), re.MULTILINE)[0]
    given: dict[str, object] = {
        "vaultId": f"/subscriptions/2/resourceGroups/rg-aks-goal-tracker/providers/Microsoft.KeyVault/vaults/{name}",
        "location": "westeurope",
        "deletionDate": "2026-11-20T10:00:00+00:00",
        "scheduledPurgeDate": "2027-02-18T10:00:00+00:00",
        "purgeProtectionEnabled": None,
        **properties,
    }
    return [{"name": name, "properties": given, "type": "Microsoft.KeyVault/deletedVaults"}]


def test_a_machine_with_everything_gets_only_good_lines(faked: Fakes) -> None:
    done = faked.run("doctor")
    assert done.returncode == 0, done.stdout
    assert {line.split()[0] for line in done.stdout.splitlines()} == {"ok"}
    for words in ("terraform 1.17.0", "az 2.91.0", "kubelogin 0.2.22", "you may assign roles", "all 10 registered"):
        assert words in done.stdout
    for words in ("takes its default, 1.36", "offers Standard_D2ads_v5", "100 of 100 free", "main is pushed"):
        assert words in done.stdout


def test_doctor_finds_nothing_wrong_after_up_either(faked: Fakes) -> None:
    fakes_of.installed(faked)
    for words in (
        "az storage account check-name",
        "az acr check-name",
        "az rest --method post … /checkNameAvailability",
    ):
        faked.answer(words, json=TAKEN)
    found = lines(faked, "")
    assert {line.split()[0] for line in found} == {"ok"}
    assert len([line for line in found if "is ours" in line]) == 4


@pytest.mark.parametrize(
    ("state", "old", "new", "words"),
    [
        ("warning", None, "", "is missing, which the pipeline needs: make up or make lock writes it, commit it"),
        (
            "failure",
            '    "h1:4=",\n',
            "",
            "has checksums of registry.terraform.io/hashicorp/azurerm for 4 of 5 platforms",
        ),
    ],
)
def test_a_lock_file_that_is_missing_or_incomplete_is_one_line(
    faked: Fakes, state: str, old: str | None, new: str, words: str
) -> None:
    lock = faked.product / "terraform" / "gitops" / ".terraform.lock.hcl"
    if old is None:
        lock.unlink()
    else:
        lock.write_text(lock.read_text().replace(old, new, 1))
    [line] = lines(faked, state)
    assert f"providers: terraform/gitops/.terraform.lock.hcl {words}" in line
    assert "make lock" in line


def test_doctor_changes_nothing(faked: Fakes) -> None:
    before = {path: path.read_bytes() for path in support.files(faked.product)}
    faked.run("doctor")
    assert {path: path.read_bytes() for path in support.files(faked.product)} == before
    assert support.git("status", "--porcelain", cwd=faked.product) == ""
    changing = re.compile(r" (create|delete|set|add|update|register|apply|destroy|init|put|patch|purge|recover)( |$)")
    assert [line for line in faked.calls() if changing.search(line)] == []


def test_without_a_sign_in_what_azure_knows_is_one_skipped_line(faked: Fakes) -> None:
    faked.answer("az account show", status=1, stderr="ERROR: Please run 'az login' to setup account.\n")
    done = faked.run("doctor").stdout.splitlines()
    assert [line for line in done if line.startswith("failure")] == [
        "failure  Azure: not signed in: run az login, then az account set --subscription NAME"
    ]
    assert len([line for line in done if line.startswith("skipped")]) == 1
    assert {line for line in faked.calls("az") if "account" not in line} == {"az version"}


@pytest.mark.costly
@pytest.mark.parametrize("program", ["az", "gh", "git", "kubectl", "kubelogin", "terraform"])
def test_a_missing_program_is_one_failure_that_says_where_it_is_from(faked: Fakes, program: str) -> None:
    faked.remove(program)
    [missing] = lines(faked, "failure")
    assert f"{program}: not on PATH: install " in missing
    assert re.search(r"install \d\S* or newer, see https://", missing)


# What is answered to which question, and the line that comes of it.
WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("terraform version", {"stdout": "Terraform v1.9.8\n"}, "terraform: 1.9.8 is too old: install 1.11 or newer, see"),
    ("az version", {"json": {"azure-cli": "2.49.0"}}, "az: 2.49.0 is too old: install 2.50 or newer, see"),
    ("kubectl version", {"stdout": "Client Version: v1.30.2\n"}, "kubectl: 1.30.2 is too old: install 1.35"),
    ("kubelogin --version", {"stdout": "git hash: v0.0.34/x\n"}, "kubelogin: 0.0.34 is too old: install 0.1"),
    ("gh --version", {"stdout": "gh version 2.20.0 (2022-11-15)\n"}, "gh: 2.20.0 is too old: install 2.32"),
    ("kubectl version", {"stdout": "none\n"}, "kubectl: does not tell its version: install"),
    ("kubelogin --version", {"status": 127, "stderr": "bad library\n"}, "does not run (bad library): install"),
    (
        "az account get-access-token",
        {"status": 1, "stderr": "ERROR: AADSTS70043: The refresh token has expired\n"},
        "Azure: the sign-in has run out (ERROR: AADSTS70043: The refresh token has expired): run az login",
    ),
    (
        "az account show",
        {"json": {"id": "2", "name": "Old", "state": "Disabled"}},
        "Azure: the subscription Old is Disabled: choose another with az account set",
    ),
    (
        "az account show",
        {"json": {"id": "2", "name": "Gov", "state": "Enabled", "environmentName": "AzureUSGovernment"}},
        "Azure: az is signed in to AzureUSGovernment, and this repository is for Azure's public cloud: run az cloud set --name AzureCloud",
    ),
    (
        "az rest --method get … /permissions",
        {"json": READER},
        "rights: you may not assign roles in the subscription: ask an owner",
    ),
    ("az rest --method get … /permissions", {"json": READER}, "rights: you may not make resource groups"),
    (
        "az rest --method get … /permissions",
        {"json": CONTRIBUTOR},
        "rights: you may not assign roles in the subscription",
    ),
    (
        "az rest --method get … /permissions",
        {"status": 1, "stderr": "ERROR: Forbidden\n"},
        "rights: Azure does not say (ERROR: Forbidden)",
    ),
    ("az vm list-skus", {"json": []}, "machines: westeurope does not have Standard_D2ads_v5: choose another vm_size"),
    (
        "az vm list-skus",
        {
            "json": [
                sku(
                    "Standard_D2ads_v5",
                    restrictions=[{"type": "Location", "reasonCode": "NotAvailableForSubscription"}],
                )
            ]
        },
        "machines: westeurope does not offer Standard_D2ads_v5 to this subscription: choose another vm_size",
    ),
    (
        "az vm list-skus",
        {"json": [sku("Standard_D2ads_v5", capabilities=[{"name": "EphemeralOSDiskSupported", "value": "False"}])]},
        "Standard_D2ads_v5 has no local disk for the system: choose one with a temporary disk",
    ),
    (
        "az vm list-skus",
        {"json": [sku("Standard_D2ads_v5", 1)]},
        "the local disk of Standard_D2ads_v5 has 37 GiB, not 64: lower os_disk_size_gb",
    ),
    (
        "az vm list-usage",
        {"json": [usage("cores", 4, 0), usage("standardDADSv5Family", 100)]},
        "quota: cores in westeurope: 4 of 4 free, the smallest cluster needs 6: ask for more under Usage + quotas",
    ),
    (
        "az vm list-usage",
        {"json": [usage("cores", 100), usage("standardDADSv5Family", 10, 5)]},
        "quota: standardDADSv5Family in westeurope: 5 of 10 free, the smallest cluster needs 6: ask for more",
    ),
    ("az vm list-usage", {"status": 1, "stderr": "ERROR: busy\n"}, "machines: Azure does not say (ERROR: busy)"),
    ("az storage account check-name", {"json": TAKEN}, "or answer `names` with another state_storage: Names and tags"),
    (
        "az acr check-name",
        {"json": TAKEN},
        "choose the subscription that has it, or answer another registry_name: make",
    ),
    (
        "az rest --method post … /checkNameAvailability",
        {"json": TAKEN},
        "is taken, by another subscription: choose the subscription that has it",
    ),
    (
        "gh auth status --hostname github.com",
        {"status": 1, "stderr": "You are not logged in\n"},
        "GitHub: not signed in: run gh auth login",
    ),
    (
        "gh api … .permissions.push",
        {"status": 1, "stderr": "gh: Not Found (HTTP 404)\n"},
        "example-org/goal-tracker can't be seen (gh: Not Found (HTTP 404)): push the repository, or run gh auth login",
    ),
    ("gh api … .permissions.push", {"stdout": "false\n"}, "GitHub: no write access to example-org/goal-tracker"),
    (
        "gh variable list",
        {"status": 1, "stderr": "HTTP 403: Resource not accessible by personal access token\n"},
        "can't be read (HTTP 403: Resource not accessible by personal access token): run gh auth refresh --scopes repo",
    ),
]


# One that keeps doctor from asking others.
_SHADOWS = ("az account", "az vm list-skus", "gh auth", "gh api")


def worlds() -> list[list[tuple[str, dict[str, Any], str]]]:
    """Share the wrong answers out over as few runs as can hold them: doctor goes on after a failure."""
    found: list[list[tuple[str, dict[str, Any], str]]] = []
    for one in WRONG:
        key = next((start for start in _SHADOWS if one[0].startswith(start)), one[0]).split()[0:2]
        alone = one[0].startswith("az account")
        for world in found:
            taken = [other[0] for other in world]
            clash = any(other.split()[0:2] == key or (key[0] == "gh" and other.startswith("gh ")) for other in taken)
            if not clash and not alone and not any(other.startswith("az account") for other in taken):
                world.append(one)
                break
        else:
            found.append([one])
    return found


@pytest.mark.costly
@pytest.mark.parametrize("world", worlds(), ids=lambda world: str(len(world)))
def test_what_is_wrong_is_a_failure_with_its_cure(faked: Fakes, world: list[tuple[str, dict[str, Any], str]]) -> None:
    for asked, how, _ in world:
        faked.answer(asked, **how)
    done = faked.run("doctor")
    assert done.returncode == 1, done.stdout
    failed = [line for line in done.stdout.splitlines() if line.startswith("failure")]
    for _, _, words in world:
        assert [line for line in failed if words in line], (words, done.stdout)
    # It goes on: the last thing that is checked, or said to be skipped, is still there.
    assert re.search(r"names|no sign-in", done.stdout.splitlines()[-1]), done.stdout


def test_a_name_of_ours_in_another_resource_group_is_a_failure(faked: Fakes) -> None:
    faked.answer("az resource list … containerregistry", json=[{"name": "x", "resourceGroup": "rg-other"}])
    [found] = lines(faked, "failure")
    assert "is in the resource group rg-other, not in rg-aks-goal-tracker: remove it, or answer" in found


def test_the_key_that_git_signs_in_with_here_is_the_one_that_doctor_uses(faked: Fakes, tmp_path: Path) -> None:
    ssh = tmp_path / "ssh"
    ssh.write_text(f'#!/bin/sh\n[ "$1 $2" = "-i work" ] && exec git upload-pack {tmp_path}/remote.git\n')
    ssh.chmod(0o755)
    support.git("config", "remote.origin.url", "git@github.com:example-org/goal-tracker.git", cwd=faked.product)
    assert "can't be reached" in lines(faked, "failure")[0]
    assert lines(faked, "failure", GIT_SSH_COMMAND=f"{ssh} -i work") == []
    support.git("config", "core.sshCommand", f"{ssh} -i work", cwd=faked.product)
    assert lines(faked, "failure") == []


def test_a_private_repository_is_not_public_by_what_a_person_has_at_home(faked: Fakes, tmp_path: Path) -> None:
    """Git reads the address as another there, or finds a password."""
    watched = "https://github.com/example-org/goal-tracker"
    support.git("config", "--unset-all", f"url.{tmp_path}/remote.git.insteadOf", cwd=faked.product)
    support.git("config", f"url.{tmp_path}/none.git.insteadOf", watched, cwd=faked.product)
    support.git("config", "remote.origin.url", f"{tmp_path}/remote.git", cwd=faked.product)
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(f'[url "{tmp_path}/remote.git"]\n\tinsteadOf = {watched}\n')
    found = lines(faked, "", HOME=str(home))
    assert not [line for line in found if "it is public" in line]
    assert [line for line in found if "can't be read without signing in" in line]


def test_an_address_that_no_host_has_is_told_as_such(faked: Fakes) -> None:
    support.git("config", "remote.origin.url", "git@ssh.dev.azure.com:foo", cwd=faked.product)
    assert "origin is git@ssh.dev.azure.com:foo, but Argo CD watches https://" in lines(faked, "warning")[0]


@pytest.mark.parametrize("said", ["", "A new version is there.\n{}\n"])
def test_an_az_that_does_not_answer_is_not_taken_for_a_missing_sign_in(faked: Fakes, said: str) -> None:
    faked.answer("az account show", stdout=said)
    [found] = lines(faked, "failure")
    assert found == "failure  Azure: az account show printed something that is not JSON: run it to see what"
    assert faked.run("up").stderr.startswith("up: az account show printed something that is not JSON: run it")


def test_a_short_name_for_the_host_is_the_same_address(faked: Fakes) -> None:
    """As `url.https://github.com/.insteadOf=gh:` gives it."""
    support.git("config", "url.https://github.com/.insteadOf", "gh:", cwd=faked.product)
    support.git("config", "remote.origin.url", "gh:example-org/goal-tracker", cwd=faked.product)
    assert not [line for line in lines(faked, "warning") if "but Argo CD watches" in line]


def test_a_quota_for_the_smallest_cluster_only_is_a_warning(faked: Fakes) -> None:
    faked.answer("az vm list-usage", json=[usage("cores", 8), usage("standardDADSv5Family", 100)])
    [found] = lines(faked, "warning")
    assert "8 of 8 free, the cluster at its largest needs 20: ask for more" in found


def test_what_the_cluster_itself_uses_does_not_count_against_it(faked: Fakes) -> None:
    fakes_of.installed(faked)
    faked.answer("az vm list-usage", json=[usage("cores", 20, 6), usage("standardDADSv5Family", 20, 6)])
    assert {line.split()[0] for line in lines(faked, "")} == {"ok"}


def test_zones_that_a_size_is_not_in_are_named(faked: Fakes) -> None:
    path = faked.product / TFVARS
    path.write_text(path.read_text().replace("zones = []", 'zones = ["1", "3"]'))
    limited = [{"type": "Zone", "restrictionInfo": {"zones": ["3"]}, "reasonCode": "NotAvailableForSubscription"}]
    faked.answer("az vm list-skus", json=[sku("Standard_D2ads_v5", restrictions=limited)])
    [found] = lines(faked, "failure")
    assert 'Standard_D2ads_v5 is not in zone 3 of westeurope: set zones to ["1", "2"] in terraform/' in found


def test_a_kubernetes_version_that_is_not_offered_is_named_with_those_that_are(faked: Fakes) -> None:
    path = faked.product / TFVARS
    path.write_text(path.read_text() + '\nkubernetes_version = "1.31"\n')
    [found] = lines(faked, "failure")
    assert "westeurope does not offer 1.31: set kubernetes_version" in found
    assert found.endswith("to one of 1.36, 1.37")


def test_providers_that_are_not_registered_are_make_ups_work(faked: Fakes) -> None:
    faked.answer("az provider list", json=[{"name": "Microsoft.Compute", "state": "Registered"}])
    [found] = [line for line in lines(faked, "ok") if "resource providers" in line]
    assert "make up registers Microsoft.Authorization, Microsoft.ContainerRegistry" in found


def test_an_empty_subscription_that_says_nothing_of_names_does_not_stop_make_up(faked: Fakes) -> None:
    refused = (
        "(MissingSubscriptionRegistration) The subscription is not registered to use namespace 'Microsoft.KeyVault'."
    )
    asked = ("az rest --method post … /checkNameAvailability", "az acr check-name", "az keyvault list-deleted")
    for words in (*asked, "az storage account check-name", "az aks get-versions"):
        faked.answer(words, status=1, stderr=refused)
    assert lines(faked, "failure") == []
    assert sum("Azure says" in line for line in lines(faked, "ok")) == 5


def test_providers_that_you_may_not_register_are_a_failure(faked: Fakes) -> None:
    faked.answer("az provider list", json=[])
    faked.answer("az rest --method get … /permissions", json=READER)
    [found] = [line for line in lines(faked, "failure") if "resource providers" in line]
    assert "have an owner run az provider register --namespace Microsoft.Authorization; az provider" in found


def test_a_vault_that_down_deleted_is_recovered_by_up(faked: Fakes) -> None:
    faked.answer("az keyvault list-deleted", json=deleted_vault(faked, purgeProtectionEnabled=True))
    faked.answer("az rest --method post … /checkNameAvailability", json=TAKEN)
    assert [line for line in lines(faked, "ok") if "is deleted; make up recovers it" in line]


@pytest.mark.parametrize(
    ("properties", "cure"),
    [
        ({"location": "northeurope"}, "az keyvault purge --name"),
        ({"location": "northeurope", "purgeProtectionEnabled": True}, "wait until 2027-02-18"),
    ],
)
def test_a_vault_deleted_elsewhere_blocks_its_name(faked: Fakes, properties: dict[str, object], cure: str) -> None:
    faked.answer("az keyvault list-deleted", json=deleted_vault(faked, **properties))
    [found] = lines(faked, "failure")
    assert "was deleted elsewhere" in found
    assert cure in found


def test_an_unknown_form_of_an_answer_does_not_stop_doctor(faked: Fakes) -> None:
    faked.answer("az aks get-versions", json={"orchestrators": []})
    [found] = lines(faked, "warning")
    assert "Kubernetes version: Azure answers in an unknown form" in found


def test_a_subject_that_github_no_longer_presents_is_a_failure(faked: Fakes) -> None:
    path = faked.product / "terraform" / "platform" / "github.auto.tfvars"
    path.write_text('github_subject_prefix = "repo:example-org/goal-tracker"\n')
    [found] = [line for line in lines(faked, "failure") if "environment" not in line]
    assert "presents repo:example-org@12/goal-tracker@34" in found
    assert "remove terraform/platform/github.auto.tfvars and run make up, then commit it" in found


def git(faked: Fakes, *arguments: str) -> None:
    support.git(*arguments, cwd=faked.product)


def test_commits_that_are_not_pushed_are_a_failure(faked: Fakes) -> None:
    git(faked, "commit", "-q", "--allow-empty", "-m", "Mine")
    [found] = lines(faked, "failure")
    assert found.endswith("main has commits that are not pushed: git push origin main")


def test_a_branch_that_is_behind_is_a_warning(faked: Fakes) -> None:
    git(faked, "commit", "-q", "--allow-empty", "-m", "Theirs")
    git(faked, "push", "-q", "origin", "main")
    git(faked, "reset", "-q", "--soft", "HEAD~1")
    [found] = lines(faked, "warning")
    assert found.endswith("main here is behind origin: git pull")


def test_changes_that_are_not_committed_are_a_warning(faked: Fakes) -> None:
    (faked.product / "README.md").write_text("mine\n")
    [found] = lines(faked, "warning")
    assert "not committed: commit them: Argo CD sees what is pushed" in found


def test_a_repository_without_a_remote_is_told_its_address(faked: Fakes) -> None:
    git(faked, "remote", "remove", "origin")
    [found] = lines(faked, "failure")
    assert "there is no remote origin: git remote add origin https://github.com/example-org/goal-tracker" in found


def test_a_folder_without_git_is_told_to_begin(faked: Fakes) -> None:
    (faked.product / ".git").rename(faked.folder / "elsewhere")
    [found] = lines(faked, "failure")
    assert "this is no Git repository yet: git init -b main && git add --all && git commit -m Begin" in found


def test_a_remote_without_the_branch_is_told_to_push(faked: Fakes) -> None:
    git(faked, "push", "-q", "origin", "main:other")
    git(faked, "--git-dir", str(faked.folder.parent / "remote.git"), "update-ref", "-d", "refs/heads/main")
    [found] = lines(faked, "failure")
    assert "has no branch main: git push -u origin main" in found


def test_a_default_branch_that_is_not_the_one_of_deployments_is_a_warning(faked: Fakes) -> None:
    git(faked, "push", "-q", "origin", "main:other")
    git(faked, "--git-dir", str(faked.folder.parent / "remote.git"), "symbolic-ref", "HEAD", "refs/heads/other")
    [found] = lines(faked, "warning")
    assert "is other: schedules and runs by hand begin there: make main the default branch on its host" in found


def test_a_remote_that_can_not_be_reached_is_a_failure(faked: Fakes) -> None:
    git(faked, "config", "remote.origin.url", str(faked.folder / "nowhere.git"))
    [found] = lines(faked, "failure")
    assert "can't be reached (fatal:" in found
    assert "then git push -u origin main" in found


def test_another_remote_than_argo_cd_watches_is_a_warning(faked: Fakes) -> None:
    git(faked, "config", "remote.origin.url", str(faked.folder.parent / "remote.git"))
    [found] = lines(faked, "warning")
    assert "but Argo CD watches https://github.com/example-org/goal-tracker: git remote set-url origin" in found


@pytest.mark.parametrize(
    "written", ["git@github.com:example-org/goal-tracker.git", "ssh://git@github.com/Example-Org/goal-tracker"]
)
def test_the_same_repository_over_ssh_is_the_same(faked: Fakes, written: str) -> None:
    git(faked, "config", "--add", f"url.{faked.folder.parent}/remote.git.insteadOf", written)
    git(faked, "config", "remote.origin.url", written)
    assert {line.split()[0] for line in lines(faked, "")} == {"ok"}


def test_a_private_repository_is_a_warning_that_argo_cd_needs_a_credential(faked: Fakes) -> None:
    remote = str(faked.folder.parent / "remote.git")
    git(faked, "config", "remote.origin.url", remote)
    git(faked, "config", "--unset-all", f"url.{remote}.insteadOf")
    git(faked, "config", f"url.{faked.folder}/nowhere.git.insteadOf", "https://github.com/example-org/goal-tracker")
    found = lines(faked, "warning")
    assert [line for line in found if "can't be read without signing in: if it is private, give Argo CD" in line]


def test_values_that_can_not_be_read_are_named(faked: Fakes) -> None:
    path = faked.product / TFVARS
    path.write_text(path.read_text() + "zones = concat([], [])\n")
    assert [line for line in lines(faked, "failure") if f"settings: {TFVARS}: " in line]


def test_every_cluster_is_looked_at_and_what_they_share_once(faked_clusters: Fakes) -> None:
    found = "\n".join(lines(faked_clusters, "ok"))
    for name in ("kv-dev-goal-track", "kv-prod-goal-trac"):
        assert re.search(rf"names: Key Vault {name}-[0-9a-f]{{6}} is free", found), found
    for once in (
        "names: storage account st",
        "names: registry",
        "machines: westeurope offers",
        "Kubernetes: westeurope",
    ):
        assert found.count(once) == 1, once


def test_the_quota_must_hold_all_clusters(faked_clusters: Fakes) -> None:
    # Either cluster alone would fit: 3 machines of 2 cores each.
    faked_clusters.answer("az vm list-usage", json=[usage("cores", 11), usage("standardDADSv5Family", 100)])
    [line] = [line for line in lines(faked_clusters, "failure") if "quota" in line]
    assert "11 of 11 free, the smallest 2 clusters need 12" in line
    assert "lower min_count in terraform/platform/dev.tfvars, terraform/platform/prod.tfvars" in line


def test_aks_automatic_is_asked_for_its_version_and_not_for_sizes(
    rendered: Callable[[str], Path], tmp_path: Path
) -> None:
    product = shutil.copytree(rendered("automatic"), tmp_path / "product")
    faked = fakes_of.around(product, tmp_path / "fakes")
    found = "\n".join(lines(faked, "ok"))
    assert "Kubernetes: AKS Automatic takes 1.36 in westeurope, one version behind the newest" in found
    assert "machines" not in found
    assert "quota" not in found
    faked.answer("az aks get-versions", json={"values": [{"version": "1.36"}, {"version": "1.35"}]})
    [line] = [line for line in lines(faked, "failure") if "Kubernetes" in line]
    assert "AKS Automatic takes 1.35 in westeurope, not 1.36, which add-ons need: choose another region" in line


def test_a_registry_of_all_clusters_is_expected_in_its_own_group(faked_clusters: Fakes) -> None:
    faked_clusters.run("up")
    assert any("registry exampleorggoaltracker is ours" in line for line in lines(faked_clusters, "ok"))


def test_a_size_that_is_not_offered_is_mended_in_the_file_of_its_cluster(faked_clusters: Fakes) -> None:
    path = faked_clusters.product / "terraform" / "platform" / "prod.tfvars"
    path.write_text(path.read_text().replace("Standard_D2ads_v5", "Standard_X9"), encoding="utf-8")
    found = lines(faked_clusters, "failure")
    assert any(
        "does not have Standard_X9: choose another vm_size in terraform/platform/prod.tfvars" in one for one in found
    )


ACCOUNT = {"kind": "ServiceAccount", "namespace": "jenkins", "name": "changes"}
BINDINGS = {
    "gives pods of change requests the role admin": (
        "rolebindings",
        {"kind": "RoleBinding", "metadata": {"name": "x", "namespace": "default"}},
        {"kind": "ServiceAccount", "namespace": "jenkins-changes", "name": "default"},
    ),
    "gives pods of change requests the role admin ": (
        "clusterrolebindings",
        {"kind": "ClusterRoleBinding", "metadata": {"name": "x"}},
        {"kind": "Group", "name": "system:serviceaccounts:jenkins-changes"},
    ),
    "gives the account changes rights in jenkins-release": (
        "rolebindings",
        {"kind": "RoleBinding", "metadata": {"name": "x", "namespace": "jenkins-release"}},
        ACCOUNT,
    ),
    "gives the account changes rights in every namespace": (
        "clusterrolebindings",
        {"kind": "ClusterRoleBinding", "metadata": {"name": "x"}},
        ACCOUNT,
    ),
}


@pytest.fixture
def on_jenkins(in_process: InProcess, tmp_path: Path) -> Fakes:
    """A product of Jenkins with fakes around it, and a cluster where everything is as Terraform makes it."""
    in_process.render(support.answers("jenkins-with-acr-on-gitlab"), tmp_path / "product")
    faked = fakes_of.around(tmp_path / "product", tmp_path / "fakes")
    own = {"kind": "RoleBinding", "metadata": {"name": "agents", "namespace": "jenkins-changes"}}
    default = {"metadata": {"name": "default", "namespace": "jenkins-changes"}}
    cluster(faked, rolebindings=[{**own, "subjects": [ACCOUNT]}], clusterrolebindings=[], serviceaccounts=[default])
    return faked


def cluster(faked: Fakes, **found: list[dict[str, Any]]) -> None:
    for kind, items in found.items():
        faked.answer(f"kubectl get {kind}", json={"items": items})


def of_jenkins(faked: Fakes) -> list[str]:
    return [line for line in faked.run("doctor").stdout.splitlines() if "Jenkins: " in line]


def test_accounts_of_jenkins_that_start_pods_in_one_namespace_are_fine(on_jenkins: Fakes) -> None:
    [found] = of_jenkins(on_jenkins)
    assert found.startswith("ok ")


@pytest.mark.parametrize("words", BINDINGS)
def test_a_right_that_an_account_of_jenkins_should_not_have_is_a_failure(on_jenkins: Fakes, words: str) -> None:
    kind, binding, subject = BINDINGS[words]
    cluster(on_jenkins, **{kind: [{**binding, "subjects": [subject], "roleRef": {"name": "admin"}}]})
    [found] = of_jenkins(on_jenkins)
    assert found.startswith("failure ")
    assert words.strip() in found


def test_an_account_that_branches_could_run_as_is_a_failure(on_jenkins: Fakes) -> None:
    names = ("default", "push")
    cluster(
        on_jenkins,
        serviceaccounts=[{"metadata": {"name": name, "namespace": "jenkins-changes"}} for name in names],
    )
    [found] = of_jenkins(on_jenkins)
    assert "any branch can run as the service account push" in found


def test_a_cluster_without_the_namespaces_is_said(on_jenkins: Fakes) -> None:
    cluster(on_jenkins, serviceaccounts=[])
    [found] = of_jenkins(on_jenkins)
    assert found.startswith("skipped ")
    on_jenkins.answer("kubectl get serviceaccounts", status=1, stderr="no context exists\n")
    [found] = of_jenkins(on_jenkins)
    assert "kubectl does not reach" in found


@pytest.mark.parametrize("address", ["/home/me/template", "../template"])
def test_a_template_that_is_a_folder_is_a_warning_that_no_pipeline_finds_it(address: str, faked: Fakes) -> None:
    path = faked.product / "scripts/updates/origin.yaml"
    path.write_text(path.read_text().replace(TEMPLATE, address))
    [found] = lines(faked, "warning")
    assert f"template: {address} is a folder of one machine, no pipeline can update from it" in found
    assert "write the address of its server into .copier-answers.yml and scripts/updates/origin.yaml" in found


def test_files_that_rule_the_cluster_and_have_no_owner_are_a_warning(faked: Fakes) -> None:
    (faked.product / "CODEOWNERS").unlink()
    [found] = lines(faked, "warning")
    assert (
        "nobody owns clusters/, terraform/ and scripts/: whoever may merge rules the cluster: add a file CODEOWNERS"
        in found
    )


@pytest.mark.parametrize(("required", "state"), [("true", "failure"), ("false", "warning")])
def test_a_missing_key_for_proposals_is_found_where_it_is_missing(faked: Fakes, required: str, state: str) -> None:
    faked.answer("gh secret list … --env template-update", stdout="OTHER\n")
    faked.answer("gh api … required_status_checks", stdout=f"{required}\n")
    [found] = lines(faked, state)
    assert "GitHub: PROPOSALS_KEY is missing in template-update: checks of what the pipeline proposes wait" in found
    assert found.endswith(": A token for proposals, in README.md")


NOT_FOUND = {"status": 1, "stderr": "gh: Branch not protected (HTTP 404)\n"}


@pytest.mark.parametrize(
    ("rules", "protection", "state"),
    [
        ({"stdout": "true\n"}, NOT_FOUND, "ok"),
        ({"stdout": "false\n"}, {"stdout": "true\n"}, "ok"),
        ({"stdout": "false\n"}, {"stdout": "false\n"}, "warning"),
        ({"stdout": "false\n"}, NOT_FOUND, "warning"),
        (NOT_FOUND, NOT_FOUND, "skipped"),
    ],
)
def test_whether_main_requires_the_review_of_owners_is_asked_of_rules_and_of_protection(
    faked: Fakes, rules: dict[str, Any], protection: dict[str, Any], state: str
) -> None:
    faked.answer("gh api … require_code_owner_review", **rules)
    faked.answer("gh api … /protection --jq .required_pull_request_reviews", **protection)
    [found] = [line for line in lines(faked, "") if "code owners" in line]
    assert found.startswith(state)
