"""What holds for the product of every answer set."""

import functools
import json
import re
import shutil
from pathlib import Path
from typing import Any

import hcl2
import jsonschema
import pytest
import yaml
from kubernetes_validate.utils import schema_contents
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012
from yamllint import linter
from yamllint.config import YamlLintConfig

from tests import support

SCHEMAS = Path(__file__).parent / "schemas"
KUBERNETES_VERSION = "1.36.0"
# What a template may leave behind: our delimiters, Copier's, and words that ask somebody to fill in the rest.
RESIDUE = re.compile(r"#\{|\}#|#%|%#|#\||\|#|\{%|_copier|TODO|FIXME|CHANGEME|\bjinja\b", re.IGNORECASE)
# The one file of a product that Copier owns, and the command that calls it.
NAMES_COPIER = {".copier-answers.yml", "Makefile"}
TEXT = {"", ".css", ".html", ".in", ".js", ".json", ".hcl", ".md", ".py", ".svg", ".tf", ".tfvars", ".toml", ".txt"}
TEXT |= {".yaml", ".yml"}


def texts(product: Path) -> list[tuple[str, str]]:
    found = [
        (path.relative_to(product).as_posix(), path.read_text(encoding="utf-8")) for path in support.files(product)
    ]
    assert all(Path(name).suffix in TEXT or Path(name).name.startswith(".") for name, _ in found)
    return found


def test_yaml_parses_and_yamllint_finds_nothing(product: Path) -> None:
    config = YamlLintConfig((product / ".yamllint.yaml").read_text(encoding="utf-8"))
    for name, text in texts(product):
        if name.endswith((".yaml", ".yml")) and name != ".copier-answers.yml":
            assert [str(problem) for problem in linter.run(text, config, name)] == [], name


def test_nothing_of_the_template_is_left_behind(product: Path) -> None:
    for name, text in texts(product):
        assert not RESIDUE.search(name), name
        if name not in NAMES_COPIER:
            found = RESIDUE.search(text)
            assert not found, f"{name}: {found and found.group()}"


def test_files_have_no_scars(product: Path) -> None:
    for name, text in texts(product):
        assert text, f"{name} is empty"
        assert text.endswith("\n"), f"{name} ends without a line end"
        assert not text.endswith("\n\n"), f"{name} ends with a blank line"
        assert not text.startswith("\n"), f"{name} begins with a blank line"
        assert "\r" not in text, name
        assert not re.search(r"[ \t]+$", text, re.MULTILINE), f"{name} has trailing spaces"
        most = 2 if name.endswith(".py") or "python3" in text.partition("\n")[0] else 1
        assert "\n" * (most + 2) not in text, f"{name} has more than {most} blank lines in a row"


def test_hcl_parses(product: Path) -> None:
    for name, text in texts(product):
        if name.endswith((".tf", ".tfvars", ".hcl")):
            hcl2.loads(text)


def test_json_and_toml_parse(product: Path) -> None:
    import tomllib

    for name, text in texts(product):
        if name.endswith(".json"):
            json.loads(text)
        elif name.endswith(".toml"):
            tomllib.loads(text)


def test_own_checks_find_nothing(product: Path) -> None:
    done = support.run("python3", "scripts/validate", "--no-tools", cwd=product)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


def test_workflows_satisfy_zizmor_and_the_schema(product: Path) -> None:
    done = support.run("zizmor", "--offline", "--quiet", "--no-progress", "--persona=auditor", ".github", cwd=product)
    assert done.returncode == 0, done.stdout
    workflows = sorted((product / ".github" / "workflows").glob("*.yml"))
    actions = sorted((product / ".github" / "actions").glob("*/action.yml"))
    for schema, paths in (("vendor.github-workflows", workflows), ("vendor.github-actions", actions)):
        assert paths
        done = support.run("check-jsonschema", "--builtin-schema", schema, *paths, cwd=product)
        assert done.returncode == 0, done.stdout


@pytest.mark.skipif(not shutil.which("actionlint", path=support.TOOLS_FIRST), reason="make actionlint installs it")
def test_workflows_satisfy_actionlint(product: Path) -> None:
    workflows = sorted((product / ".github" / "workflows").glob("*.yml"))
    config = product / ".github" / "actionlint.yaml"
    done = support.run("actionlint", "-no-color", f"-config-file={config}", *workflows, cwd=product)
    assert done.returncode == 0, done.stdout + done.stderr


