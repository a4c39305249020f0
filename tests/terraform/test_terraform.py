"""Every product's Terraform code is formatted, valid, and passes the template's tests of it."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hcl2
import pytest
import yaml

from tests import runner, support
from tests.terraform import toolchain
from tests.terraform.roots import PLANS, Outcome, Selection, roots_of, values_of
from tests.terraform.toolchain import Terraform
from tests.terraform.tools import MODULES

VALUE_KEYS = Path(__file__).parent / "argo-cd-chart-10.1.1-value-keys.txt"

# Of the chart redis-ha that it brings along: https://github.com/DandyDeveloper/charts/blob/master/charts/redis-ha/values.yaml
CACHE_KEYS = tuple(
    f"redis-ha.{key}"
    for key in (
        *(
            f"{part}.resources"
            for part in ("haproxy", "haproxy.init", "init", "redis", "sentinel", "splitBrainDetection")
        ),
        *("networkPolicy", "haproxy.networkPolicy"),
    )
)
# Settings of Argo CD for which the chart has no default:
# https://argo-cd.readthedocs.io/en/stable/operator-manual/argocd-cm-yaml/ and argocd-cmd-params-cm-yaml/
ARGO_CD_SETTINGS = (
    r"configs.cm.oidc\.config",
    r"configs.cm.resource\.customizations\.health\.batch_Job",
    r"configs.cm.resource\.customizations\.useOpenLibs\.batch_Job",
    r"configs.cm.resource\.respectRBAC",
    r"configs.params.controller\.diff\.server\.side",
    r"configs.params.controller\.repo\.server\.timeout\.seconds",
)

OWN_TEST = """mock_provider "azurerm" {
  mock_data "azurerm_client_config" {
    defaults = {
      tenant_id       = "11111111-1111-1111-1111-111111111111"
      subscription_id = "22222222-2222-2222-2222-222222222222"
      client_id       = "33333333-3333-3333-3333-333333333333"
      object_id       = "44444444-4444-4444-4444-444444444444"
    }
  }
}

