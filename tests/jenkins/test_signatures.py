"""Signatures decide what gets into an environment: in releases, in the job `deploy`, and in what people merge."""

import re

import pytest

from tests import support
from tests.jenkins.test_roll_out import DEPLOY, merge, newest
from tests.jenkins.world import World

PROD = "apps/shop/overlays/prod/imagetags/kustomization.yaml"
INVENTED = "sha256:" + "ab" * 32


@pytest.fixture
def strict(jenkins: World) -> World:
    """A Jenkins whose product has no exceptions, after a release of everything."""
    signers = jenkins.clone / "scripts" / "signers.toml"
    signers.write_text(re.sub(r"(?m)^\[.*\n.*\n", "", signers.read_text(encoding="utf-8")), encoding="utf-8")
    jenkins.push({}, "Ask for signatures")
    build = jenkins.run()
    assert build.result == "SUCCESS", build.said()
    return jenkins


def test_a_release_is_verified_by_the_agent_that_deploys(strict: World) -> None:
    verbs = [call.split()[0] for call in strict.calls("cosign")]
    assert verbs == ["sign", "sign", "verify", "verify"]
    assert all("-a commit=" in call and "-a image=" in call for call in strict.calls("cosign"))
    assert all("--k8s-keychain" in call for call in strict.calls("cosign") if call.startswith("verify"))


def test_the_job_deploy_refuses_what_nobody_has_signed(strict: World) -> None:
    before, tip = strict.file(PROD), strict.tip()
    for images in (f"frontend=sha-{tip}@{INVENTED}", "frontend=v1"):
        build = strict.run(DEPLOY, params={"ENVIRONMENT": "prod", "IMAGES": images})
        assert build.result == "FAILURE"
        assert re.search("is not signed by the key of the pipeline|names no build", build.said())
    assert (strict.file(PROD), strict.tip()) == (before, tip)


def test_a_merged_image_that_nobody_has_signed_is_put_back(strict: World) -> None:
    dev = strict.file("apps/shop/overlays/dev/imagetags/kustomization.yaml")
    digest = re.findall(r"sha256:[0-9a-f]{64}", dev)[0]
    merge(strict, "dev", digest, INVENTED)
    build = strict.run()
    assert build.result == "FAILURE"
    assert "is not signed by the key of the pipeline" in build.said()
    assert strict.file("apps/shop/overlays/dev/imagetags/kustomization.yaml") == dev


def test_what_is_committed_by_the_name_of_the_pipeline_is_verified_too(strict: World) -> None:
    path = "apps/shop/overlays/dev/imagetags/kustomization.yaml"
    dev = strict.file(path)
    newest(strict)
    (strict.clone / path).write_text(
        dev.replace(re.findall(r"sha256:[0-9a-f]{64}", dev)[0], INVENTED), encoding="utf-8"
    )
    pipeline = ["-c", "user.name=jenkins", "-c", "user.email=jenkins@localhost"]
    support.git(*pipeline, "commit", "--quiet", "--all", "--message", "Deploy", cwd=strict.clone)
    assert support.run("git", "push", "-q", "origin", "main", cwd=strict.clone, PUSH_WITH="git").returncode == 0
    build = strict.run()
    assert build.result == "FAILURE"
    assert "is not signed by the key of the pipeline" in build.said()
    assert strict.file(path) == dev
