"""What is merged into apps/ is followed, by the Jenkinsfile on main; what the pipeline itself commits is not reverted."""

import re

import pytest

from tests import support
from tests.jenkins.world import World

DEPLOY = "jenkins/deploy.Jenkinsfile"
ROLLBACK = "jenkins/rollback.Jenkinsfile"
BASE = {"apps/shop/base/frontend/deployment.yaml": "# A change.\n"}


def tags(jenkins: World, environment: str) -> list[str]:
    [path] = [
        path
        for path in support.git("ls-tree", "-r", "--name-only", "main", cwd=jenkins.origin).splitlines()
        if f"/{environment}/imagetags/" in path
    ]
    return re.findall(r'newTag: "([\w-]+)"', jenkins.file(path))


def newest(jenkins: World) -> None:
    """Check out what the server has."""
    support.git("fetch", "-q", "origin", "main", cwd=jenkins.clone)
    support.git("checkout", "-q", "-B", "main", "FETCH_HEAD", cwd=jenkins.clone)


def service(jenkins: World) -> str:
    """Return the name of a service."""
    return min(path.parent.name for path in jenkins.clone.glob("apps/*/base/*/deployment.yaml"))


def merge(jenkins: World, environment: str, before: str, after: str) -> str:
    """Change a tag of an environment on a branch, as a promotion does, and merge that as a person."""
    newest(jenkins)
    [path] = jenkins.clone.glob(f"apps/*/overlays/{environment}/imagetags/kustomization.yaml")
    support.git("checkout", "-q", "-B", "promotion", cwd=jenkins.clone)
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after), encoding="utf-8")
    support.git("commit", "-qam", "Promote", cwd=jenkins.clone)
    support.git("checkout", "-q", "main", cwd=jenkins.clone)
    support.git("merge", "-q", "--no-ff", "-m", "Merge the promotion", "promotion", cwd=jenkins.clone)
    done = support.run("git", "push", "-q", "origin", "main", cwd=jenkins.clone, PUSH_WITH="git")
    assert done.returncode == 0, done.stderr
    return jenkins.tip()


BOTH = pytest.mark.parametrize("jenkins", ["jenkins-with-acr-on-gitlab", "jenkins-with-own-images"], indirect=True)


@BOTH
def test_a_promotion_that_is_merged_is_followed(jenkins: World) -> None:
    jenkins.release_everything()
    tip = merge(jenkins, "prod", "sha-1", "sha-2")
    build = jenkins.run()
    assert (build.result, build.reason) == ("SUCCESS", ""), build.said()
    assert "prod: healthy at" in build.said()
    assert [lock["name"] for lock in build.of("lock")] == ["deploy-prod"]
    assert build.ran("roll-out")[0]["account"] == "deploy"
    assert jenkins.tip() == tip


@BOTH
def test_a_promotion_that_is_not_healthy_is_put_back_and_fails_with_the_reason(jenkins: World) -> None:
    jenkins.release_everything()
    jenkins.break_tag(service(jenkins), "2")
    merge(jenkins, "prod", "sha-1", "sha-2")
    tip = jenkins.push({"README.md": "\nA note.\n"}, "Push something else before Jenkins has looked")
    build = jenkins.run()
    assert build.result == "FAILURE"
    assert f"Deployment {service(jenkins)}: Degraded: no pod is ready" in build.said()
    assert "prod: healthy at" in build.said(), "the old version is waited for"
    assert set(tags(jenkins, "prod")) == {"sha-1"}
    assert support.git("rev-parse", "main^", cwd=jenkins.origin) == tip
    # The commit that put it back starts the next build, which has nothing to do.
    back = jenkins.tip()
    build = jenkins.run()
    assert (build.result, build.ran("roll-out")) == ("SUCCESS", [])
    assert jenkins.tip() == back