run "ours" {
  command = plan

  assert {
    condition     = var.project_name != ""
    error_message = "Ours has a name."
  }
}
"""

Rendered = Callable[[str], Path]
ProgramOf = Callable[[Path], Terraform]
Checked = Callable[[str, str], Outcome]
TestsOf = Callable[[str, str], dict[str, str]]
every_answer_set = pytest.mark.parametrize("answers", support.VALID)
every_root = pytest.mark.parametrize(
    ("answers", "root"), [(answers, root) for answers in support.VALID for root in roots_of(answers)]
)


@every_answer_set
def test_the_roots_are_those_that_are_checked_here(answers: str, rendered: Rendered) -> None:
    assert sorted(path.parent.name for path in rendered(answers).glob("terraform/*/terraform.tf")) == sorted(
        roots_of(answers)
    )


@every_answer_set
def test_the_code_is_formatted(answers: str, rendered: Rendered, program_of: ProgramOf) -> None:
    done = program_of(rendered(answers)).run("fmt", "-check", "-recursive", "-diff", "terraform", cwd=rendered(answers))

    assert done.returncode == 0, done.stdout


@every_root
def test_a_root_is_valid(answers: str, root: str, checked: Checked) -> None:
    outcome = checked(answers, root)

    assert outcome.invalid is None, outcome.invalid


@every_root
def test_a_root_passes_its_tests(answers: str, root: str, checked: Checked) -> None:
    outcome = checked(answers, root)

    assert outcome.invalid is None, "the root is not valid, so its tests did not run"
    assert outcome.failed is None, outcome.failed


@every_answer_set
def test_all_roots_name_the_same_state_storage(answers: str, rendered: Rendered) -> None:
    terraform = rendered(answers) / "terraform"
    made = _hcl(terraform / "state" / "terraform.tfvars")
    platforms = [_hcl(path) for path in values_of(terraform / "platform")]
    named = {
        *(_backend(terraform / root / "backend.tf")["storage_account_name"] for root in roots_of(answers)[1:]),
        *(platform["state"]["storage_account_name"] for platform in platforms),
        *(_hcl(path)["platform_state"]["storage_account_name"] for path in values_of(terraform / "gitops")),
    }

    assert named == {made["storage_account_name"]}
    assert {platform["state"]["resource_group_name"] for platform in platforms} == {made["resource_group_name"]}


@every_answer_set
def test_gitops_reads_the_state_that_platform_writes(answers: str, rendered: Rendered) -> None:
    terraform = rendered(answers) / "terraform"
    for path in values_of(terraform / "gitops"):
        platform, gitops = (_key(terraform / root, path.stem) for root in ("platform", "gitops"))

        assert _hcl(path)["platform_state"]["key"] == platform
        assert gitops != platform


@every_answer_set
def test_no_two_states_are_kept_under_one_key(answers: str, rendered: Rendered) -> None:
    terraform = rendered(answers) / "terraform"
    keys = [_key(terraform / root, path.stem) for root in roots_of(answers)[1:] for path in values_of(terraform / root)]

    assert len(keys) == len(set(keys))


def test_every_file_of_tests_runs_for_an_answer_set(tests_of: TestsOf) -> None:
    ran = {name for answers in support.VALID for root in roots_of(answers) for name in tests_of(answers, root)}

    assert {path.name.removesuffix(".jinja") for path in PLANS.glob("*/*.tftest.hcl*")} == ran


def test_where_each_test_runs_once_every_text_of_it_does_and_every_root_has_one(tests_of: TestsOf) -> None:
    selection = Selection(once=True)
    wanted, ran = set(), []
    for answers in support.VALID:
        for root in roots_of(answers):
            tests = tests_of(answers, root)
            files = selection.files(root, answers, tests)
            assert files
            wanted |= {(root, *test) for test in tests.items()}
            ran += [(root, name, tests[name]) for name in files]

    assert set(ran) == wanted
    assert sum(text.count("\nrun ") for *_, text in ran) < 2500


def test_roots_that_differ_in_names_only_run_all_their_tests_once() -> None:
    selection = Selection(once=False)
    tests = {"long.tftest.hcl": "\nrun \nrun ", "short.tftest.hcl": "\nrun "}
    assert selection.files("platform", "shape", tests) == list(tests)
    assert selection.files("platform", "shape", tests) == ["short.tftest.hcl"]
    assert selection.files("platform", "another", tests) == list(tests)
    assert selection.files("gitops", "shape", tests) == list(tests)


def test_each_run_of_a_test_is_a_plan() -> None:
    for path in PLANS.glob("*/*.tftest.hcl*"):
        text = path.read_text(encoding="utf-8")
        assert len(re.findall(r"^run ", text, re.M)) == len(re.findall(r"^  command = plan$", text, re.M)), path.name


@every_answer_set
def test_every_value_of_argo_cd_is_one_that_its_chart_knows(answers: str, rendered: Rendered) -> None:
    known = dict(line.split("  ") for line in VALUE_KEYS.read_text(encoding="utf-8").splitlines())
    known |= dict.fromkeys(CACHE_KEYS, "map") | dict.fromkeys(ARGO_CD_SETTINGS, "str")
    open_maps = tuple(f"{key}." for key, kind in known.items() if kind == "map")

    paths = sorted((rendered(answers) / "terraform" / "gitops" / "values").iterdir())
    assert paths
    for path in paths:
        # Interpolations stand in quotes; a directive is a line of its own, within a text.
        text = re.sub(r"^%.*\n", "", path.read_text(encoding="utf-8"), flags=re.M)
        for key in _leaves(yaml.safe_load(text)):
            assert key in known or key.startswith(open_maps), f"{path.name}: {key}"


def test_registry_and_platform_take_the_names_of_the_repository_alike(rendered: Rendered) -> None:
    terraform = rendered("cluster-per-environment") / "terraform"
    platform, registry = (
        (terraform / root / "ci_github.tf").read_text(encoding="utf-8").partition("locals {")[0]
        for root in ("platform", "registry")
    )

    assert platform.count("variable ") == 2
    assert registry == platform


@every_root
def test_a_root_has_a_dozen_tests(answers: str, root: str, tests_of: TestsOf) -> None:
    assert sum(text.count("\nrun ") for text in tests_of(answers, root).values()) >= 12


def test_opentofu_is_the_version_that_products_ask_for() -> None:
    module = (MODULES / "opentofu" / "go.mod").read_text(encoding="utf-8")
    asked = (support.ROOT / "template" / ".opentofu-version").read_text(encoding="utf-8").strip()

    assert f"github.com/opentofu/opentofu v{asked} " in module


def _leaves(node: object, prefix: str = "") -> Iterator[str]:
    """Yield the path of every value, written as in the list of keys: a dot within a key is escaped."""
    if isinstance(node, dict) and node:
        for key, value in node.items():
            escaped = key.replace(".", "\\.")
            yield from _leaves(value, f"{prefix}.{escaped}" if prefix else escaped)
    else:
        yield prefix


def _hcl(path: Path) -> dict[str, Any]:
    loaded = _plain(hcl2.loads(path.read_text(encoding="utf-8")))
    assert isinstance(loaded, dict)
    return loaded


def _backend(path: Path) -> dict[str, Any]:
    backend = _hcl(path)["terraform"][0]["backend"][0]["azurerm"]
    assert isinstance(backend, dict)
    return backend


def _key(root: Path, cluster: str) -> str:
    """Return where a root keeps its state of a cluster."""
    partial = root / f"{cluster}.azurerm.tfbackend"
    return str((_hcl(partial) if partial.exists() else _backend(root / "backend.tf"))["key"])


def _plain(node: object) -> object:
    """Return HCL as plain values: some versions of the parser keep the quotes of keys and strings."""
    if isinstance(node, dict):
        return {str(_plain(key)): _plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_plain(value) for value in node]
    return node.strip('"') if isinstance(node, str) else node


@pytest.mark.parametrize("answers", ["cluster-per-environment", "production-database-of-azure-with-opentofu"])
def test_make_test_terraform_checks_every_root_and_runs_the_tests_of_its_owner(
    answers: str, rendered: Rendered, program_of: ProgramOf, tmp_path: Path
) -> None:
    product = shutil.copytree(rendered(answers), tmp_path / "product")
    program = program_of(product)
    (tmp_path / "bin").mkdir()
    name = "tofu" if (product / ".opentofu-version").exists() else "terraform"
    (tmp_path / "bin" / name).symlink_to(program.command)
    toolchain.lock(program, product, tmp_path / "mirror", PATH=f"{tmp_path}/bin:{program.environment['PATH']}")
    environment = {**program.environment, "PATH": f"{tmp_path}/bin:{program.environment['PATH']}"}
    done = support.run("make", "test-terraform", cwd=product, **environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert re.findall(r"^terraform/(\w+)/$", done.stdout, re.M) == sorted(roots_of(answers))
    assert re.findall(r"(\d+) passed, 0 failed", done.stdout) == ["0"] * sum(
        len(values_of(product / "terraform" / root)) for root in roots_of(answers)
    )

    own = product / "terraform" / "platform" / "tests" / "own.tftest.hcl"
    own.parent.mkdir()
    own.write_text(OWN_TEST, encoding="utf-8")
    done = support.run("make", "test-terraform", cwd=product, **environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("1 passed, 0 failed") == len(values_of(product / "terraform" / "platform"))
    own.write_text(OWN_TEST.replace("!=", "=="), encoding="utf-8")
    done = support.run("make", "test-terraform", cwd=product, **environment)
    assert done.returncode != 0
    assert "Ours has a name." in done.stdout + done.stderr


def test_the_check_of_a_pull_request_passes_for_a_new_product(
    own_product: Path, terraform: Terraform, tmp_path: Path
) -> None:
    """By act, with stand-ins for docker and for the actions that check out and bring Terraform; the rest is installed."""
    toolchain.lock(terraform, own_product, tmp_path / "mirror")
    support.git("add", "-A", cwd=own_product)
    support.git("commit", "-q", "-m", "Lock the providers", cwd=own_product)
    programs = tmp_path / "bin"
    programs.mkdir()
    for program in (terraform.command, shutil.which("act"), shutil.which("python3")):
        (programs / Path(str(program)).name).symlink_to(str(program))
    (programs / "docker").write_text('#!/bin/sh\necho "docker $*"\n')
    (programs / "docker").chmod(0o755)
    done = runner.run(
        tmp_path, str(own_product), "check", "pull_request", {"number": 1},
        path=f"{programs}:/usr/local/bin:/usr/bin:/bin", inherited=terraform.environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-1000:]
    for service in ("frontend", "backend"):
        assert f"docker build src/{service}" in done.stdout
