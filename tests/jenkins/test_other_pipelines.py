"""The pipelines in jenkins/, run, and the rules that all of them keep."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import support
from tests.gitserver import GitServer
from tests.jenkins import world
from tests.jenkins.builds import Jenkins, everywhere
from tests.jenkins.toolchain import Java
from tests.jenkins.world import World
from tests.life import history, lives

JENKINS = [name for name in support.VALID if support.answers(name).get("ci") == "jenkins"]
DEPLOY = "jenkins/deploy.Jenkinsfile"
APPLY = "jenkins/apply.Jenkinsfile"
ROLLBACK = "jenkins/rollback.Jenkinsfile"
TEMPLATE_UPDATE = "jenkins/template-update.Jenkinsfile"
PROD = "apps/shop/overlays/prod/imagetags/kustomization.yaml"
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


def test_infrastructure_on_main_is_applied_once_somebody_approves(jenkins: World) -> None:
    build = jenkins.run(APPLY)
    assert (build.result, build.reason) == ("SUCCESS", ""), build.said()
    shown, made = ["init", "plan", "show"], ["init", "plan", "show", "apply"]
    assert [call.split()[1] for call in jenkins.calls("terraform")] == [*shown * 2, *made * 2]
    assert [call for call in jenkins.calls("terraform") if " apply " in call] == [
        f"-chdir=terraform/{root} apply -input=false pipeline.tfplan" for root in ("platform", "gitops")
    ]
    kinds = [event["type"] for event in build.events if event["type"] in ("agent", "input")]
    assert kinds == ["agent", "input", "agent"]
    assert build.of("input")[0]["agent"] is None, "no agent waits with the person"
    assert [agent["account"] for agent in build.of("agent")] == ["plan", "apply"]


def test_what_was_not_approved_is_not_applied(jenkins: World) -> None:
    """Another digest than that of the plan, as if the state or the code had changed while the person read it."""
    path = jenkins.clone / APPLY
    path.write_text(path.read_text(encoding="utf-8").replace("cat digest", "tr 0-9a-f 1-9a-f0 <digest"))
    jenkins.push({}, "Approve something else")
    build = jenkins.run(APPLY)
    assert build.result == "FAILURE"
    assert "apply: platform: these are not the changes that were approved, none of them was made" in build.said()
    assert not [call for call in jenkins.calls("terraform") if " apply " in call]


def test_what_nobody_approves_is_not_applied_and_comes_again(jenkins: World) -> None:
    jenkins.run(APPLY)
    jenkins.push(CHANGE, "Change the network")
    assert jenkins.run(APPLY, approve=False).result == "ABORTED"
    applied = len(jenkins.calls("terraform"))
    jenkins.push({"README.md": "\nA note.\n"}, "Add a note")
    assert jenkins.run(APPLY).of("input")
    assert len(jenkins.calls("terraform")) > applied


def test_a_commit_of_image_tags_asks_nobody_for_an_approval(jenkins: World) -> None:
    jenkins.run(APPLY)
    assert jenkins.run(DEPLOY, params={"IMAGES": "frontend=v1"}).result == "SUCCESS"
    assert not jenkins.run(APPLY).of("input")


def test_a_rollback_brings_back_the_images_from_before_and_waits_for_no_deployment(jenkins: World) -> None:
    for images in ("frontend=v1 backend=v1", "backend=v2"):
        assert jenkins.run(DEPLOY, params={"ENVIRONMENT": "prod", "IMAGES": images}).result == "SUCCESS"
    deployment = jenkins.tip()
    build = jenkins.run(ROLLBACK, params={"ENVIRONMENT": "prod"})
    assert (build.result, build.reason) == ("SUCCESS", ""), build.said()
    assert re.findall(r'newTag: "(\w+)"', jenkins.file(PROD)) == ["v1", "v1"]
    assert support.git("rev-parse", "main^", cwd=jenkins.origin) == deployment, "a new commit"
    assert "prod: healthy at" in build.said()
    assert not build.of("lock"), "it would wait for the deployment that it is to end"
    assert [event["id"] for event in build.of("credential")] == ["git"]


def test_a_private_repository_is_deployed_to_and_rolled_back(jenkins: World) -> None:
    (jenkins.folder / "private").touch()
    for images in ("frontend=v1 backend=v1", "backend=v2"):
        build = jenkins.run(DEPLOY, params={"IMAGES": images})
        assert build.result == "SUCCESS", build.said()
    build = jenkins.run(ROLLBACK)
    assert build.result == "SUCCESS", build.said()


def test_a_rollback_that_does_not_become_healthy_fails_with_the_reason(jenkins: World) -> None:
    for images in ("frontend=v1 backend=sha-1", "backend=v2"):
        assert jenkins.run(DEPLOY, params={"IMAGES": images}).result == "SUCCESS"
    jenkins.break_tag("backend", "1")
    build = jenkins.run(ROLLBACK)
    assert build.result == "FAILURE"
    assert "Deployment backend: Degraded: no pod is ready" in build.said()
    tip = jenkins.tip()
    assert "Deploy-Rollback-Of" in support.git("log", "-1", "--format=%B", tip, cwd=jenkins.origin)


def test_a_rollback_without_the_credential_changes_nothing(jenkins: World) -> None:
    for images in ("frontend=v1 backend=v1", "backend=v2"):
        assert jenkins.run(DEPLOY, params={"IMAGES": images}).result == "SUCCESS"
    tip = jenkins.tip()
    path = jenkins.clone / ROLLBACK
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("withCredentials([gitUsernamePassword(credentialsId: 'git')])", "script"))
    jenkins.push({"README.md": "\nA note.\n"}, "Forget the credential")
    build = jenkins.run(ROLLBACK)
    assert build.result == "FAILURE"
    assert "no credential" in build.said()
    assert support.git("rev-parse", "main^", cwd=jenkins.origin) == tip


POD = "kubernetes {\n          yamlFile"
STEALS = {
    f"the account {name}": (
        POD,
        f"kubernetes {{\n          serviceAccount '{name}'\n          yamlFile",
        f"{name} not found",
    )
    for name in ("apply", "deploy", "plan", "push")
} | {
    f"the cloud {name}": (
        POD,
        f"kubernetes {{\n          cloud '{name}'\n          yamlFile",
        f"Not authorized to use Kubernetes cloud: {name}",
    )
    for name in ("infrastructure", "release")
}
STEALS["the right to push"] = (
    "sh 'make validate'",
    "withCredentials([gitUsernamePassword(credentialsId: 'git')]) { sh 'git push origin HEAD:main' }",
    "nobody has made the credential git",
)


@pytest.mark.parametrize("steal", STEALS)
def test_a_branch_can_not_take(jenkins: World, steal: str) -> None:
    old, new, words = STEALS[steal]
    path = jenkins.clone / "Jenkinsfile"
    path.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    jenkins.push({"README.md": "\nA note.\n"}, "Take what is not mine", branch="feature")
    build = jenkins.run(branch="feature", change=True)
    assert build.result in ("FAILURE", "INVALID")
    assert words in build.reason


def test_a_branch_that_signs_what_it_has_built_has_no_identity_to_sign_with(jenkins: World) -> None:
    """The pod of a release, started where branches are built."""
    path = jenkins.clone / "Jenkinsfile"
    text = path.read_text(encoding="utf-8").replace("changeRequest()", "expression { true }")
    path.write_text(text.replace("jenkins/agents/check.yaml", "jenkins/agents/build.yaml"), encoding="utf-8")
    jenkins.push({"README.md": "\nA note.\n"}, "Sign it", branch="feature")
    build = jenkins.run(branch="feature", change=True)
    assert "service account jenkins-changes/push not found" in build.reason
    assert not jenkins.calls("cosign")


@pytest.mark.parametrize("jenkins", ["jenkins-with-own-images"], indirect=True)
def test_the_pipeline_of_another_repository_deploys_as_the_readme_says(jenkins: World) -> None:
    [snippet] = re.findall(r"```groovy\n(.*?)```", jenkins.file("README.md"), re.DOTALL)
    pipeline = (
        f"pipeline {{\n  agent none\n  stages {{\n    stage('Deploy') {{\n      steps {{\n{snippet}}}\n}}\n}}\n}}\n"
    )
    digest = "sha256:" + "0" * 64
    known = {"GIT_COMMIT": "1" * 40, "DIGEST": digest}
    jenkins.run(DEPLOY, params={"ENVIRONMENT": "test", "IMAGES": "web=v1 api=v1"})
    build = jenkins.run_elsewhere(pipeline, known, may_build="/portal/deploy")
    assert (build.result, build.reason) == ("SUCCESS", ""), build.said()
    assert f'newTag: "sha-{"1" * 40}"\n    digest: "{digest}"' in jenkins.file(
        "apps/portal/overlays/test/imagetags/kustomization.yaml"
    )
    # It may start no other job, and it fails with the deployment.
    build = jenkins.run_elsewhere(pipeline.replace("/deploy", "/rollback"), known, may_build="/portal/deploy")
    assert "No item named /portal/rollback found" in build.reason
    jenkins.break_tag("web", "2" * 40)
    build = jenkins.run_elsewhere(pipeline, known | {"GIT_COMMIT": "2" * 40}, may_build="/portal/deploy")
    assert build.reason == "/portal/deploy completed: FAILURE"
    assert "test is not healthy" in build.said()


def test_a_pipeline_runs_on_any_server_with_any_programs(
    java: Java, rendered: Callable[[str], Path], tmp_path: Path
) -> None:
    """As the tests on the live cluster use it: no stand-ins but those of the caller."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "kubectl").write_text(f"#!/bin/sh\necho $KUBECONFIG >>{tmp_path}/calls; exit 1\n", encoding="utf-8")
    (programs / "kubectl").chmod(0o755)
    with GitServer(tmp_path) as server:
        url = server.create("retail/shop")
        clone = shutil.copytree(rendered("jenkins-with-acr-on-gitlab"), tmp_path / "clone")
        world.exempt(clone)
        support.git("init", "-q", "-b", "main", cwd=clone)
        support.git("add", "-A", cwd=clone)
        support.git("commit", "-q", "-m", "Begin", cwd=clone)
        support.git("push", "-q", url, "main", cwd=clone)
        environment = {"PATH": f"{programs}:{support.TOOLS_FIRST}", "KUBECONFIG": "/of/the/cluster"}
        ours = Jenkins(java, url, tmp_path / "jenkins", everywhere(environment))
        build = ours.run(DEPLOY, params={"ENVIRONMENT": "prod", "IMAGES": "frontend=v1"})
        assert build.result == "FAILURE"
        assert (tmp_path / "calls").read_text(encoding="utf-8").startswith("/of/the/cluster")
        assert "deploy(prod): frontend v1" in support.git(
            "log", "--format=%s", "main", cwd=server.root / "retail/shop.git"
        )


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
    assert f"TotalFiles={5 * len(JENKINS)} FilesWithViolations=0" in done.stdout