@BOTH
def test_a_commit_of_the_pipeline_is_looked_at_like_any_other_and_stays(jenkins: World) -> None:
    jenkins.release_everything()
    for pipeline, params in ((DEPLOY, {"IMAGES": f"{service(jenkins)}=sha-3"}), (ROLLBACK, {})):
        assert jenkins.run(pipeline, params=params).result == "SUCCESS"
        tip = jenkins.tip()
        build = jenkins.run()
        assert (build.result, len(build.ran("roll-out"))) == ("SUCCESS", 1), build.said()
        assert jenkins.tip() == tip


def test_no_agent_is_started_to_deploy_where_nothing_is_to_be_followed(jenkins: World) -> None:
    jenkins.release_everything()
    jenkins.push({"README.md": "\nA note.\n"}, "Add a note")
    assert [agent["pod"] for agent in jenkins.run().of("agent")] == ["jenkins/agents/build.yaml"]


def test_a_change_of_what_all_share_is_followed_in_every_environment(jenkins: World) -> None:
    jenkins.release_everything()
    jenkins.push(BASE, "Change the base")
    build = jenkins.run()
    assert build.result == "SUCCESS", build.said()
    assert [lock["name"] for lock in build.of("lock")] == ["deploy-dev", "deploy-prod"]


def test_each_environment_is_followed_whatever_becomes_of_the_others(jenkins: World) -> None:
    jenkins.release_everything()
    jenkins.break_tag("backend", "1")
    merge(jenkins, "prod", "sha-1", "sha-2")
    jenkins.push(BASE, "Change the base")
    build = jenkins.run()
    assert build.result == "FAILURE"
    assert "dev is not healthy" in build.said()
    assert "prod: healthy at" in build.said()
    assert tags(jenkins, "dev") == ["sha-1", "sha-1"]


def test_what_is_not_healthy_and_nobody_has_deployed_changes_nothing_and_is_looked_at_again(jenkins: World) -> None:
    jenkins.release_everything()
    merge(jenkins, "prod", "sha-1", "sha-2")
    assert jenkins.run().result == "SUCCESS"
    jenkins.break_tag("backend", "2")
    tip = jenkins.push(BASE, "Change the base")
    assert jenkins.run().result == "FAILURE"
    assert jenkins.tip() == tip
    jenkins.break_tag("backend", "none")
    jenkins.push({"README.md": "\nA note.\n"}, "Add a note")
    build = jenkins.run()
    assert (build.result, len(build.ran("roll-out"))) == ("SUCCESS", 2)


def test_a_rollback_by_hand_is_never_reverted(jenkins: World) -> None:
    jenkins.release_everything()
    merge(jenkins, "prod", "sha-1", "sha-2")
    assert jenkins.run().result == "SUCCESS"
    newest(jenkins)
    done = support.run("scripts/rollback", "prod", cwd=jenkins.clone, PUSH_WITH="git")
    assert done.returncode == 0, done.stderr
    jenkins.break_tag("backend", "1")
    tip = jenkins.tip()
    build = jenkins.run()
    assert (build.result, jenkins.tip()) == ("FAILURE", tip)
    assert "prod is not healthy" in build.said()


def test_an_environment_that_waits_for_its_first_release_is_not_waited_for(jenkins: World) -> None:
    assert jenkins.run().result == "SUCCESS"
    assert jenkins.run().result == "SUCCESS"
    jenkins.push(BASE, "Change the base")
    build = jenkins.run()
    assert build.result == "SUCCESS", build.said()
    assert "prod: waits for the first image of a service" in build.said()
    assert "prod: healthy" not in build.said()


def test_a_push_of_source_code_and_of_what_all_share_is_released_and_followed(jenkins: World) -> None:
    jenkins.release_everything()
    jenkins.push({**BASE, "src/backend/app.py": "\n# A change.\n"}, "Change both")
    build = jenkins.run()
    assert build.result == "SUCCESS", build.said()
    assert "prod: healthy at" in build.said()
    assert tags(jenkins, "dev") != tags(jenkins, "prod")
