"""Previews of pull requests at rest: what is published, what runs of it, and that nothing of an environment is in it.

What they do on a cluster is for tests/live/test_previews.py; what scripts/validate says of them for tests/damages.py.
"""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import support
from tests.conftest import Once
from tests.in_process import InProcess

SETS: dict[str, dict[str, Any]] = {
    name: support.answers(name) for name in support.VALID if support.answers(name).get("previews")
}
SETS["without an address, of the one environment"] = {"environments": ["live"], "expose": "none", "previews": True}
# What services may have, in one.
SETS["of services of every kind"] = {
    "previews": True,
    "services": [
        {"name": "frontend", "public": True},
        {"name": "backend", "migrate": ["python", "migrate.py"], "replicas": {"min": 2, "max": 6, "cpu": 70}}
        | {"secrets": ["STRIPE_KEY"], "config": {"a.txt": "a"}, "egress": ["internet"]},
        {"name": "worker", "image": "backend", "port": "none", "resources": {"cpu": "2000m", "memory": "4096Mi"}},
        {
            "name": "mail",
            "image": "backend",
            "port": "none",
            "replicas": {"dev": {"min": 1, "max": 3, "cpu": 50}, "prod": 1},
        },
        {
            "name": "cleanup",
            "image": "backend",
            "schedule": "@daily",
            "resources": {"cpu": "1000m", "memory": "2048Mi"},
        },
    ],
}
DIGEST = "sha256:" + "ab" * 32
IMAGES = [f"{service}=sha-{'c' * 40}@{DIGEST}" for service in ("frontend", "backend")]


def overlay(product: Path) -> Path:
    [folder] = product.glob("apps/*/preview")
    return folder


@pytest.fixture(scope="module", params=SETS)
def shown_by(request: pytest.FixtureRequest, in_process: InProcess, once: Once) -> tuple[Path, list[dict[str, Any]]]:
    """A product with previews, and the objects of one."""
    answers = SETS[request.param]
    product = once(f"with-{request.param}", lambda folder: in_process.render(answers, folder))
    return product, support.kustomize(overlay(product))


def application_set(product: Path) -> dict[str, Any]:
    [path] = product.glob("clusters/*/previews.yaml")
    loaded: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded


