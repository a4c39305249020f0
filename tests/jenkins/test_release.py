"""The Jenkinsfile, run: what a push, a change request and the pipeline's own commits lead to."""

import re

import pytest

from tests import support
from tests.jenkins.world import World

BACKEND = {"src/backend/app.py": "\n# A change.\n"}
TAGS = "apps/shop/overlays/dev/imagetags/kustomization.yaml"
FRONTEND = {"src/frontend/app.py": "\n# A change.\n"}


def tags(jenkins: World, environment: str = "dev") -> dict[str, str]:
    text = jenkins.file(f"apps/shop/overlays/{environment}/imagetags/kustomization.yaml")
    return dict(re.findall(r'/(\w+)"\n    newTag: "([\w-]+)"', text))


def commits(jenkins: World) -> list[str]:
    return support.git("log", "--format=%s", "main", cwd=jenkins.origin).splitlines()


def test_the_first_push_builds_signs_and_deploys_every_service(jenkins: World) -> None:
    commit = jenkins.tip()
    build = jenkins.run()
    assert (build.result, build.reason) == ("SUCCESS", ""), build.said()
    assert build.stages() == ["Build", "Compare", "Build and push", "Sign", "Deploy"]
    assert tags(jenkins) == {"frontend": f"sha-{commit}", "backend": f"sha-{commit}"}
    assert set(tags(jenkins, "prod").values()) == {"unreleased"}
    builds = jenkins.calls("buildctl-daemonless.sh")
    assert [re.findall(r"context=src/(\w+)", call) for call in builds] == [["backend"], ["frontend"]]
    assert all(
        "push=true" in call
        and "attest:provenance=mode=max --opt attest:sbom=generator=docker/buildkit-syft-scanner:1." in call
        for call in builds
    )
    assert all(re.search(r"--import-cache type=registry,ref=shopimages.azurecr.io/\w+:cache", call) for call in builds)
    signed = [call.split()[-1] for call in jenkins.calls("cosign")]
    file = jenkins.file("apps/shop/overlays/dev/imagetags/kustomization.yaml")
    assert sorted(re.findall(r"sha256:\w+", file)) == sorted(image.partition("@")[2] for image in signed)
    assert jenkins.calls("kubectl")[0].startswith("--namespace argocd annotate")
    assert commits(jenkins)[0].startswith("deploy(dev): ")
    assert len(commits(jenkins)) == 2, "one commit for all services"


def test_a_push_builds_what_it_changed_and_nothing_else(jenkins: World) -> None:
    jenkins.release_everything()
    before = tags(jenkins)
    commit = jenkins.push(BACKEND, "Change the backend")
    build = jenkins.run()
    assert build.result == "SUCCESS", build.said()
    assert tags(jenkins) == {**before, "backend": f"sha-{commit}"}


def test_the_pipelines_own_commit_builds_nothing(jenkins: World) -> None:
    jenkins.run()
    builds, tip = len(jenkins.calls("buildctl-daemonless.sh")), jenkins.tip()
    assert commits(jenkins)[0].startswith("deploy(dev): ")
    build = jenkins.run()
    assert (build.result, build.stages()) == ("SUCCESS", ["Build", "Compare", "Roll out"])
    assert len(jenkins.calls("buildctl-daemonless.sh")) == builds
    assert jenkins.tip() == tip


def test_a_push_that_touches_no_source_code_releases_nothing(jenkins: World) -> None:
    jenkins.release_everything()
    jenkins.push({"README.md": "\nA note.\n"}, "Add a note")
    assert jenkins.run().stages() == ["Build", "Compare"]


def test_a_version_that_is_not_healthy_is_rolled_back_and_fails_with_the_reason(jenkins: World) -> None:
    jenkins.release_everything()
    before = tags(jenkins)
    jenkins.break_tag("backend", jenkins.push(BACKEND, "Break the backend"))
    build = jenkins.run()
    assert build.result == "FAILURE"
    assert "Deployment backend: Degraded: no pod is ready" in build.said()
    assert "dev: back to backend" in build.said()
    assert tags(jenkins) == before
    assert commits(jenkins)[0].startswith("deploy(dev): roll back to backend")
    # The commit that rolled back must not build the same version again, for ever.
    builds = len(jenkins.calls("buildctl-daemonless.sh"))
    assert jenkins.run().stages() == ["Build", "Compare"]
    # Nor is it tried again with the next push of something else.
    commit = jenkins.push(FRONTEND, "Change the frontend")
    assert jenkins.run().result == "SUCCESS"
    assert tags(jenkins) == {**before, "frontend": f"sha-{commit}"}
    assert len(jenkins.calls("buildctl-daemonless.sh")) == builds + 1


def test_a_release_that_failed_before_it_deployed_is_made_up_for_by_the_next(jenkins: World) -> None:
    jenkins.release_everything()
    jenkins.push(BACKEND, "Change the backend")
    jenkins.fail("cosign")
    build = jenkins.run()
    assert (build.result, build.stages()[-1]) == ("FAILURE", "Sign")
    jenkins.fail("nothing")
    commit = jenkins.push(FRONTEND, "Change the frontend")
    assert jenkins.run().result == "SUCCESS"
    assert tags(jenkins) == {"frontend": f"sha-{commit}", "backend": f"sha-{commit}"}