def test_dockerfiles_satisfy_hadolint(product: Path) -> None:
    dockerfiles = support.relative(product, "Dockerfile")
    if dockerfiles:
        done = support.run("hadolint", *dockerfiles, cwd=product)
        assert done.returncode == 0, done.stdout
    assert bool(dockerfiles) == (product / "src").is_dir()


def test_shell_scripts_satisfy_shellcheck_and_are_formatted(product: Path) -> None:
    scripts = [
        str(path) for path in (product / "scripts").iterdir() if path.is_file() and b"#!/bin/sh" in path.read_bytes()
    ]
    assert scripts
    done = support.run("shellcheck", *scripts, cwd=product)
    assert done.returncode == 0, done.stdout
    done = support.run("shfmt", "-d", *scripts, cwd=product)
    assert done.returncode == 0, done.stdout


def test_commands_are_executable_and_modules_are_not(product: Path) -> None:
    for path in (product / "scripts").rglob("*"):
        if path.is_file():
            assert bool(path.stat().st_mode & 0o100) == (path.read_text().startswith("#!")), path


def built(product: Path) -> list[tuple[Path, list[dict[str, Any]]]]:
    folders = [*support.overlays(product), *product.glob("clusters/*"), product / "bootstrap"]
    folders += [path.parent for path in product.glob("clusters/*/*/kustomization.yaml")]
    return [(folder, support.kustomize(folder)) for folder in folders]


@functools.cache
def definitions() -> Any:
    """Strict schemas of Kubernetes' own kinds, as kubernetes-validate packs them; read once, since reading is slow."""
    contents = schema_contents(f"kubernetes-json-schema/v{KUBERNETES_VERSION}-local-strict/_definitions.json", "")
    return Resource.from_contents(contents, default_specification=DRAFT202012)


@functools.cache
def validator(api_version: str, kind: str) -> Any:
    group, _, version = api_version.rpartition("/")
    if group.endswith(".io") and not group.endswith(".k8s.io"):
        return jsonschema.Draft202012Validator(
            json.loads((SCHEMAS / group / f"{kind.lower()}_{version}.json").read_text())
        )
    file = f"{kind.lower()}-{group.partition('.')[0]}-{version}.json" if group else f"{kind.lower()}-{version}.json"
    contents = schema_contents(f"kubernetes-json-schema/v{KUBERNETES_VERSION}-local-strict/{file}", "")
    registry = Registry().with_resource("_definitions.json", definitions())
    return jsonschema.Draft202012Validator(contents, registry=registry)


def test_objects_satisfy_their_schemas_strictly(product: Path) -> None:
    for folder, objects in built(product):
        assert objects, folder
        for document in objects:
            validator(document["apiVersion"], document["kind"]).validate(document)


def test_a_misspelt_field_does_not_satisfy_its_schema() -> None:
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"}, "spec": {"prots": []}}
    with pytest.raises(jsonschema.ValidationError, match="prots"):
        validator("v1", "Service").validate(service)


def test_volume_claim_templates_carry_no_labels_of_kustomize(product: Path) -> None:
    """Versions of kustomize differ in whether they label them, and a StatefulSet refuses any change of them."""
    for folder in support.overlays(product):
        for document in support.kustomize(folder):
            for claim in document.get("spec", {}).get("volumeClaimTemplates", []):
                assert set(claim["metadata"]) == {"name"}


def test_every_image_is_named_in_full(product: Path) -> None:
    for folder in support.overlays(product):
        for document in support.kustomize(folder):
            for container in document.get("spec", {}).get("template", {}).get("spec", {}).get("containers", []):
                assert re.search(r"[a-z0-9]:[\w.-]+(@sha256:[0-9a-f]{64})?$", container["image"])
                assert not container["image"].endswith(":latest")


def test_answers_file_holds_every_question_that_was_asked(product: Path) -> None:
    stored = yaml.safe_load((product / ".copier-answers.yml").read_text(encoding="utf-8"))
    assert {name for name in stored if not name.startswith("_")} == set(support.asked())


def test_generating_twice_gives_the_same_bytes(template: Path, tmp_path: Path, rendered: Any) -> None:
    name = "services-in-the-long-form"
    again = support.render(template, tmp_path / "again", support.answers(name))
    first = rendered(name)
    assert support.relative(again) == support.relative(first)
    for path in support.relative(first):
        assert (again / path).read_bytes() == (first / path).read_bytes(), path