def publish(product: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return support.run(
        "scripts/publish-preview", *arguments, cwd=product, PATH=f"{Path(sys.executable).parent}:/usr/bin:/bin"
    )


def shown(product: Path) -> str:
    return support.git("ls-remote", "origin", "refs/previews/*", cwd=product)


@pytest.mark.parametrize("pushed_product", ["previews"], indirect=True)
def test_what_is_published_are_the_manifests_alone_with_the_images_that_were_built(
    pushed_product: Path, tmp_path: Path
) -> None:
    before = support.git("ls-remote", "origin", "refs/heads/*", cwd=pushed_product)
    done = publish(pushed_product, "7", *IMAGES)
    assert done.returncode == 0, done.stderr
    commit, ref = shown(pushed_product).split()
    assert ref == "refs/previews/7"
    assert support.git("ls-remote", "origin", "refs/heads/*", cwd=pushed_product) == before
    assert support.git("rev-list", "--count", commit, cwd=pushed_product) == "1"
    assert support.git("ls-tree", "--name-only", commit, cwd=pushed_product) == "apps"

    support.git("fetch", "-q", "origin", ref, cwd=pushed_product)
    support.git("worktree", "add", "-q", "--detach", str(tmp_path / "seen"), "FETCH_HEAD", cwd=pushed_product)
    built = support.kustomize(overlay(tmp_path / "seen"))
    pods = [document["spec"]["template"]["spec"] for document in built if document["kind"] == "Deployment"]
    registry = re.search(
        r'previews_registry_name = "(\w+)"', (pushed_product / "terraform/platform/terraform.tfvars").read_text()
    )
    assert registry
    assert {pod["containers"][0]["image"] for pod in pods} == {
        f"{registry[1]}.azurecr.io/{service}:sha-{'c' * 40}@{DIGEST}" for service in ("frontend", "backend")
    }


@pytest.mark.parametrize("pushed_product", ["previews"], indirect=True)
def test_a_newer_build_takes_the_place_of_the_one_before_and_a_closed_pull_request_leaves_nothing(
    pushed_product: Path,
) -> None:
    assert publish(pushed_product, "7", *IMAGES).returncode == 0
    before = shown(pushed_product)
    support.git("checkout", "-q", "--force", "HEAD", cwd=pushed_product)
    assert publish(pushed_product, "7", *(image.replace("c" * 40, "d" * 40) for image in IMAGES)).returncode == 0
    assert len(shown(pushed_product).splitlines()) == 1
    assert shown(pushed_product) != before
    for _ in range(2):
        assert publish(pushed_product, "--remove", "7").returncode == 0
    assert shown(pushed_product) == ""


@pytest.mark.parametrize(
    "arguments", [[], ["7"], ["0", *IMAGES], ["-1", *IMAGES], ["7/../8", *IMAGES], ["--remove"], ["--remove", "7", "8"]]
)
def test_what_is_no_pull_request_is_refused(rendered: Callable[[str], Path], arguments: list[str]) -> None:
    done = publish(rendered("previews"), *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage: scripts/publish-preview NUMBER SERVICE=TAG@DIGEST ...")


def test_a_preview_has_no_part_in_an_environment(
    shown_by: tuple[Path, list[dict[str, Any]]],
) -> None:
    product, built = shown_by
    paths = [folder / "namespace.yaml" for folder in support.overlays(product)]
    namespaces = {yaml.safe_load(path.read_text())["metadata"]["name"] for path in paths}
    text = yaml.safe_dump_all(built)
    for namespace in namespaces:
        assert namespace not in text
    assert "key-vault" not in text, "nothing reads the vault"
    [namespace] = [document["metadata"] for document in built if document["kind"] == "Namespace"]
    assert "annotations" not in namespace, "nothing keeps it"
    assert namespace["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    without = ("HTTPRoute", "HorizontalPodAutoscaler", "PersistentVolumeClaim")
    assert not [document for document in built if document["kind"] in without]
    assert all("volumeClaimTemplates" not in document.get("spec", {}) for document in built)
    deployments = [document for document in built if document["kind"] == "Deployment"]
    assert {document["spec"]["replicas"] for document in deployments} == {1}


def test_its_quota_has_room_for_all_pods_while_they_are_replaced(
    shown_by: tuple[Path, list[dict[str, Any]]],
) -> None:
    _, built = shown_by
    [quota] = [document["spec"]["hard"] for document in built if document["kind"] == "ResourceQuota"]

    def number(text: str) -> float:
        return float(text.removesuffix("Mi")) if text.endswith("Mi") else float(text.removesuffix("m")) / 1000

    wanted = {"pods": 0.0, "requests.cpu": 0.0, "requests.memory": 0.0, "limits.memory": 0.0}
    for document in built:
        if document["kind"] not in ("CronJob", "Deployment", "StatefulSet"):
            continue
        times = 2 if document["kind"] == "Deployment" else 1
        wanted["pods"] += times
        spec = document["spec"].get("jobTemplate", document)["spec"]
        for container in spec["template"]["spec"]["containers"]:
            resources = container["resources"]
            wanted["requests.cpu"] += times * number(resources["requests"]["cpu"])
            wanted["requests.memory"] += times * number(resources["requests"]["memory"])
            wanted["limits.memory"] += times * number(resources["limits"]["memory"])
    for key, value in wanted.items():
        assert value <= (float(quota[key]) if key == "pods" else number(quota[key])), key
    balancers = [document for document in built if document.get("spec", {}).get("type") == "LoadBalancer"]
    assert int(quota["services.loadbalancers"]) == len(balancers)


def test_each_public_service_is_told_of_by_the_address_that_it_asks_azure_for(
    shown_by: tuple[Path, list[dict[str, Any]]],
) -> None:
    product, built = shown_by
    patches = application_set(product)["spec"]["template"]["spec"]["source"]["kustomize"].get("patches", [])
    asked = {}
    for patch in patches:
        annotations = yaml.safe_load(patch["patch"])["metadata"]["annotations"]
        asked[patch["target"]["name"]] = annotations["service.beta.kubernetes.io/azure-dns-label-name"]
    public = {one["metadata"]["name"]: one for one in built if one.get("spec", {}).get("type") == "LoadBalancer"}
    assert set(asked) == set(public)
    workflow = yaml.safe_load((product / ".github/workflows/preview.yml").read_text())
    says = workflow["jobs"]["publish"]["steps"][-1]
    told = says["run"].replace("$SUFFIX", says["env"].get("SUFFIX", ""))
    told += (product / "docs/operations.md").read_text()
    for service, label in asked.items():
        assert len(label.replace("{{ .number }}", "1234567")) <= 63
        assert f"http://{label.replace('{{ .number }}', '$NUMBER')}.westeurope.cloudapp.azure.com" in told
        assert f"http://{label.replace('{{ .number }}', 'NUMBER')}.westeurope.cloudapp.azure.com" in told
        assert 80 in [port["port"] for port in public[service]["spec"]["ports"]]


def test_the_workflow_names_nothing_that_somebody_else_wrote_in_a_script(rendered: Callable[[str], Path]) -> None:
    workflow = yaml.safe_load((rendered("previews") / ".github/workflows/preview.yml").read_text())
    for job in workflow["jobs"].values():
        assert "github.event.pull_request.head.repo.full_name == github.repository" in job.get("if", "") or job["needs"]
        for step in job["steps"]:
            assert "${{" not in step.get("run", "")
    assert workflow["permissions"] == {}
    assert "contents" not in {
        key for key, value in workflow["jobs"]["build"]["permissions"].items() if value == "write"
    }


def test_a_product_without_previews_knows_nothing_of_them(rendered: Callable[[str], Path]) -> None:
    product = rendered("defaults")
    named = [path for path in support.relative(product) if "preview" in path]
    assert named == []
    for folder in ("apps", "bootstrap", "clusters", "terraform", ".github"):
        for path in support.files(product / folder):
            assert not re.search(r"\bpreviews?\b", path.read_text(encoding="utf-8")), path
