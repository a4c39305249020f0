"""Every product's Terraform code is formatted, valid, and passes the tests that it ships."""

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
from tests.terraform.roots import Checker, roots_of, values_of
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

Rendered = Callable[[str], Path]
ProgramOf = Callable[[Path], Terraform]
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
def test_a_root_is_valid(answers: str, root: str, rendered: Rendered, checker: Checker) -> None:
    outcome = checker.start(rendered(answers), root).result()

    assert outcome.invalid is None, outcome.invalid


@every_root
def test_a_root_passes_the_tests_that_it_ships(answers: str, root: str, rendered: Rendered, checker: Checker) -> None:
    outcome = checker.start(rendered(answers), root).result()

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


@every_answer_set
def test_each_run_of_a_test_is_a_plan(answers: str, rendered: Rendered) -> None:
    for path in rendered(answers).glob("terraform/*/tests/*.tftest.hcl"):
        text = path.read_text(encoding="utf-8")
        assert len(re.findall(r"^run ", text, re.M)) == len(re.findall(r"^  command = plan$", text, re.M)), path.name


@every_answer_set
def test_every_value_of_argo_cd_is_one_that_its_chart_knows(answers: str, rendered: Rendered) -> None:
    known = dict(line.split("  ") for line in VALUE_KEYS.read_text(encoding="utf-8").splitlines())
    known |= dict.fromkeys(CACHE_KEYS, "map") | dict.fromkeys(ARGO_CD_SETTINGS, "str")
    open_maps = tuple(f"{key}." for key, kind in known.items() if kind == "map")

    paths = sorted((rendered(answers) / "terraform" / "gitops" / "values").iterdir())
    assert len(paths) > 1
    for path in paths:
        # Interpolations stand in quotes; a directive is a line of its own, within a text.
        text = re.sub(r"^%.*\n", "", path.read_text(encoding="utf-8"), flags=re.M)
        for key in _leaves(yaml.safe_load(text)):
            assert key in known or key.startswith(open_maps), f"{path.name}: {key}"


@every_answer_set
def test_all_tests_of_the_platform_begin_with_the_same_account(answers: str, rendered: Rendered) -> None:
    """Each file has it, since OpenTofu's mocks can't be kept in a file of their own."""
    tests = (rendered(answers) / "terraform" / "platform" / "tests").glob("*.tftest.hcl")
    account = re.compile(
        r'\Amock_provider "azurerm" \{\n  mock_data "azurerm_client_config" \{\n.*?\n  \}\n', re.DOTALL
    )
    mocks = {path.name: account.match(path.read_text(encoding="utf-8")) for path in tests}

    assert len({found and found[0] for found in mocks.values()}) == 1, sorted(mocks)


def test_registry_and_platform_take_the_names_of_the_repository_alike(rendered: Rendered) -> None:
    terraform = rendered("cluster-per-environment") / "terraform"
    platform, registry = (
        (terraform / root / "ci_github.tf").read_text(encoding="utf-8").partition("locals {")[0]
        for root in ("platform", "registry")
    )

    assert platform.count("variable ") == 2
    assert registry == platform


@every_root
def test_a_root_has_a_dozen_tests(answers: str, root: str, rendered: Rendered) -> None:
    tests = (rendered(answers) / "terraform" / root / "tests").glob("*.tftest.hcl")

    assert sum(path.read_text(encoding="utf-8").count("\nrun ") for path in tests) >= 12


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
def test_make_test_terraform_tests_every_root(
    answers: str, rendered: Rendered, program_of: ProgramOf, tmp_path: Path
) -> None:
    product = shutil.copytree(rendered(answers), tmp_path / "product")
    program = program_of(product)
    (tmp_path / "bin").mkdir()
    name = "tofu" if (product / ".opentofu-version").exists() else "terraform"
    (tmp_path / "bin" / name).symlink_to(program.command)
    toolchain.lock(program, product, tmp_path / "mirror", PATH=f"{tmp_path}/bin:{program.environment['PATH']}")
    roots = roots_of(answers)
    for root in roots[1:]:
        shutil.rmtree(product / "terraform" / root / "tests")  # What they find is asked above.
    environment = {**program.environment, "PATH": f"{tmp_path}/bin:{program.environment['PATH']}"}
    done = support.run("make", "test-terraform", cwd=product, **environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.findall(r"^terraform/(\w+)/$", done.stdout, re.M) == sorted(roots)
    assert re.search(r"[1-9]\d* passed, 0 failed", done.stdout), "the tests of the first root were run"
    [test] = (product / "terraform" / roots[0] / "tests").glob("*.hcl")
    test.write_text(
        test.read_text(encoding="utf-8").replace("condition     = !", "condition     = ", 1), encoding="utf-8"
    )
    assert support.run("make", "test-terraform", cwd=product, **environment).returncode != 0


def test_the_check_of_a_pull_request_passes_for_a_new_product(
    own_product: Path, terraform: Terraform, tmp_path: Path
) -> None:
    """By act, with stand-ins for docker and for the actions that check out and bring Terraform; the rest is installed."""
    shutil.rmtree(own_product / "terraform" / "platform" / "tests")  # What they find is asked above.
    toolchain.lock(terraform, own_product, tmp_path / "mirror")
    support.git("add", "-A", cwd=own_product)
    support.git("commit", "-q", "-m", "Fewer tests", cwd=own_product)
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