def test_an_update_of_the_template_is_proposed_as_a_branch_and_renewed(
    java: Java, versions: Path, tmp_path: Path
) -> None:
    made = lives.generate(versions, history.THIS, tmp_path / "made", support.answers("jenkins-with-acr-on-gitlab"))
    jenkins = world.make(java, made, tmp_path)
    build = jenkins.run(TEMPLATE_UPDATE)
    assert (build.result, build.reason) == ("SUCCESS", ""), build.said()
    assert build.of("triggers")[0]["cron"] == ["H 5 * * 1"]
    assert f"Update the template to {history.LATER}" in support.git(
        "log", "-1", "--format=%s", "template-update", cwd=jenkins.origin
    )
    assert "pushed template-update: open the pull request at" in build.said()
    # The template's code runs on one agent, where branches run; the credential is on another.
    merged, proposed = build.ran("make template-update")[0], build.ran("scripts/template-propose")[0]
    assert (merged["pod"], proposed["pod"]) == ("jenkins/agents/check.yaml", "jenkins/agents/deploy.yaml")
    assert [agent["namespace"] for agent in build.of("agent")] == ["jenkins-changes", "jenkins-release"]
    assert [event["type"] for event in build.events if event["type"] in ("agent", "credential")][-1] == "credential"
    before = jenkins.tip("template-update")
    jenkins.push({"README.md": "\nA note.\n"}, "Add a note")
    assert jenkins.run(TEMPLATE_UPDATE).result == "SUCCESS"
    assert jenkins.tip("template-update") != before
    assert support.git("rev-parse", "template-update^", cwd=jenkins.origin) == jenkins.tip()
