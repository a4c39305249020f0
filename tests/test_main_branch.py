"""A main branch with another name: everything follows it, and what is pushed lands there and nowhere else."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from yamllint import linter
from yamllint.config import YamlLintConfig

from tests import support
from tests.in_process import InProcess

pytestmark = pytest.mark.slow

NAME = "trunk/of-all"
# What is called main and is no branch: functions, elements of HTML, variables and paths; or the branch by its role.
_OTHERS = re.compile(
    r"\bmain branch\b|\bmain_branch\b|plan[-_]on[-_]main\b|\bmain\(|\(main[),]|__main__|</?main>|^main,$|[(,] ?main[:,)]"
    r"|\bmain = |\{main\}|main=main|/src/main/|, main\)|CRDs-catalog/main/|sigstore/root-signing/main|/blob/main/"
)
# Together they have every file that names the branch.
KINDS = (
    "defaults",
    "acr-without-any-secret",
    "cluster-per-environment-with-gateway-and-database-of-azure",
    "jenkins-with-own-images",
    "own-images-on-ghcr-without-database",
    "previews",
    "quay-with-a-service-of-another-repository",
    "signed-images-on-github",
    "signed-images-on-jenkins",
)
LIVES = [("signed-images-on-github", "trunk"), ("jobs-alone", "release/prod")]


def texts(folder: Path) -> dict[str, str]:
    """Return every file of a product."""
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in support.files(folder)}


@pytest.mark.parametrize("name", KINDS)
def test_every_file_follows_the_main_branch(
    name: str, rendered: Callable[[str], Path], in_process: InProcess, tmp_path: Path
) -> None:
    usual = texts(rendered(name))
    in_process.render(support.answers(name) | {"branch": NAME}, tmp_path)
    ours = texts(tmp_path)
    left = [
        f"{path}: {line}"
        for path, text in ours.items()
        if not path.startswith("src/")
        for line in re.sub(r"\bmain\s+branch\b", "main branch", text).splitlines()
        if "main" in line and re.search(r"\bmain\b", _OTHERS.sub("", line))
    ]
    assert left == []
    # Some paragraphs are wrapped by the length of the name.
    named = {path: text.replace(NAME, support.branch(rendered(name))).split() for path, text in ours.items()}
    assert named == {path: text.split() for path, text in usual.items()}
    assert f"targetRevision: {NAME}\n" in next(text for path, text in ours.items() if path.endswith("application.yaml"))


@pytest.mark.parametrize("name", KINDS)
def test_the_longest_names_leave_lines_that_yamllint_takes(name: str, in_process: InProcess, tmp_path: Path) -> None:
    answers = {"project_name": "shop"} | support.answers(name) | {"branch": "of-all-" * 8 + "many"}
    host = answers.get("git_repository", "https://github.com/").split("/")[2]
    in_process.render(answers | {"git_repository": f"https://{host}/{'o' * 39}/{'n' * 100}"}, tmp_path)
    rules = YamlLintConfig((tmp_path / ".yamllint.yaml").read_text(encoding="utf-8"))
    findings = [
        f"{path}: {problem}"
        for path, text in texts(tmp_path).items()
        if path.endswith((".yaml", ".yml")) and path != ".copier-answers.yml"
        for problem in linter.run(text, rules)
    ]
    assert findings == []


@pytest.mark.parametrize(("pushed_product", "branch"), LIVES, indirect=["pushed_product"])
def test_deployments_land_on_it_and_what_waits_is_proposed_for_it(pushed_product: Path, branch: str) -> None:
    remote = Path(support.git("remote", "get-url", "origin", cwd=pushed_product))
    environment = sorted(path.parent.name for path in pushed_product.glob("apps/*/overlays/*/imagetags"))[0]
    service = sorted(path.parent.name for path in pushed_product.glob("apps/*/base/*/deployment.yaml"))[0]

    def script(*command: str) -> str:
        done = support.run(sys.executable, f"scripts/{command[0]}", *command[1:], cwd=pushed_product)
        assert done.returncode == 0, done.stderr
        return done.stdout

    for tag in ("v1", "v2"):
        script("bump-image", environment, f"{service}={tag}@sha256:{'1' * 64}")
    assert "v2" in script("history", environment).splitlines()[0]
    script("rollback", environment)
    tip = support.git("rev-parse", f"refs/heads/{branch}", cwd=remote)
    assert tip == support.git("rev-parse", branch, cwd=pushed_product)
    assert support.git("for-each-ref", "--format=%(refname)", cwd=remote) == f"refs/heads/{branch}"
    assert "v1" in support.git(
        "show", f"{branch}:{next(iter(support.relative(pushed_product, 'imagetags/*')))}", cwd=remote
    )
    assert script("diff").startswith(f"Nothing changes on the cluster, compared with origin/{branch} at {tip[:8]}")

    # Who must have signed an image: a workflow of that branch, called by that branch.
    signer = "from gitops import signatures; print(*signatures._builder('any', 'sha', 'acme/other')[1])"
    asked = support.run(sys.executable, "-c", signer, cwd=pushed_product, PYTHONPATH="scripts").stdout
    assert f"build-service.yml@refs/heads/{branch} " in asked
    assert f"--certificate-github-workflow-ref refs/heads/{branch} " in asked

    (remote / "hooks" / "update").write_text(
        f'#!/bin/sh\n[ "$1" != refs/heads/{branch} ] || {{ echo "GH013: protected branch" >&2; exit 1; }}\n'
    )
    (remote / "hooks" / "update").chmod(0o755)
    said = script("bump-image", environment, f"{service}=v3@sha256:{'3' * 64}")
    assert f"the server refuses direct pushes to {branch}" in said
    assert support.git("merge-base", branch, f"deploy/{environment}", cwd=remote) == tip
