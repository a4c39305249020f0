"""The pipeline makes the changes that were approved and no others, with the providers that are locked: run for real."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import support
from tests.terraform.toolchain import PLATFORMS, Terraform, mirror_of

Rendered = Callable[[str], Path]
ProgramOf = Callable[[Path], Terraform]
ANSWERS = "defaults"
# In place of what only Azure has: the storage of the state, and the cluster.
OVERRIDES = {
    "platform/backend_override.tf": 'terraform {\n  backend "local" {}\n}\n',
    "gitops/backend_override.tf": 'terraform {\n  backend "local" {}\n}\n',
    "gitops/platform_override.tf": """
data "terraform_remote_state" "platform" {
  backend = "local"
  config  = { path = "../platform/terraform.tfstate" }
}
""",
    "gitops/providers_override.tf": 'provider "helm" {\n  kubernetes = {\n    host = "https://cluster.invalid"\n  }\n}\n',
}
TAGS = "terraform/platform/providers.tf"


@dataclass
class Product:
    """A product that runs its scripts with the program it was made for."""

    folder: Path
    environment: dict[str, str]
    mirror: Path

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command in it."""
        return support.run(*command, cwd=self.folder, **{**self.environment, **environment})

    def lock(self) -> None:
        """Lock the providers."""
        done = self.run("make", "lock", f"ARGS=-fs-mirror={self.mirror}")
        assert done.returncode == 0, done.stdout + done.stderr

    def plan(self) -> str:
        """Plan as the pipeline does, and return the digest."""
        done = self.run("scripts/plan", "--digest", "digest")
        assert done.returncode == 0, done.stdout + done.stderr
        return (self.folder / "digest").read_text(encoding="utf-8").strip()

    def apply(self, digest: str) -> str:
        """Apply as the pipeline does, and return what it says is wrong."""
        done = self.run("scripts/apply", digest)
        said = done.stderr.strip()
        assert done.returncode == (1 if said else 0), done.stdout + said
        assert len(said.splitlines()) <= 1, said
        return said

    def state(self, root: str = "platform") -> str:
        """Return the state of a root; nothing where it has made nothing."""
        path = self.folder / "terraform" / root / "terraform.tfstate"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def edit(self, path: str, old: str, new: str) -> None:
        """Change a file."""
        text = (self.folder / path).read_text(encoding="utf-8")
        assert old in text
        (self.folder / path).write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def product(request: pytest.FixtureRequest, rendered: Rendered, program_of: ProgramOf, tmp_path: Path) -> Product:
    answers = getattr(request, "param", ANSWERS)
    folder = shutil.copytree(rendered(answers), tmp_path / "product")
    program = program_of(folder)
    if program.providers != "offline":
        pytest.skip("the real providers can't plan without an Azure subscription")
    (tmp_path / "bin").mkdir()
    name = "tofu" if (folder / ".opentofu-version").exists() else "terraform"
    (tmp_path / "bin" / name).symlink_to(program.command)
    environment = {
        **program.environment,
        "PATH": f"{tmp_path}/bin:{program.environment['PATH']}",
        "ARM_SUBSCRIPTION_ID": "none",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    for path, text in OVERRIDES.items():
        (folder / "terraform" / path).write_text(text, encoding="utf-8")
    return Product(folder, environment, mirror_of(program, tmp_path / "mirror"))


@pytest.mark.parametrize("product", [ANSWERS, "production-database-of-azure-with-opentofu"], indirect=True)
def test_make_lock_locks_every_root_for_all_platforms(product: Product) -> None:
    check = ("sh", "-c", "cd scripts && exec python3 -m cloud.locks")
    missing = product.run(*check)
    assert (missing.returncode, missing.stderr) == (
        1, "locks: terraform/gitops/.terraform.lock.hcl is missing: run make lock, then commit it\n"
    )  # fmt: skip
    product.lock()
    assert product.run(*check).returncode == 0
    locks = {path: path.read_text(encoding="utf-8") for path in product.folder.glob("terraform/*/.terraform.lock.hcl")}
    assert len(locks) == 3
    for text in locks.values():
        assert {body.count('"h1:') for body in text.split("provider ")[1:]} == {len(PLATFORMS)}
    support.git("init", "-q", cwd=product.folder)
    support.git("add", "-A", cwd=product.folder)
    assert support.git("ls-files", "terraform/*/.terraform.lock.hcl", cwd=product.folder).count("\n") == 2
    product.lock()
    assert all(path.read_text(encoding="utf-8") == text for path, text in locks.items())


@pytest.mark.parametrize(("old", "new"), [("5.2.0", "5.1.0"), ("hashicorp/azurerm", "hashicorp/null")])
def test_a_lock_file_that_does_not_fit_ends_a_plan_with_the_cure(product: Product, old: str, new: str) -> None:
    product.lock()
    product.edit("terraform/platform/.terraform.lock.hcl", old, new)
    done = product.run("scripts/plan")
    assert done.returncode == 1
    assert (
        "platform/.terraform.lock.hcl does not fit the versions that platform requires: remove it, run" in done.stderr
    )


@pytest.mark.parametrize("command", ["scripts/plan", "scripts/test-terraform"])
def test_a_provider_that_was_swapped_is_not_run(product: Product, command: str, tmp_path: Path) -> None:
    product.lock()
    swapped = tmp_path / "swapped"
    [ours] = re.findall(r'path = "(.*)"', Path(product.environment["TF_CLI_CONFIG_FILE"]).read_text(encoding="utf-8"))
    shutil.copytree(ours, swapped, copy_function=os.link)
    for package in swapped.glob("*/hashicorp/azurerm/*/*"):
        (package / "more").write_text("What the publisher did not sign.")
    (tmp_path / "terraform.rc").write_text(
        f'provider_installation {{\n  filesystem_mirror {{\n    path = "{swapped}"\n  }}\n}}\n'
    )
    done = product.run(command, TF_CLI_CONFIG_FILE=str(tmp_path / "terraform.rc"))
    assert done.returncode == 1
    assert "checksum" in done.stderr


@pytest.mark.parametrize("command", ["scripts/plan", "scripts/test-terraform"])
def test_the_pipeline_says_in_one_line_that_nothing_is_locked(product: Product, command: str) -> None:
    done = product.run(command)
    assert done.returncode == 1
    assert re.fullmatch(
        r"[\w.-]+: terraform/\w+/[.]terraform[.]lock[.]hcl is missing: run make lock, .*\n", done.stderr
    )


def test_what_was_approved_is_applied(product: Product) -> None:
    product.lock()
    first = product.plan()
    assert first.endswith("-none"), "Argo CD waits for the platform"
    assert "gitops: these are not the changes that were approved" in product.apply(first)
    assert "azurerm_kubernetes_cluster" in product.state()
    assert not product.state("gitops")
    assert product.apply(product.plan()) == ""
    assert "helm_release" in product.state("gitops")
    assert product.apply(product.plan()) == ""


@pytest.fixture
def made(product: Product) -> Product:
    """One whose platform and Argo CD are there."""
    product.lock()
    product.apply(product.plan())
    product.apply(product.plan())
    assert product.state("gitops")
    return product


def test_what_was_not_approved_is_not_applied(made: Product) -> None:
    before = made.state(), made.state("gitops")
    nothing = made.plan()
    made.edit(TAGS, "project = var.project_name", 'project = "another"')
    approved = made.plan()
    for digest, words in (
        (nothing, "platform: these are not the changes that were approved, none of them was made"),
        (approved.replace(approved[0], "0" if approved[0] != "0" else "1"), "platform: these are not"),
        ("", "'' is no digest of scripts/plan, so nothing was approved"),
    ):
        assert words in made.apply(digest)
        assert (made.state(), made.state("gitops")) == before
    assert made.apply(approved) == ""
    assert '"another"' in made.state()


def test_an_approval_of_before_another_apply_is_of_no_use(made: Product) -> None:
    made.edit(TAGS, "project = var.project_name", 'project = "older"')
    older = made.plan()
    made.edit(TAGS, '"older"', '"newer"')
    assert made.apply(made.plan()) == ""
    made.edit(TAGS, '"newer"', '"older"')
    assert "not the changes that were approved" in made.apply(older)
    assert '"older"' not in made.state()


def test_a_plan_that_somebody_left_there_is_not_applied(made: Product) -> None:
    """A saved plan is code: it could do anything with the rights of the job that applies it."""
    approved = made.plan()
    made.edit(TAGS, "project = var.project_name", 'project = "smuggled"')
    assert made.plan() != approved
    plan = made.folder / "terraform" / "platform" / "pipeline.tfplan"
    assert plan.exists()
    made.edit(TAGS, '"smuggled"', "var.project_name")
    assert made.apply(approved) == ""
    assert "smuggled" not in made.state()


def test_what_argo_cd_gets_from_the_platform_is_approved_too(made: Product) -> None:
    made.edit("terraform/platform/outputs.tf", "data.azurerm_client_config.current.tenant_id", '"another"')
    made.edit(
        "terraform/gitops/bootstrap.tf",
        "timeout   = 900",
        'timeout   = local.platform.tenant_id == "another" ? 901 : 900',
    )
    wanted = made.plan()
    assert "gitops: these are not the changes that were approved" in made.apply(wanted)
    assert "901" not in made.state("gitops")
    assert made.apply(made.plan()) == ""
    assert "901" in made.state("gitops")
