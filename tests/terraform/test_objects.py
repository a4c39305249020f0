"""Scanners of Kubernetes objects find nothing in any product that is not skipped on the object, with a reason.

They read what kustomize builds, and the pods of Jenkins' agents: a skip must be on the object that the cluster gets.
"""

import json
import re
import subprocess
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from tests import support
from tests.terraform import tools

Rendered = Callable[[str], Path]
Checks = dict[tuple[str, str], set[str]]
"""Of each object, by kind and name, the names of checks."""

# An overlay may ask for one replica.
CHOSEN = {"deployment-replicas"}
# checkov takes a network policy for a pod's own whatever its namespace, so that what else is scanned decides. kube-score
# asks how pods are spread only where an overlay has more than one.
UNSURE = {"CKV2_K8S_6", "deployment-has-host-podantiaffinity"}
every_answer_set = pytest.mark.parametrize("answers", support.VALID)


@pytest.fixture(scope="session")
def built(rendered: Rendered, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    """What kustomize builds of each product, the same text in one file for all of them."""
    folder = tmp_path_factory.mktemp("built")
    files: dict[str, Path] = {}

    def write(text: str) -> Path:
        path = files.setdefault(text, folder / f"{len(files)}.yaml")
        path.write_text(text, encoding="utf-8")
        return path

    wanted = {answers: _kustomizations(rendered(answers)) for answers in support.VALID}
    with ThreadPoolExecutor() as pool:
        texts = {answers: pool.map(_build, folders) for answers, folders in wanted.items()}
        of_products = {answers: [write(text) for text in of_product] for answers, of_product in texts.items()}
    for answers, paths in of_products.items():
        paths += [write(_named(agent)) for agent in sorted(rendered(answers).glob("jenkins/agents/*.yaml"))]
    return of_products


@pytest.fixture(scope="session")
def found(built: dict[str, list[Path]], tmp_path_factory: pytest.TempPathFactory) -> dict[Path, tuple[Checks, Checks]]:
    """What the scanners find in each file, as it is and without its skips."""
    folder = tmp_path_factory.mktemp("scanned")
    paths = {path for of_product in built.values() for path in of_product}
    for path in paths:
        text = path.read_text(encoding="utf-8")
        (folder / path.name).write_text(text, encoding="utf-8")
        without = re.sub(r"checkov\.io/skip|kube-score/ignore", "was", text)
        (folder / f"{path.stem}-without.yaml").write_text(without, encoding="utf-8")
    checks = _scan(folder)
    return {path: (checks[path.name], checks[f"{path.stem}-without.yaml"]) for path in paths}


@every_answer_set
def test_scanners_find_nothing(
    answers: str, built: dict[str, list[Path]], found: dict[Path, tuple[Checks, Checks]]
) -> None:
    for path in built[answers]:
        assert {where: checks - CHOSEN for where, checks in found[path][0].items() if checks - CHOSEN} == {}


@every_answer_set
def test_every_skip_is_needed_and_says_why(
    answers: str, built: dict[str, list[Path]], found: dict[Path, tuple[Checks, Checks]]
) -> None:
    skipped, needed = Checks(), Checks()
    for path in built[answers]:
        for where, checks in found[path][1].items():
            needed.setdefault(where, set()).update(checks - CHOSEN - UNSURE)
        for item in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            for name, value in (item["metadata"].get("annotations") or {}).items():
                if name.startswith("checkov.io/skip"):
                    assert re.fullmatch(r"CKV2?_K8S_\d+=[^=]{15,}", value)
                    checks = {value.partition("=")[0]}
                elif name == "kube-score/ignore":
                    checks = set(re.split(", *", value))
                else:
                    continue
                skipped.setdefault((item["kind"], item["metadata"]["name"]), set()).update(checks - UNSURE)
    assert skipped == needed


def test_a_new_fault_would_be_found(rendered: Rendered, tmp_path: Path) -> None:
    text = _build(rendered("defaults") / "apps" / "goal-tracker" / "overlays" / "prod")
    broken = text.replace("readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false", 1)
    assert broken != text
    (tmp_path / "broken.yaml").write_text(broken, encoding="utf-8")
    (checks,) = _scan(tmp_path)["broken.yaml"].values()
    assert checks == {"CKV_K8S_22", "container-security-context-readonlyrootfilesystem"}


def _kustomizations(product: Path) -> list[Path]:
    """Return the folders that Argo CD or a person deploys."""
    of_apps = [*product.glob("apps/*/overlays/*"), *product.glob("apps/*/preview")]
    others = [path.parent for top in ("bootstrap", "clusters") for path in (product / top).rglob("kustomization.yaml")]
    return sorted([*of_apps, *others])


def _build(folder: Path) -> str:
    done = support.run("kubectl", "kustomize", ".", cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _named(agent: Path) -> str:
    """Return a pod with the name and the namespace that Jenkins gives it."""
    pod = yaml.safe_load(agent.read_text(encoding="utf-8"))
    pod["metadata"] |= {"name": agent.stem, "namespace": "jenkins-changes"}
    return yaml.safe_dump(pod)


def _scan(folder: Path) -> dict[str, Checks]:
    """Return what checkov and kube-score find, by file: each file by itself, for kube-score connects its objects."""
    result: dict[str, Checks] = defaultdict(lambda: defaultdict(set))
    paths = sorted(folder.iterdir())
    what = ["--directory", ".", "--framework", "kubernetes", "--skip-download", "--quiet", "--compact", "--output=json"]
    report = json.loads(_run([*tools.checkov(), *what], folder))
    assert report["summary"]["parsing_errors"] == 0
    for check in report["results"]["failed_checks"]:
        kind, _, name = check["resource"].split(".", 2)
        result[Path(check["file_path"]).name][kind, name].add(check["check_id"])
    command = [str(tools.kube_score()), "score", "--output-format=json"]
    with ThreadPoolExecutor() as pool:
        for path, text in zip(paths, pool.map(lambda path: _run([*command, str(path)], folder), paths), strict=True):
            for item in json.loads(text) or []:
                kind, *_, name = item["object_name"].split("/")
                failed = {
                    check["check"]["id"] for check in item["checks"] if not check["skipped"] and check["grade"] < 7
                }
                if failed:
                    result[path.name][kind, name] |= failed
    return result


def _run(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    return done.stdout