def test_a_build_that_is_started_by_hand_builds_everything(jenkins: World) -> None:
    jenkins.release_everything()
    commit = jenkins.tip()
    assert jenkins.run(by_hand=True).result == "SUCCESS"
    assert tags(jenkins) == {"frontend": f"sha-{commit}", "backend": f"sha-{commit}"}


def test_pushes_that_waited_are_released_together(jenkins: World) -> None:
    jenkins.release_everything()
    jenkins.push(BACKEND, "Change the backend")
    commit = jenkins.push(FRONTEND, "Change the frontend")
    assert jenkins.run().result == "SUCCESS"
    assert tags(jenkins) == {"frontend": f"sha-{commit}", "backend": f"sha-{commit}"}


def test_an_older_build_does_not_take_the_place_of_a_newer_one(jenkins: World) -> None:
    jenkins.release_everything()
    older = jenkins.push(BACKEND, "Change the backend")
    newer = jenkins.push(BACKEND, "Change it again")
    assert jenkins.run(commit=newer).result == "SUCCESS"
    build = jenkins.run(commit=older)
    assert build.result == "SUCCESS"
    assert tags(jenkins)["backend"] == f"sha-{newer}"


def test_builds_wait_for_each_other_and_none_is_stopped(jenkins: World) -> None:
    for pipeline, params in (("Jenkinsfile", {}), ("jenkins/deploy.Jenkinsfile", {"IMAGES": "frontend=v1"})):
        build = jenkins.run(pipeline, params=params)
        [options] = build.of("options")
        assert options["options"]["disableConcurrentBuilds"] == {}, pipeline
        assert {lock["name"] for lock in build.of("lock")} == {"deploy-dev"}, "both deploy, one at a time"


def test_a_change_request_is_checked_built_and_pushed_nowhere(jenkins: World) -> None:
    tip = jenkins.tip()
    jenkins.push(BACKEND, "Change the backend", branch="feature")
    build = jenkins.run(branch="feature", change=True)
    assert (build.result, build.reason) == ("SUCCESS", ""), build.said()
    assert build.stages() == ["Check", "Validate", "Show changes on the cluster", "Test and build"]
    assert jenkins.calls("make") == ["validate", "test-terraform", "diff BASE=origin/main", "test SERVICE=backend"]
    assert [event["text"] for event in build.of("description")] == ["1 added"]
    [call] = jenkins.calls("buildctl-daemonless.sh")
    assert "context=src/backend" in call
    assert "push" not in call
    assert "export-cache" not in call
    assert not build.of("credential")
    assert {agent["account"] for agent in build.of("agent")} == {"default"}
    assert jenkins.tip() == tip


@pytest.mark.parametrize("jenkins", ["jenkins-with-quay"], indirect=True)
def test_a_pull_request_of_azure_devops_is_checked_as_what_merging_makes_of_it(jenkins: World) -> None:
    """Its ref is pull/7/merge, which Jenkins' Git calls pull-7; no other ref is there, and none of its variables."""
    jenkins.push(BACKEND, "Change the backend", branch="feature")
    jenkins.push(FRONTEND, "Change the frontend")
    support.git("checkout", "-q", "-b", "pull-7", cwd=jenkins.clone)
    support.git("merge", "-q", "--no-edit", "feature", cwd=jenkins.clone)
    assert support.run("git", "push", "-q", "origin", "pull-7", cwd=jenkins.clone, PUSH_WITH="git").returncode == 0
    build = jenkins.run(branch="pull-7")
    assert (build.result, build.reason) == ("SUCCESS", ""), build.said()
    assert build.stages() == ["Check", "Validate", "Show changes on the cluster", "Test and build"]
    assert jenkins.calls("make") == ["validate", "test-terraform", "diff BASE=HEAD^1", "test SERVICE=backend"]
    assert not build.of("credential")
    assert {agent["account"] for agent in build.of("agent")} == {"default"}


def test_a_change_request_that_breaks_the_repository_fails(jenkins: World) -> None:
    jenkins.push({TAGS: '  - name: "ghost"\n    newTag: "latest"\n'}, "Break it", branch="feature")
    build = jenkins.run(branch="feature", change=True)
    assert build.result == "FAILURE"
    assert "the tag 'latest' names no version" in build.said()


def test_another_branch_starts_no_agent(jenkins: World) -> None:
    jenkins.push(BACKEND, "Try something", branch="experiment")
    build = jenkins.run(branch="experiment")
    assert (build.result, build.of("agent")) == ("SUCCESS", [])


def test_each_purpose_has_its_own_service_account(jenkins: World) -> None:
    build = jenkins.run()
    accounts = [(event["script"].split()[0], event["account"]) for event in build.of("sh")]
    assert {account for script, account in accounts if "build" in script or "sign" in script} == {"push"}
    assert {account for script, account in accounts if "deploy" in script} == {"deploy"}
    assert [event["id"] for event in build.of("credential")] == ["git"], "only the deployment gets a credential"


@pytest.mark.parametrize(
    "jenkins",
    ["jenkins-with-docker-hub-and-one-environment", "jenkins-with-ghcr-for-production", "jenkins-with-quay"],
    indirect=True,
)
def test_a_registry_with_a_password_gets_it_from_jenkins(jenkins: World) -> None:
    build = jenkins.run()
    assert (build.result, build.reason) == ("SUCCESS", ""), build.said()
    assert [event["id"] for event in build.of("credential")] == ["registry", "registry-read", "git"]
    assert not jenkins.calls("az")
    assert "password of registry" not in build.said()
