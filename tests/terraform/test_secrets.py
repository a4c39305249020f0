"""No secret is in a plan or a state: real plans and applies, with providers that reach nothing."""

import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests import support
from tests.terraform.roots import values_of
from tests.terraform.toolchain import Terraform

CANARY = "Canary0123456789abcdefABCDEF98"
GENERATED = re.compile(r"ephemeral\.random_password\.\w+(?:\[[^\]]+\])?\.result")
WITH_SECRETS = [
    name
    for name in support.VALID
    if (support.answers(name).get("database", "postgres") != "none" or support.answers(name).get("registry") == "ghcr")
    # What such a plan rests on, a cluster has to say, and the providers here ask none.
    and not {"cluster", "clusters"} & support.answers(name).get("existing", {}).keys()
]
# The nodes' identity, which AKS Automatic makes: the same of it.
KUBELET = 'locals {\n  kubelet_principal_id = "placeholder"\n}\n'

Rendered = Callable[[str], Path]
ProgramOf = Callable[[Path], Terraform]


@pytest.fixture
def platform(
    request: pytest.FixtureRequest, rendered: Rendered, program_of: ProgramOf, tmp_path: Path
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a subcommand in the platform's root, in a copy that keeps its state in a file."""
    product = rendered(request.param)
    program = program_of(product)
    if program.providers != "offline":
        pytest.skip("the real providers can't plan without an Azure subscription")
    program = replace(
        program,
        environment={**program.environment, "TF_VAR_canary": CANARY, "TF_VAR_registry_pull_token": CANARY},
    )
    shutil.copytree(product, tmp_path / "product")
    folder = tmp_path / "product" / "terraform" / "platform"
    (folder / "backend_override.tf").write_text('terraform {\n  backend "local" {}\n}\n', encoding="utf-8")

    if (folder / "automatic_kubelet.tf").exists():
        (folder / "kubelet_override.tf").write_text(KUBELET, encoding="utf-8")

    values_of(folder)[0].rename(folder / "terraform.tfvars")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return program.run(*arguments, "-no-color", cwd=folder)

    return run


@pytest.mark.parametrize("platform", WITH_SECRETS, indirect=True)
def test_no_password_is_in_plan_or_state(
    platform: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    folder = tmp_path / "product" / "terraform" / "platform"
    generated = 0
    for path in folder.glob("*.tf"):
        # A generated value can't be searched for; one that is as ephemeral and takes the same ways can.
        text, count = GENERATED.subn("var.canary", path.read_text(encoding="utf-8"))
        path.write_text(text, encoding="utf-8")
        generated += count
    (folder / "canary.tf").write_text('variable "canary" {\n  ephemeral = true\n}\n', encoding="utf-8")

    for command in (("init",), ("plan", "-out=tfplan"), ("apply", "tfplan")):
        done = platform(*command)
        assert done.returncode == 0, done.stdout
        assert CANARY not in done.stdout
    shown = platform("show", "-json", "tfplan").stdout
    state = (folder / "terraform.tfstate").read_text(encoding="utf-8")

    assert generated or "registry_pull_token" in shown
    assert "azurerm_key_vault_secret" in shown
    assert "azurerm_key_vault_secret" in state
    assert CANARY not in shown
    assert CANARY not in state
    with zipfile.ZipFile(folder / "tfplan") as plan:
        for name in plan.namelist():
            assert CANARY.encode() not in plan.read(name), name


@pytest.mark.parametrize("platform", ["defaults"], indirect=True)
def test_a_password_in_an_argument_that_is_kept_is_refused(
    platform: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    path = tmp_path / "product" / "terraform" / "platform" / "database_password.tf"
    text = path.read_text(encoding="utf-8")
    path.write_text(re.sub(r"value_wo( +)= ", r"value   \1= ", text, count=1), encoding="utf-8")

    assert platform("init").returncode == 0
    done = platform("plan")

    assert done.returncode == 1
    assert "Invalid use of ephemeral value" in done.stdout


@pytest.mark.parametrize("answers", support.VALID)
def test_what_is_secret_is_ephemeral_where_it_begins(answers: str, rendered: Rendered) -> None:
    """From there on Terraform refuses it in any argument that is kept, as the test above shows."""
    for path in rendered(answers).glob("terraform/*/*.tf"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r'^resource "(random_\w+|tls_\w+)"', text, re.M), path
        for name, body in re.findall(r'^variable "(\w+)" \{\n(.*?)^\}', text, re.M | re.DOTALL):
            if re.search(r"(password|secret|token|key)$", name):
                assert re.search(r"^  ephemeral += true$", body, re.M), f"{path}: {name}"


DATABASE = "database-of-azure"
# What `make down` does with the platform, once it has asked.
_DESTROY = """
from hooks.workstation.installation import azure, owner
owner.Owner(azure.Subscription("none", "none", "Enabled")).destroy(owner.PLATFORM)
"""


@pytest.mark.parametrize("platform", [DATABASE], indirect=True)
def test_only_make_down_deletes_the_database_server(
    platform: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path, program_of: ProgramOf
) -> None:
    product = tmp_path / "product"
    folder = product / "terraform" / "platform"
    for command in (("init",), ("apply", "-auto-approve")):
        done = platform(*command)
        assert done.returncode == 0, done.stdout

    refused = platform("destroy", "-auto-approve")
    assert refused.returncode == 1
    assert "prevent_destroy" in refused.stdout
    assert "azurerm_postgresql_flexible_server" in (folder / "terraform.tfstate").read_text(encoding="utf-8")

    program = program_of(product)
    done = subprocess.run(
        [sys.executable, "-c", _DESTROY],
        cwd=product,
        env={**program.environment, "PYTHONPATH": f"scripts:{support.ROOT}", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"resources": []' in (folder / "terraform.tfstate").read_text(encoding="utf-8")
    assert not (folder / "down_override.tf").exists()
