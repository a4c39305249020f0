"""Generating a product, as a person does it."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import copier
import pytest
import yaml
from jinja2 import Environment, FileSystemLoader

from hooks.worker import Compiled
from tests import fakes as fakes_of
from tests import support
from tests.terminal import ENTER, running


def copy(destination: Path, *arguments: str | Path, **environment: str) -> Any:
    return support.run(
        "copier", "copy", "--trust", "--vcs-ref=HEAD", "--quiet", *arguments, support.ROOT, destination,
        cwd=destination.parent, **environment,
    )  # fmt: skip


ADDRESS = "https://github.com/octocat/goal-tracker"


@pytest.mark.slow
def test_copier_alone_refuses_a_folder_of_another_repository_and_leaves_nothing(tmp_path: Path) -> None:
    support.git("init", "-q", cwd=tmp_path)
    done = copy(tmp_path / "platform", "--defaults")
    assert done.returncode == 1
    assert f"platform is a folder of the repository {tmp_path}" in done.stderr
    assert not (tmp_path / "platform").exists()


def test_the_default_product_ends_with_what_was_made_checked_and_commands_that_work(tmp_path: Path) -> None:
    product = tmp_path / "it's mine"
    done = copy(product, "--defaults", f"--data=git_repository={ADDRESS}")
    assert done.returncode == 0, done.stderr
    made, checked, following = re.split(r"^(?=Checked|Next)", done.stdout.strip(), flags=re.MULTILINE)
    assert "aks-goal-tracker in westeurope, size small" in made
    assert re.match(r"Checked \d+ files", checked)
    assert len(done.stdout.splitlines()) <= 28
    commands = [line.strip() for line in following.splitlines() if line.startswith("  ")]
    assert commands[1:] == [
        "git init -q -b main",
        "git add --all && git commit -qm Begin",
        f"git remote add origin {ADDRESS}",
        "git push -u origin main",
        "make doctor && make up",
    ]

    fakes = fakes_of.around(product, tmp_path / "fakes")
    (tmp_path / "fakes" / "bin" / "make").symlink_to(str(shutil.which("make")))
    support.git("init", "-q", "--bare", "-b", "main", str(tmp_path / "remote.git"), cwd=tmp_path)
    settings = {
        "user.name": "Test",
        "user.email": "test@example.com",
        f"url.{tmp_path}/remote.git.insteadOf": ADDRESS,
    }
    config = {"GIT_CONFIG_COUNT": str(len(settings))}
    for number, (key, value) in enumerate(settings.items()):
        config |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    typed = subprocess.run(
        ["sh", "-eu"],
        input="\n".join(commands) + "\n",
        cwd=tmp_path,
        env={**fakes.environment, **config},
        capture_output=True,
        text=True,
        check=False,
    )
    assert typed.returncode == 0, typed.stdout + typed.stderr
    assert "Next: make ci-variables" in typed.stdout
    assert support.git("log", "--format=%s", "main", cwd=tmp_path / "remote.git") == "Begin"


@pytest.mark.slow
def test_make_new_gives_what_copier_gives_without_asking_git_about_each_file(tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    git = tmp_path / "bin" / "git"
    git.parent.mkdir()
    git.write_text(f'#!/bin/sh\necho "$*" >> {asked}\nexec {shutil.which("git")} "$@"\n')
    git.chmod(0o755)
    path = f"{git.parent}:{support.TOOLS_FIRST}"
    made = tmp_path / "made"
    (made / ".git").mkdir(parents=True)  # As a person has it who cloned an empty repository.
    done = support.run(sys.executable, "-m", "hooks.new", made, "--defaults", "--quiet", cwd=support.ROOT, PATH=path)
    assert done.returncode == 0, done.stderr
    assert "core.fileMode" not in asked.read_text(), "the name in Copier that makes it ask has changed"
    (made / ".git").rmdir()
    copied = tmp_path / "copied"
    assert copy(copied, "--defaults", PATH=path).returncode == 0
    assert "core.fileMode" in asked.read_text(), "Copier asks no more: hooks/new.py need not keep it from that"

    def contents(product: Path) -> dict[str, tuple[int, bytes]]:
        # A checkout with changes is a new commit for each run.
        return {
            path.relative_to(product).as_posix(): (
                path.stat().st_mode,
                re.sub(rb"^_?(commit|src_path): .*", b"", path.read_bytes(), flags=re.MULTILINE),
            )
            for path in support.files(product)
        }

    assert contents(made) == contents(copied)


@pytest.mark.slow
def test_in_a_cloned_repository_enter_ten_times_is_all_it_takes(tmp_path: Path) -> None:
    product = tmp_path / "product"
    support.git("init", "-q", "-b", "main", str(product), cwd=tmp_path)
    support.git("remote", "add", "origin", "git@github.com:octocat/shop-front.git", cwd=product)
    with running(80, sys.executable, "-m", "hooks.new", product, cwd=support.ROOT) as terminal:
        for question in list(support.asked().values())[:10]:
            # What the registry's row says stands for the question of its name.
            terminal.wait([*re.findall(r"[A-Z]\w+ \w+ \w+", question["help"]), "Name of the registry"][0])
            terminal.press(ENTER)
        assert terminal.end() == 0, "\n".join(terminal.history())
    assert "shop-front is ready:" in terminal.history()
    assert terminal.shows("git push -u origin main")
    assert not terminal.shows("git remote add")
    stored = yaml.safe_load((product / ".copier-answers.yml").read_text())
    assert (stored["git_repository"], stored["project_name"], stored["registry_name"]) == (
        "https://github.com/octocat/shop-front", "shop-front", "octocatshopfront",
    )  # fmt: skip


@pytest.mark.slow
def test_a_machine_without_tools_is_told_what_was_skipped(tmp_path: Path, template: Path) -> None:
    product = support.render(template, tmp_path / "product", {})
    bare = tmp_path / "bin"
    bare.mkdir()
    (bare / "git").symlink_to("/usr/bin/git")
    done = support.run(sys.executable, "scripts/validate", cwd=product, PATH=str(bare))
    assert done.returncode == 0, done.stdout
    assert (
        "skipped, not on PATH: kustomize, kubeconform, terraform, actionlint, zizmor, shellcheck, hadolint, gitleaks, yamllint"
        in done.stdout
    )


@pytest.mark.slow
def test_a_broken_template_leaves_no_product_behind(tmp_path: Path) -> None:
    broken = support.export_template(tmp_path / "template")
    path = next(broken.glob("template/apps/*/base/kustomization.yaml.jinja"))
    path.write_text(path.read_text().replace("networkpolicy.yaml", "missing.yaml"))
    done = support.run("copier", "copy", "--trust", "--quiet", "--defaults", broken, tmp_path / "product", cwd=tmp_path)
    assert done.returncode == 1
    assert "names 'missing.yaml', which does not exist: add it or remove the line" in done.stderr
    assert "a fault of this template. Please report it" in done.stderr
    assert not (tmp_path / "product").exists()


def test_without_trust_nothing_runs_and_nothing_is_written(tmp_path: Path) -> None:
    done = support.run(
        "copier", "copy", "--defaults", "--vcs-ref=HEAD", support.ROOT, tmp_path / "product", cwd=tmp_path
    )
    assert done.returncode == 4
    assert not (tmp_path / "product").exists()


@pytest.mark.slow
def test_pytest_copie_renders_it_too(copie: Any) -> None:
    result = copie.copy(extra_answers={"project_name": "shop"})
    assert result.exception is None
    assert (result.project_dir / "apps" / "shop" / "base").is_dir()


@pytest.mark.slow
def test_a_data_file_of_every_answer_gives_what_defaults_give(
    tmp_path: Path, template: Path, rendered: Callable[[str], Path]
) -> None:
    product = rendered("defaults")
    stored = yaml.safe_load((product / ".copier-answers.yml").read_text())
    data = {name: value for name, value in stored.items() if not name.startswith("_")}
    again = support.render(template, tmp_path / "two", data)
    for path in support.relative(product):
        assert (again / path).read_bytes() == (product / path).read_bytes(), path


@pytest.mark.slow
def test_the_products_of_these_tests_are_those_of_copier_itself(
    tmp_path: Path, template: Path, rendered: Callable[[str], Path]
) -> None:
    name = "cluster-per-environment-with-gateway-and-database-of-azure"
    product = rendered(name)
    plain = support.render(template, tmp_path / "plain", support.answers(name))
    assert support.relative(plain) == support.relative(product)
    for path in support.relative(product):
        assert (plain / path).stat().st_mode == (product / path).stat().st_mode, path
        assert path == ".copier-answers.yml" or (plain / path).read_bytes() == (product / path).read_bytes(), path


@pytest.mark.slow
@pytest.mark.parametrize("form", ["frontend, backend", [{"name": "frontend"}, {"name": "backend"}]])
def test_text_and_long_forms_of_services_give_what_the_short_form_gives(
    form: Any, tmp_path: Path, template: Path, rendered: Callable[[str], Path]
) -> None:
    product, other = rendered("defaults"), support.render(template, tmp_path / "other", {"services": form})
    for path in support.relative(product):
        if path != ".copier-answers.yml":
            assert (other / path).read_bytes() == (product / path).read_bytes(), path


@pytest.mark.parametrize(
    ("name", "present", "absent"),
    [
        (
            "defaults",
            ["src/backend/Dockerfile", ".github/workflows/release.yml"],
            ["terraform/platform/registry_pull.tf"],
        ),
        (
            "own-images-on-ghcr-without-database",
            ["terraform/platform/registry_pull.tf"],
            ["src", "scripts/build-images"],
        ),
        (
            "defaults",
            [],
            [
                "clusters/aks-goal-tracker/gateway",
                "clusters/aks-goal-tracker/cert-manager.yaml",
                "apps/goal-tracker/base/frontend/httproute.yaml",
                "apps/goal-tracker/overlays/dev/hosts.yaml",
                "terraform/platform/gateway.tf",
            ],
        ),
        (
            "gateway-with-two-environments",
            ["apps/goal-tracker/base/frontend/httproute.yaml", "apps/goal-tracker/overlays/prod/hosts.yaml"],
            ["apps/goal-tracker/base/backend/httproute.yaml"],
        ),
        (
            "jenkins-with-ghcr-for-production",
            [
                "Jenkinsfile",
                "jenkins/agents/build.yaml",
                "scripts/registry-login",
                "terraform/platform/image_signing.tf",
            ],
            [".github", "scripts/check-environments", "scripts/checks/workflows.py", "terraform/platform/ci_github.tf"],
        ),
        (
            "jenkins-with-own-images",
            [
                "Jenkinsfile",
                "jenkins/deploy.Jenkinsfile",
                "scripts/registry-login",
                "scripts/with-azure",
                "terraform/platform/ci_push.tf",
            ],
            ["jenkins/agents/build.yaml", "src"],
        ),
        ("acr-without-any-secret", ["terraform/platform/registry.tf"], ["clusters/aks-static-site/external-secrets"]),
        (
            "defaults",
            ["bootstrap/Chart.yaml", "terraform/platform/registry.tf", "terraform/platform/terraform.tfvars"],
            [
                "terraform/environments",
                "terraform/registry",
                "terraform/platform/registry_access.tf",
                "terraform/platform/terraform.azurerm.tfbackend",
                "scripts/checks/clusters.py",
                ".github/actions/cluster",
            ],
        ),
        (
            "cluster-per-environment",
            [
                "bootstrap/aks-goal-tracker-dev/Chart.yaml",
                "clusters/aks-goal-tracker-prod/environments/prod.yaml",
                "terraform/registry/registry.tf",
                "terraform/registry/ci_push.tf",
                "terraform/platform/dev.tfvars",
                "terraform/gitops/prod.azurerm.tfbackend",
            ],
            [
                "bootstrap/Chart.yaml",
                "clusters/aks-goal-tracker",
                "clusters/aks-goal-tracker-prod/environments/dev.yaml",
                "terraform/platform/registry.tf",
                "terraform/platform/ci_push.tf",
                "terraform/platform/terraform.tfvars",
            ],
        ),
        (
            "cluster-per-environment-on-ghcr-with-opentofu",
            ["terraform/environments", "terraform/platform/registry_pull.tf"],
            ["terraform/registry", "terraform/platform/registry_access.tf"],
        ),
        (
            "database-of-azure",
            ["terraform/platform/database.tf", "clusters/aks-goal-tracker/database-roles", "docs/database.md"],
            ["apps/goal-tracker/base/database/statefulset.yaml", ".opentofu-version"],
        ),
    ],
)
def test_what_was_not_chosen_is_not_there(
    rendered: Callable[[str], Path], name: str, present: list[str], absent: list[str]
) -> None:
    product = rendered(name)
    assert all((product / path).exists() for path in present)
    assert not any((product / path).exists() for path in absent)


def test_the_default_product_has_these_files(rendered: Callable[[str], Path]) -> None:
    snapshot = Path(__file__).with_name("default_product.txt")
    assert support.relative(rendered("defaults")) == snapshot.read_text(encoding="utf-8").splitlines()


@pytest.mark.slow
def test_an_update_keeps_tags_and_edits_and_brings_what_is_new(tmp_path: Path) -> None:
    template = support.export_template(tmp_path / "template")
    support.git("init", "-q", "-b", "main", cwd=template)
    support.git("add", "-A", cwd=template)
    support.git("commit", "-q", "-m", "v1", cwd=template)
    support.git("tag", "v1.0.0", cwd=template)
    product = tmp_path / "product"
    copier.run_copy(str(template), product, defaults=True, unsafe=True, quiet=True)
    support.git("init", "-q", "-b", "main", cwd=product)
    assert (
        support.run(sys.executable, "scripts/bump-image", "--no-push", "dev", "frontend=v3", cwd=product).returncode
        == 0
    )
    deployment = product / "apps/goal-tracker/base/backend/deployment.yaml"
    deployment.write_text(deployment.read_text().replace("memory: 256Mi", "memory: 999Mi"))
    lock = product / "terraform/platform/.terraform.lock.hcl"
    lock.write_text("# What make lock has written.\n")
    support.git("add", "-A", cwd=product)
    support.git("commit", "-q", "-m", "Mine", cwd=product)

    path = next(template.glob("template/apps/*/base/*/deployment.yaml.jinja"))
    path.write_text(path.read_text().replace("revisionHistoryLimit: 5", "revisionHistoryLimit: 3"))
    support.git("commit", "-q", "-a", "-m", "v2", cwd=template)
    support.git("tag", "v2.0.0", cwd=template)
    copier.run_update(product, defaults=True, unsafe=True, quiet=True, overwrite=True)

    assert 'newTag: "v3"' in (product / "apps/goal-tracker/overlays/dev/imagetags/kustomization.yaml").read_text()
    assert "memory: 999Mi" in deployment.read_text()
    assert "revisionHistoryLimit: 3" in deployment.read_text()
    assert lock.read_text() == "# What make lock has written.\n"
    assert support.run(sys.executable, "scripts/validate", "--no-tools", cwd=product).returncode == 0


def test_an_update_with_a_conflict_names_the_file_before_anything_else(own_product: Path) -> None:
    support.git("checkout", "-q", "-b", "other", cwd=own_product)
    (own_product / "README.md").write_text("theirs\n")
    support.git("commit", "-q", "-a", "-m", "Theirs", cwd=own_product)
    support.git("checkout", "-q", "main", cwd=own_product)
    (own_product / "README.md").write_text("mine\n")
    support.git("commit", "-q", "-a", "-m", "Mine", cwd=own_product)
    support.run("git", "-c", "user.name=Test", "-c", "user.email=test@example.com", "merge", "other", cwd=own_product)
    hook = support.ROOT / "hooks" / "post_generation.py"
    done = support.run(sys.executable, hook, cwd=own_product, STAGE="after")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "The update conflicts with your changes. Resolve these files, then run `make validate`:",
        "  README.md",
    ]


def test_a_file_of_the_template_is_compiled_once_until_its_text_changes(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()

    def compiled(folder: str, text: str) -> int:
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a").write_text(text)
        cache = Compiled(str(tmp_path / "cache"))
        environment = Environment(loader=FileSystemLoader(tmp_path / folder), bytecode_cache=cache, autoescape=True)
        with mock.patch.object(environment, "compile", wraps=environment.compile) as compiling:
            assert environment.get_template("a").render(x=1) == text.replace("{{ x }}", "1")
        return compiling.call_count

    assert [compiled("1", "{{ x }}"), compiled("2", "{{ x }}"), compiled("3", "{{ x }}!")] == [1, 0, 1]
