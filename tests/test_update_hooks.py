"""What an update carries over, and what it says: the hooks on small trees, without Copier."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hooks import post_generation
from hooks.migrate_answers import carry_images
from tests import support
from tests.in_process import InProcess

DEPLOYMENT = "      containers:\n          # Repository, tag and digest are set by the overlays.\n          image: {}\n"


def old_product(folder: Path, *images: dict[str, str]) -> Path:
    """A product as versions up to 0.13 made it, with an environment for each mapping of names to images."""
    for number, named in enumerate(images):
        entries = "".join(f'  - name: "{name}"\n    newName: "{image}"\n' for name, image in named.items())
        overlay = folder / f"apps/shop/overlays/env{number}/kustomization.yaml"
        overlay.parent.mkdir(parents=True)
        overlay.write_text(f"components:\n  - imagetags\nimages:\n{entries}replicas:\n  - name: web\n")
        for name in named:
            path = folder / f"apps/shop/base/{name}/deployment.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(DEPLOYMENT.format(f'"{name}"'))
            (path.parent / "job.yaml").write_text(f"        - image: {name} # ours\n        - image: {name}-migrate\n")
    support.git("init", "-q", cwd=folder)
    return folder


def image_of(product: Path, name: str) -> str:
    return (product / f"apps/shop/base/{name}/deployment.yaml").read_text().rpartition("image: ")[2].strip().strip('"')


@pytest.mark.parametrize(
    ("registry", "image", "carried"),
    [
        ("ghcr", "ghcr.io/acme/web", "ghcr.io/acme/web"),
        ("ghcr", "nginx", "docker.io/library/nginx"),
        ("ghcr", "acme/web", "docker.io/acme/web"),
        ("dockerhub", "acme/web", "acme/web"),
        ("dockerhub", "nginx", "docker.io/library/nginx"),
        ("acr", "localhost/web", "localhost/web"),
    ],
)
def test_an_image_stays_the_one_that_it_was(registry: str, image: str, carried: str, tmp_path: Path) -> None:
    product = old_product(tmp_path, {"web": image}, {"web": image})
    answers: dict[str, Any] = {"registry": registry, "services": [{"name": "web", "image": image}, "api"]}
    assert carry_images(product, answers)["services"] == [{"name": "web", "image": carried}, "api"]
    assert image_of(product, "web") == carried
    job = (product / "apps/shop/base/web/job.yaml").read_text()
    assert job == f'        - image: "{carried}" # ours\n        - image: web-migrate\n'
    for overlay in product.glob("apps/shop/overlays/*/kustomization.yaml"):
        assert overlay.read_text() == "components:\n  - imagetags\nreplicas:\n  - name: web\n"
    before = [path.read_text() for path in sorted(product.rglob("*.yaml"))]
    carry_images(product, answers)
    assert [path.read_text() for path in sorted(product.rglob("*.yaml"))] == before, "once is enough"


def test_what_environments_name_differently_is_left_to_people(tmp_path: Path) -> None:
    product = old_product(tmp_path, {"web": "a.io/web", "api": "a.io/api"}, {"web": "b.io/web", "api": "a.io/api"})
    carry_images(product, {"services": "web,api"})
    assert (image_of(product, "web"), image_of(product, "api")) == ("web", "a.io/api")
    assert 'newName: "b.io/web"' in (product / "apps/shop/overlays/env1/kustomization.yaml").read_text()


@pytest.mark.parametrize(
    ("then", "now", "said"),
    [
        ({}, {}, []),
        ({}, {"services": ["frontend", "backend", "mailer"]}, []),
        (
            {"services": ["web", "api"]},
            {"services": ["web", {"name": "api", "public": True}]},
            ["the load balancer of web led to web, and is gone now"],
        ),
        (
            {"services": ["web", "api"], "expose": "gateway", "domain": "a.example.com", "environments": ["prod"]},
            {
                "services": ["web", {"name": "api", "public": True}],
                "expose": "gateway",
                "domain": "a.example.com",
                "environments": ["prod"],
            },
            ["a.example.com led to web, and leads to api now"],
        ),
        ({}, {"expose": "none"}, ["the load balancer of frontend led to frontend, and is gone now"]),
    ],
)
def test_an_address_that_goes_or_leads_elsewhere_is_said(
    then: dict[str, Any], now: dict[str, Any], said: list[str], in_process: InProcess, tmp_path: Path
) -> None:
    in_process.render(then, tmp_path / "then")
    in_process.render(now, tmp_path / "now")
    assert post_generation.moved(tmp_path / "then", tmp_path / "now") == said


def test_a_probe_that_asks_for_something_else_is_said(in_process: InProcess, tmp_path: Path) -> None:
    in_process.render({}, tmp_path / "then")
    in_process.render({"sample_app": False}, tmp_path / "now")
    assert post_generation.asked_otherwise(tmp_path / "then", tmp_path / "now") == [
        "ready_path of backend was /ready and is /health now; set it in the answer `services` to keep it",
        "health_path of frontend was /health and is / now; set it in the answer `services` to keep it",
        "ready_path of frontend was /health and is / now; set it in the answer `services` to keep it",
    ]


def test_what_could_not_be_checked_in_time_is_named_and_generation_waits_for_no_tool(
    own_product: Path, tmp_path: Path
) -> None:
    path = own_product / "scripts/checks/tools.py"
    path.write_text(path.read_text().replace("\nTIMEOUT = 120\n", "\nTIMEOUT = 0.01\n"))
    slow = tmp_path / "bin" / "kubectl"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    path_of = f"{slow.parent}:/usr/bin:/bin"
    hook = support.ROOT / "hooks" / "post_generation.py"
    for command, status in (([hook], 0), (["scripts/validate"], 3)):
        done = subprocess.run(
            [sys.executable, *command],
            cwd=own_product,
            capture_output=True,
            text=True,
            env={"PATH": path_of},
            check=False,
        )
        assert done.returncode == status, done.stdout + done.stderr
        said = "so not judged: kustomize of apps/goal-tracker/overlays/dev, kustomize of apps"
        assert (said in " ".join(done.stdout.split())) == (status == 3)
