"""The pipelines in jenkins/, run, and the rules that all of them keep."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import support
from tests.jenkins.toolchain import Java
from tests.jenkins.world import World

JENKINS = [name for name in support.VALID if support.answers(name).get("ci") == "jenkins"]
DEPLOY = "jenkins/deploy.Jenkinsfile"
TERRAFORM = "jenkins/terraform.Jenkinsfile"
CHANGE = {"terraform/platform/network.tf": "\n# A change.\n"}


def test_a_person_deploys_an_image_to_an_environment(jenkins: World) -> None:
    build = jenkins.run(DEPLOY, params={"ENVIRONMENT": "prod", "IMAGES": "frontend=v1 backend=v2"})
    assert (build.result, build.reason) == ("SUCCESS", ""), build.said()
    text = jenkins.file("apps/shop/overlays/prod/imagetags/kustomization.yaml")
    assert 'newTag: "v1"' in text
    assert 'newTag: "v2"' in text
    assert [lock["name"] for lock in build.of("lock")] == ["deploy-prod"]
    assert "healthy at" in build.said()


@pytest.mark.parametrize("images", ["", "frontend=latest", "nobody=v1", "frontend=v1;touch broken-in"])
def test_what_is_no_image_is_refused(jenkins: World, images: str) -> None:
    tip = jenkins.tip()
    assert jenkins.run(DEPLOY, params={"IMAGES": images}).result == "FAILURE"
    assert jenkins.tip() == tip


def test_an_environment_that_is_not_there_is_refused(jenkins: World) -> None:
    build = jenkins.run(DEPLOY, params={"ENVIRONMENT": "staging", "IMAGES": "frontend=v1"})
    assert build.result == "INVALID"


def test_a_change_request_of_infrastructure_is_planned_and_not_applied(jenkins: World) -> None:
    jenkins.push(CHANGE, "Change the network", branch="feature")
    build = jenkins.run(TERRAFORM, branch="feature", change=True)
    assert (build.result, build.reason) == ("SUCCESS", ""), build.said()
    assert [call.split()[1] for call in jenkins.calls("terraform")] == ["init", "plan"]
    assert "-lock=false -refresh=false" in jenkins.calls("terraform")[1]
    assert {agent["account"] for agent in build.of("agent")} == {"plan"}
    assert not build.of("input")


def test_a_change_request_of_something_else_is_not_planned(jenkins: World) -> None:
    jenkins.push({"README.md": "\nA note.\n"}, "Add a note", branch="feature")
    assert jenkins.run(TERRAFORM, branch="feature", change=True).result == "SUCCESS"
    assert not jenkins.calls("terraform")


def test_infrastructure_on_main_is_applied_once_somebody_approves(jenkins: World) -> None:
    build = jenkins.run(TERRAFORM)
    assert (build.result, build.reason) == ("SUCCESS", ""), build.said()
    assert [call.split()[1] for call in jenkins.calls("terraform")] == [
        "init",
        "plan",
        "init",
        "apply",
        "init",
        "apply",
    ]
    kinds = [event["type"] for event in build.events if event["type"] in ("agent", "input")]
    assert kinds == ["agent", "input", "agent"]
    assert build.of("input")[0]["agent"] is None, "no agent waits with the person"
    assert [agent["account"] for agent in build.of("agent")] == ["plan", "apply"]


def test_what_nobody_approves_is_not_applied_and_comes_again(jenkins: World) -> None:
    jenkins.run(TERRAFORM)
    jenkins.push(CHANGE, "Change the network")
    assert jenkins.run(TERRAFORM, approve=False).result == "ABORTED"
    applied = len(jenkins.calls("terraform"))
    jenkins.push({"README.md": "\nA note.\n"}, "Add a note")
    assert jenkins.run(TERRAFORM).of("input")
    assert len(jenkins.calls("terraform")) > applied


def test_a_commit_of_image_tags_asks_nobody_for_an_approval(jenkins: World) -> None:
    jenkins.run(TERRAFORM)
    assert jenkins.run(DEPLOY, params={"IMAGES": "frontend=v1"}).result == "SUCCESS"
    assert not jenkins.run(TERRAFORM).of("input")


@pytest.mark.parametrize("jenkins", ["jenkins-with-own-images"], indirect=True)
def test_a_product_without_source_code_releases_nothing(jenkins: World) -> None:
    build = jenkins.run()
    assert (build.result, build.of("agent")) == ("SUCCESS", [])
    assert jenkins.run(DEPLOY, params={"IMAGES": "web=v1"}).result == "SUCCESS"


@pytest.mark.parametrize(
    ("damage", "with_", "words"),
    [
        ("skipDefaultCheckout()", "skipDefaultCheckuot()", "there is no skipDefaultCheckuot"),
        ("sh 'make validate'", "shell 'make validate'", "there is no shell"),
        ("sh 'make validate'", "def x = 1", "put it in script"),
        ("changeRequest()", "changeRequests()", "there is no changeRequests"),
        ("container('jnlp')", "container('git')", "has no container 'git'"),
        ("beforeAgent true", "before true", "there is no before"),
    ],
)
def test_what_jenkins_refuses_is_refused_here(jenkins: World, damage: str, with_: str, words: str) -> None:
    path = jenkins.clone / "Jenkinsfile"
    sound = path.read_text(encoding="utf-8")
    assert damage in sound
    path.write_text(sound.replace(damage, with_), encoding="utf-8")
    jenkins.push(BROKEN, "Break the pipeline", branch="feature")
    build = jenkins.run(branch="feature", change=True)
    assert build.result == "INVALID"
    assert words in build.reason


BROKEN = {"src/backend/app.py": "\n# A change.\n"}


def test_codenarc_finds_nothing(java: Java, rendered: Callable[[str], Path], tmp_path: Path) -> None:
    for name in JENKINS:
        for path in rendered(name).rglob("*Jenkinsfile"):
            (tmp_path / name).mkdir(exist_ok=True)
            shutil.copy(path, tmp_path / name)
    rules = Path(__file__).with_name("codenarc.groovy")
    done = java.codenarc(
        f"-basedir={tmp_path}",
        "-includes=**/*Jenkinsfile",
        f"-rulesetfiles=file:{rules}",
        "-report=text:stdout",
        *[f"-maxPriority{priority}Violations=0" for priority in (1, 2, 3)],
    )
    assert done.returncode == 0, done.stdout
    assert f"TotalFiles={3 * len(JENKINS)} FilesWithViolations=0" in done.stdout
