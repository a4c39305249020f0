"""The pages of a product: each example is done as it stands there, and what is wrong is found with the words that it quotes."""

import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from docs.tools.questions import SERVICE_SETTINGS
from tests import pages, support, test_readme, validation
from tests.in_process import InProcess

# In these sets every section of the pages is there at least once.
SETS = [
    "acr-without-any-secret",
    "cluster-per-environment-with-gateway-and-database-of-azure",
    "defaults",
    "jenkins-with-own-images",
    "cron-jobs-alone",
    "identities-in-azure",
    "jobs-alone",
    "sample-with-worker-and-migration",
    "previews-beside-a-gateway",
    "services-in-the-long-form",
]
VOLUME = "Grow the database's volume"
# Blocks that a reader takes elsewhere, and the test that reads them.
ELSEWHERE = {
    "groovy": "tests/jenkins/test_other_pipelines.py",
    "mermaid": "the site draws it",
}


@pytest.mark.costly
@pytest.mark.parametrize("answers", SETS)
def test_each_example_does_what_the_page_says(
    answers: str, rendered: Callable[[str], Path], in_process: InProcess, tmp_path: Path
) -> None:
    number = 0

    def render(data: dict[str, Any]) -> Path:
        nonlocal number
        number += 1
        in_process.render(support.answers(answers) | data, tmp_path / f"{number}" / "product")
        return tmp_path / f"{number}" / "product"

    for page in test_readme.documents(rendered(answers)):
        for example in pages.examples(page):
            number += 1
            product = shutil.copytree(rendered(answers), tmp_path / f"{number}" / "product")
            product = example.apply(product, render)
            assert validation.problems(product) == [], (page.name, example.title)
            if example.wrong and example.title != VOLUME:
                pages.Example("", example.wrong).apply(product)
                said = sorted(pages.plain(line) for line in validation.problems(product))
                assert said == sorted(example.said), (page.name, example.title)


def validate(product: Path) -> list[str]:
    """Let scripts/validate look, with kustomize and the history; return what it finds."""
    done = support.run(sys.executable, "scripts/validate", cwd=product)
    assert "Traceback" not in done.stderr
    return [pages.plain(line) for line in done.stdout.splitlines() if re.match(r"[^\s:]+[./]\S*: ", line)]


@pytest.mark.slow
def test_the_examples_build_together(pushed_product: Path) -> None:
    """Whatever needs no other answers, in one product; the volume is compared with what is on main."""
    found = [one for page in test_readme.documents(pushed_product) for one in pages.examples(page)]
    for example in found:
        if not any("template-update" in block.text for block in example.blocks):
            example.apply(pushed_product)
    assert validate(pushed_product) == []
    [volume] = [example for example in found if example.title == VOLUME]
    pages.Example("", volume.wrong).apply(pushed_product)
    assert sorted(validate(pushed_product)) == sorted(volume.said)


@pytest.mark.parametrize("answers", sorted({*SETS, *test_readme.SETS}))
def test_every_block_is_one_that_a_test_walks(answers: str, rendered: Callable[[str], Path]) -> None:
    product = rendered(answers)
    found = [block for page in test_readme.documents(product) for block in pages.blocks(page.read_text())]
    assert [
        block
        for block in found
        if not (block.is_applied() or block.language in ("sh", *ELSEWHERE) or goes_elsewhere(block, product))
    ] == []


def goes_elsewhere(block: pages.Block, product: Path) -> bool:
    """Tell whether a block for another repository fits this one's side."""
    content = yaml.safe_load(block.text) if block.language == "yaml" else {}
    if "jobs" in content:
        [job] = content["jobs"].values()
        called = yaml.safe_load((product / job["uses"].partition("@")[0].split("/", 2)[2]).read_text(encoding="utf-8"))
        asked = called[True]["workflow_call"]
        required = {key for key, value in asked["inputs"].items() if value.get("required")}
        return bool(job["with"].keys() == required and job["secrets"].keys() == asked["secrets"].keys())
    # A pod of the pipeline of another repository: its account is one that Azure trusts.
    code = "".join(path.read_text(encoding="utf-8") for path in product.glob("terraform/platform/ci_*.tf"))
    return bool(content) and f':{content["spec"]["serviceAccountName"]}"' in code


def test_the_page_names_every_setting_of_a_service_and_gives_each(rendered: Callable[[str], Path]) -> None:
    page = (rendered("defaults") / "docs" / "services.md").read_text(encoding="utf-8")
    assert dict(re.findall(r"(?m)^\| `(\w+)` \| (.*) \|$", page)) == SERVICE_SETTINGS
    [given] = [block for block in pages.blocks(page) if block.path == "../answers.yaml"][:1]
    services = yaml.safe_load(given.text)["services"]
    assert {key for service in services for key in service} == SERVICE_SETTINGS.keys()


def test_the_page_says_how_long_a_request_may_take(rendered: Callable[[str], Path]) -> None:
    product = rendered("defaults")
    page = " ".join((product / "docs" / "services.md").read_text(encoding="utf-8").split())
    found: list[str] = []
    for path, setting, told in (
        ("src/frontend/app.py", r"TIMEOUT = .*read=(\d+)", "waits {} seconds for the backend"),
        ("src/backend/server.py", r"IN_FLIGHT_SECONDS = (\d+)", "finish a request within {} seconds"),
        ("src/frontend/server.py", r'ws="(none)"', "speak no WebSockets"),
        ("apps/*/base/frontend/deployment.yaml", r"GracePeriodSeconds: (\d+)", "Pods have {} seconds"),
        ("apps/*/base/frontend/deployment.yaml", r"sleep:\n +seconds: (\d+)", "the first {} of them before SIGTERM"),
    ):
        [file] = product.glob(path)
        found += [told.format(*re.findall(setting, file.read_text(encoding="utf-8")))]
    assert [told for told in found if told not in page] == []


@pytest.mark.parametrize("answers", SETS)
def test_the_map_for_agents_is_short_and_true(answers: str, rendered: Callable[[str], Path]) -> None:
    product = rendered(answers)
    text = (product / "AGENTS.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 60
    spans = {span.split()[0]: span for span in re.findall(r"`([^`\n]+)`", text)}
    targets = re.findall(r"(?m)^([\w-]+):", (product / "Makefile").read_text(encoding="utf-8"))
    assert set(re.findall(r"`make ([\w-]+)", text)) <= set(targets)
    branch = support.answers(answers).get("branch")
    paths = [name for name in spans if re.search(r"[/.]", name) and name != branch]
    inside = ["base/", "overlays/", "kustomization.yaml", "*.tfvars"]
    gone = [name for name in paths if not any(product.glob(f"**/{name}" if name in inside else name))]
    assert gone == []
    folders = {f"{path.name}/" for path in product.iterdir() if path.is_dir()}
    assert folders <= set(paths)
