"""The scripts that the pipeline calls around bump-image, with stand-ins for kubectl, cosign and gh on PATH."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import support
from tests.fakes import lock_providers

DIGEST = "sha256:" + "ab" * 32
OTHER_DIGEST = "sha256:" + "cd" * 32


@pytest.fixture
def stand_ins(tmp_path: Path) -> Path:
    """A folder for PATH; `calls` in it records what was called."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "calls").touch()
    return folder


def stand_in(folder: Path, name: str, script: str = "") -> None:
    program = folder / name
    program.write_text(f'#!/bin/sh\necho "{name} $*" >>"{folder}/calls"\n{script}\n')
    program.chmod(0o755)


def calls(folder: Path) -> list[str]:
    return (folder / "calls").read_text().splitlines()


def call(product: Path, folder: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    path = f"{folder}{os.pathsep}{support.TOOLS_FIRST}"
    return support.run(*command, cwd=product, PATH=path, PYTHONPATH=str(support.CLOCK), **environment)


def bump(product: Path, environment: str, *images: str) -> str:
    done = support.run(sys.executable, "scripts/bump-image", environment, *images, cwd=product)
    assert done.returncode == 0, done.stderr
    return support.git("rev-parse", "HEAD", cwd=product)


def cluster(folder: Path, product: Path, *, broken: str) -> None:
    """A kubectl whose Argo CD runs the newest commit, and finds it degraded while the image `broken` is asked for."""
    remote = support.git("remote", "get-url", "origin", cwd=product)
    stand_in(
        folder,
        "kubectl",
        f"""\
case " $* " in
*" annotate "*) exit 0 ;;
*" pods "* | *" replicasets.apps "* | *" events "*) echo '{{"items": []}}'; exit 0 ;;
esac
health=Healthy
git -C {remote} grep -q '{broken}' main -- '*/dev/imagetags/*' && health=Degraded
commit=$(git -C {remote} rev-parse main)
cat <<JSON
{{"status": {{"sync": {{"status": "Synced", "revision": "$commit"}}, "health": {{"status": "$health"}},
  "operationState": {{"phase": "Succeeded", "syncResult": {{"revision": "$commit"}}}},
  "resources": [{{"kind": "Deployment", "name": "frontend", "health": {{"status": "$health", "message": "no progress"}}}}]}}}}
JSON""",
    )


def test_a_roll_out_tells_argo_cd_and_waits(pushed_product: Path, stand_ins: Path) -> None:
    commit = bump(pushed_product, "dev", "frontend=v1")
    cluster(stand_ins, pushed_product, broken="none")
    done = call(pushed_product, stand_ins, "scripts/roll-out", "dev", commit)
    assert done.returncode == 0, done.stderr
    assert "annotate" in calls(stand_ins)[0]
    assert f"dev: healthy at {commit[:12]}" in done.stdout
    assert support.git("ls-remote", "origin", "main", cwd=pushed_product).startswith(commit)


def test_a_roll_out_that_does_not_become_healthy_is_put_back_and_fails_with_the_reason(
    pushed_product: Path, stand_ins: Path
) -> None:
    bump(pushed_product, "dev", "frontend=v1")
    commit = bump(pushed_product, "dev", "frontend=broken")
    cluster(stand_ins, pushed_product, broken="broken")
    done = call(pushed_product, stand_ins, "scripts/roll-out", "--unsigned", "dev", commit)
    assert done.returncode == 1
    assert "dev is not healthy" in done.stderr
    assert "Deployment frontend: Degraded: no progress" in done.stderr
    assert "dev: back to frontend v1" in done.stdout
    assert "dev: healthy at" in done.stdout, "the old version is waited for"
    assert [line for line in calls(stand_ins) if "annotate" in line] == [calls(stand_ins)[0]] * 2


def test_a_roll_out_goes_on_where_the_cluster_is_away_for_a_moment(pushed_product: Path, stand_ins: Path) -> None:
    """Otherwise nobody would look at what has been deployed, nor put it back."""
    commit = bump(pushed_product, "dev", "frontend=v1")
    cluster(stand_ins, pushed_product, broken="none")
    program = stand_ins / "kubectl"
    away = f'[ -e {stand_ins}/seen ] || {{ touch {stand_ins}/seen; echo "connection refused" >&2; exit 1; }}'
    program.write_text(program.read_text().replace('case " $*', f'{away}\ncase " $*', 1))
    done = call(pushed_product, stand_ins, "scripts/roll-out", "dev", commit)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"dev: healthy at {commit[:12]}" in done.stdout


def test_a_roll_out_with_no_deployment_to_blame_changes_nothing(pushed_product: Path, stand_ins: Path) -> None:
    """As after a manual change in apps/: what people have written is theirs to revert."""
    commit = bump(pushed_product, "dev", "frontend=broken")
    cluster(stand_ins, pushed_product, broken="broken")
    done = call(pushed_product, stand_ins, "scripts/roll-out", "dev")
    assert done.returncode == 1
    assert support.git("ls-remote", "origin", "main", cwd=pushed_product).startswith(commit)


def test_a_roll_out_of_a_rollback_does_not_bring_back_what_was_taken_away(
    pushed_product: Path, stand_ins: Path
) -> None:
    bump(pushed_product, "dev", "frontend=v1")
    bump(pushed_product, "dev", "frontend=broken")
    assert support.run(sys.executable, "scripts/rollback", "dev", cwd=pushed_product).returncode == 0
    commit = support.git("rev-parse", "HEAD", cwd=pushed_product)
    cluster(stand_ins, pushed_product, broken="v1")
    done = call(pushed_product, stand_ins, "scripts/roll-out", "dev", commit)
    assert done.returncode == 1
    assert "dev: nothing to roll back" in done.stdout
    assert support.git("ls-remote", "origin", "main", cwd=pushed_product).startswith(commit)


@pytest.mark.costly
@pytest.mark.parametrize(
    ("compared", "ended"),
    [
        ("Synced", (0, "dev: healthy at")),
        ("Unknown", (1, "ComparisonError: Deployment frontend: forbidden")),
        ("never", (1, "Argo CD was told to compare with Git again, and has not done it")),
        ("denied", (1, "applications.argoproj.io is forbidden")),
    ],
)
def test_no_difference_is_believed_where_nothing_was_applied_only_once_argo_cd_has_looked_again(
    pushed_product: Path, stand_ins: Path, compared: str, ended: tuple[int, str]
) -> None:
    """It remembers a comparison that the API server has refused as one without a difference."""
    before = bump(pushed_product, "dev", "frontend=v1")
    commit = bump(pushed_product, "dev", "frontend=v2")
    errors = [{"type": "ComparisonError", "message": "Deployment frontend: forbidden"}] if compared == "Unknown" else []
    for name, sync, conditions in (("remembered", "Synced", []), ("fresh", compared, errors)):
        status = {
            "sync": {"status": sync, "revision": commit},
            "health": {"status": "Healthy"},
            "operationState": {"phase": "Succeeded", "syncResult": {"revision": before}},
            "conditions": conditions,
        }
        (stand_ins / name).write_text(json.dumps({"metadata": {"name": "dev"}, "status": status}))
    refreshing = {"metadata": {"annotations": {"argocd.argoproj.io/refresh": "normal"}}}
    waiting = json.loads((stand_ins / "remembered").read_text()) | refreshing
    (stand_ins / "waiting").write_text(json.dumps(waiting))
    stand_in(
        stand_ins,
        "kubectl",
        f"""\
cd {stand_ins}
case "{compared} $* " in
"denied "*" annotate "*) echo 'Error: applications.argoproj.io is forbidden' >&2; exit 1 ;;
"never "*" annotate "*) ln -sf waiting answer; exit 0 ;;
*" annotate "*) ln -sf fresh answer; exit 0 ;;
*" pods "* | *" replicasets.apps "* | *" events "*) echo '{{"items": []}}'; exit 0 ;;
esac
[ -e answer ] && cat answer || cat remembered
# It is soon forgotten.
[ {compared} = never ] || rm -f answer""",
    )
    timeout = "2" if compared == "never" else "60"
    done = call(pushed_product, stand_ins, sys.executable, "scripts/wait-healthy", "dev", "--timeout", timeout)
    assert done.returncode == ended[0], done.stdout + done.stderr
    assert ended[1] in done.stdout + done.stderr


def test_a_commit_of_another_environment_is_no_reason_to_look_again(pushed_product: Path, stand_ins: Path) -> None:
    before = bump(pushed_product, "dev", "frontend=v1")
    commit = bump(pushed_product, "prod", "frontend=v1")
    status = {
        "sync": {"status": "Synced", "revision": commit},
        "health": {"status": "Healthy"},
        "operationState": {"phase": "Succeeded", "syncResult": {"revision": before}},
    }
    stand_in(stand_ins, "kubectl", f"echo '{json.dumps({'status': status})}'")
    done = call(pushed_product, stand_ins, sys.executable, "scripts/wait-healthy", "dev")
    assert done.returncode == 0, done.stderr
    assert not any("annotate" in line for line in calls(stand_ins))


def test_the_environments_of_a_change_are_those_it_touches(pushed_product: Path, stand_ins: Path) -> None:
    before = support.git("rev-parse", "HEAD", cwd=pushed_product)
    bump(pushed_product, "prod", "frontend=v1", "backend=v1")

    def changed(*arguments: str) -> list[str]:
        done = call(pushed_product, stand_ins, "scripts/changed-environments", *arguments)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)  # type: ignore[no-any-return]

    assert changed(before) == ["prod"]
    assert changed("HEAD") == []
    assert changed("0" * 40) == ["dev", "prod"], "a first push has no commit before it"
    [deployment] = pushed_product.glob("apps/*/base/frontend/deployment.yaml")
    deployment.write_text(deployment.read_text() + "# A comment.\n")
    support.git("commit", "-qam", "Change what all share", cwd=pushed_product)
    assert changed("HEAD^") == ["dev", "prod"]
    # A component elsewhere, which the Application of one environment names.
    component = pushed_product / "shared" / "debug" / "kustomization.yaml"
    component.parent.mkdir(parents=True)
    component.write_text("apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n")
    [application] = pushed_product.glob("clusters/*/environments/prod.yaml")
    application.write_text(application.read_text().replace(".;../../base", ".;../../base;/shared/debug"))
    support.git("add", "-A", cwd=pushed_product)
    support.git("commit", "-qm", "Share it", cwd=pushed_product)
    assert changed("HEAD^") == ["prod"]
    application.write_text(re.sub(r".*manifest-generate-paths.*\n", "", application.read_text()))
    support.git("commit", "-qam", "Watch everything", cwd=pushed_product)
    assert changed("HEAD^") == ["prod"]


@pytest.mark.parametrize("name", ["x\nprod=v1", '","prod', "--push", "$(id)", "a b", "::error::x"])
def test_a_folder_whose_name_says_more_than_a_name_is_left_out(
    name: str, pushed_product: Path, stand_ins: Path
) -> None:
    shutil.copytree(pushed_product / "src" / "frontend", pushed_product / "src" / name)
    [overlays] = pushed_product.glob("apps/*/overlays")
    shutil.copytree(overlays / "dev", overlays / name)
    tags = overlays / name / "imagetags" / "kustomization.yaml"
    tags.write_text(tags.read_text().replace("unreleased", "v1"))
    [base] = pushed_product.glob("apps/*/base")
    shutil.copytree(base / "frontend", base / name)
    for command, printed in (("services", "backend frontend\n"), ("environments", '["dev","prod"]\n')):
        done = call(pushed_product, stand_ins, f"scripts/changed-{command}", "0" * 40)
        assert (done.returncode, done.stdout) == (0, printed)
        support.assert_plain(done.stderr)
        assert len(done.stderr.splitlines()) == 1
    done = call(pushed_product, stand_ins, "scripts/build-images", "v1", name)
    assert done.returncode == 1
    assert calls(stand_ins) == []


@pytest.mark.parametrize("base", ["--output=stolen", "-h", "--no-index"])
def test_a_commit_to_compare_with_is_no_option(base: str, pushed_product: Path, stand_ins: Path) -> None:
    for command in (["changed-services", "--"], ["changed-environments"]):
        done = call(pushed_product, stand_ins, f"scripts/{command[0]}", *command[1:], base)
        assert done.stderr == ""
    assert support.git("status", "--porcelain", cwd=pushed_product) == ""


def test_images_are_signed_by_digest_for_the_name_that_the_overlays_use_and_their_commit(
    own_product: Path, stand_ins: Path
) -> None:
    stand_in(stand_ins, "cosign")
    image = call(own_product, stand_ins, "scripts/image-name", "frontend").stdout.strip()
    version = f"frontend=sha-0123@{DIGEST}"
    assert call(own_product, stand_ins, "scripts/sign-images", version).returncode == 0
    key = "azurekms://vault.example/image-signing"
    assert call(own_product, stand_ins, "scripts/sign-images", version, COSIGN_KEY=key).returncode == 0
    assert calls(stand_ins) == [
        f"cosign sign --yes -a commit=0123 -a image={image} {image}@{DIGEST}",
        f"cosign sign --yes --key {key} -a commit=0123 -a image={image} {image}@{DIGEST}",
    ]


def test_a_path_for_cd_leads_nowhere_else(own_product: Path, tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    name = support.run("scripts/image-name", "frontend", cwd=own_product, CDPATH="")
    assert name.stdout
    for path in (str(tmp_path), f".:{tmp_path}"):
        again = support.run("scripts/image-name", "frontend", cwd=own_product, CDPATH=path)
        assert (again.returncode, again.stdout) == (0, name.stdout)


def test_whatever_holds_a_lock_of_jenkins_has_a_limit(rendered: Callable[[str], Path]) -> None:
    """As the jobs of GitHub have: otherwise what hangs would hold up every deployment."""
    product = rendered("jenkins-with-acr-on-gitlab")
    texts = [path.read_text() for path in (product / "Jenkinsfile", *product.glob("jenkins/*.Jenkinsfile"))]
    assert sum(text.count("lock(") for text in texts) == 3
    for text in texts:
        for held in text.split("lock(")[1:]:
            assert re.match(r".*\{\n(\s*//.*\n)?\s*timeout\(time: 60, unit: 'MINUTES'\) \{\n", held)


@pytest.mark.parametrize("quote", ["", "'", '"'])
def test_the_name_is_what_an_overlay_calls_it_in_whatever_quotes(own_product: Path, quote: str) -> None:
    image = support.run("scripts/image-name", "frontend", cwd=own_product).stdout.strip()
    [overlay] = own_product.glob("apps/*/overlays/dev/kustomization.yaml")
    names = f"images:\n  - name: {quote}{image}{quote}\n    newName: {quote}other.example/web{quote}\n"
    overlay.write_text(f"{overlay.read_text()}{names}")
    assert support.run("scripts/image-name", "frontend", cwd=own_product).stdout == "other.example/web\n"


@pytest.mark.parametrize("version", ["v1", f"v1@{DIGEST}", "sha-0123", "latest"])
def test_an_image_that_names_no_build_is_not_signed(own_product: Path, stand_ins: Path, version: str) -> None:
    stand_in(stand_ins, "cosign")
    done = call(own_product, stand_ins, "scripts/sign-images", f"frontend={version}")
    assert done.returncode == 1
    assert f"frontend={version} names no build" in done.stderr
    assert calls(stand_ins) == []


def test_a_promotion_says_what_changes_and_by_which_commits(pushed_product: Path, stand_ins: Path) -> None:
    builds = []
    for number in range(3):
        source = pushed_product / "src" / "frontend" / "NOTES.md"
        source.write_text(f"{number}\n")
        support.git("add", "-A", cwd=pushed_product)
        support.git("commit", "-q", "-m", f"Change the frontend, part {number}", cwd=pushed_product)
        builds.append(support.git("rev-parse", "HEAD", cwd=pushed_product))
    support.git("push", "-q", "origin", "main", cwd=pushed_product)
    bump(pushed_product, "prod", f"frontend=sha-{builds[0]}@{DIGEST}", "backend=v1")
    bump(pushed_product, "dev", f"frontend=sha-{builds[2]}@{OTHER_DIGEST}", "backend=v1")
    stand_in(stand_ins, "gh", f'printf "%s\\n" "$@" >{stand_ins}/arguments; echo https://forge.example/pull/7')
    done = call(pushed_product, stand_ins, sys.executable, "scripts/promote", "dev", "prod")
    assert done.stdout == "proposed https://forge.example/pull/7\n"
    body = (stand_ins / "arguments").read_text()
    row = f"| frontend | `sha-{builds[0]}@{DIGEST}` | `sha-{builds[2]}@{OTHER_DIGEST}` |"
    assert row in body
    assert "backend" not in body, "what stays as it is needs no review"
    assert "Change the frontend, part 2 (Test)" in body
    assert "Change the frontend, part 1 (Test)" in body
    assert "Change the frontend, part 0" not in body


def test_history_is_that_of_the_server_also_in_a_clone_that_is_behind(pushed_product: Path, tmp_path: Path) -> None:
    support.git("clone", "-q", f"{tmp_path}/remote.git", str(tmp_path / "behind"), cwd=tmp_path)
    bump(pushed_product, "dev", "frontend=v1")
    done = support.run(sys.executable, "scripts/history", "dev", cwd=tmp_path / "behind")
    assert "deploy(dev): frontend v1" in done.stdout
    support.git("remote", "set-url", "origin", f"{tmp_path}/gone.git", cwd=tmp_path / "behind")
    done = support.run(sys.executable, "scripts/history", "dev", cwd=tmp_path / "behind")
    assert done.returncode == 0
    assert "as of this clone, because the server can't be asked" in done.stderr


@pytest.mark.parametrize("pushed_product", ["cluster-per-environment"], indirect=True)
def test_a_roll_out_asks_the_cluster_of_its_environment_only(pushed_product: Path, stand_ins: Path) -> None:
    cluster(stand_ins, pushed_product, broken="nothing")
    done = call(pushed_product, stand_ins, "scripts/roll-out", "prod")
    assert done.returncode == 0, done.stderr
    asked = [line for line in calls(stand_ins) if line.startswith("kubectl")]
    assert any(" annotate " in line for line in asked)
    assert any(" get " in line for line in asked)
    assert all(line.startswith("kubectl --context aks-goal-tracker-prod ") for line in asked), asked


def test_where_environments_share_a_cluster_the_current_context_is_asked(pushed_product: Path, stand_ins: Path) -> None:
    cluster(stand_ins, pushed_product, broken="nothing")
    assert call(pushed_product, stand_ins, "scripts/roll-out", "prod").returncode == 0
    assert not [line for line in calls(stand_ins) if "--context" in line]


@pytest.mark.parametrize("command", ["refresh", "status", "wait-healthy"])
@pytest.mark.parametrize("pushed_product", ["defaults", "cluster-per-environment"], indirect=True)
def test_kubectl_without_the_cluster_gives_one_line_with_the_cure(
    command: str, pushed_product: Path, stand_ins: Path
) -> None:
    """By kubectl itself, which complains in lines of its log first."""
    done = call(pushed_product, stand_ins, f"scripts/{command}", "dev", KUBECONFIG=str(stand_ins / "nothing"))
    assert done.returncode == 1
    said = [line for line in (done.stdout + done.stderr).splitlines() if "kubectl" in line]
    [name] = [path.parts[-3] for path in pushed_product.glob("clusters/*/environments/dev.yaml")]
    assert [line.partition("kubectl")[2] for line in said] == [
        f" knows no cluster {name}: run az aks get-credentials, as `make up` says at its end"
    ]
    assert "memcache" not in done.stdout + done.stderr


def test_a_missing_terraform_is_named_with_its_cure(pushed_product: Path, stand_ins: Path) -> None:
    (stand_ins / "dirname").symlink_to(shutil.which("dirname") or "")
    done = support.run("scripts/test-terraform", cwd=pushed_product, PATH=str(stand_ins))
    assert done.returncode == 1
    assert done.stderr == "test-terraform: terraform is not on PATH: make doctor says where it comes from\n"


@pytest.mark.parametrize("own_product", ["cluster-per-environment"], indirect=True)
def test_the_pipeline_plans_and_applies_with_values_and_state_of_one_cluster(
    own_product: Path, stand_ins: Path
) -> None:
    lock_providers(own_product)
    stand_in(
        stand_ins, "terraform", f'echo "$TF_DATA_DIR" >>"{stand_ins}/folders"; case "$*" in *-json*) echo "{{}}";; esac'
    )
    done = call(own_product, stand_ins, "scripts/plan", "--digest", "digest", "prod")
    assert done.returncode == 0, done.stderr
    done = call(own_product, stand_ins, "scripts/apply", "prod", (own_product / "digest").read_text().strip())
    assert done.returncode == 0, done.stderr
    for line in calls(stand_ins):
        assert line.startswith(("terraform -chdir=terraform/platform ", "terraform -chdir=terraform/gitops ")), line
        own = ("-lockfile=readonly", "-backend-config=prod.azurerm.tfbackend")
        assert " init " not in line or all(option in line for option in own), line
        assert " plan " not in line or " -var-file=prod.tfvars" in line, line
    assert sum(" plan " in line for line in calls(stand_ins)) == 4
    assert set((stand_ins / "folders").read_text().split()) == {".terraform/prod"}


@pytest.mark.parametrize(
    ("kind", "name", "actions", "refused"),
    [
        ("azurerm_container_registry", "this", ["delete", "create"], True),
        ("azurerm_postgresql_flexible_server", "this", ["delete"], True),
        ("azurerm_public_ip", "gateway", ["delete"], True),
        ("azurerm_public_ip", "gateway", ["update"], False),
        ("azurerm_container_registry", "previews", ["delete"], False),
        ("azurerm_role_assignment", "ci", ["delete"], False),
    ],
)
@pytest.mark.parametrize("own_product", ["cluster-per-environment"], indirect=True)
def test_the_pipeline_destroys_nothing_that_holds_data_or_an_address(
    own_product: Path, stand_ins: Path, kind: str, name: str, actions: list[str], refused: bool
) -> None:
    lock_providers(own_product)
    change = {"address": f"{kind}.{name}", "type": kind, "change": {"actions": actions}}
    plan = json.dumps({"resource_changes": [change]})
    stand_in(stand_ins, "terraform", f"case \"$*\" in *-json*) echo '{plan}';; esac")
    done = call(own_product, stand_ins, "scripts/plan", "--digest", "digest", "prod")
    assert done.returncode == refused, done.stderr
    assert (f"this would destroy {kind}.{name}" in done.stderr) == refused
    assert (own_product / "digest").exists() != refused


@pytest.mark.parametrize("command", ["plan", "apply"])
@pytest.mark.parametrize("given", [(), ("staging",), ("dev", "prod")])
@pytest.mark.parametrize("own_product", ["cluster-per-environment"], indirect=True)
def test_without_one_environment_nothing_is_planned_or_applied(
    own_product: Path, stand_ins: Path, command: str, given: tuple[str, ...]
) -> None:
    stand_in(stand_ins, "terraform")
    lock_providers(own_product)
    done = call(own_product, stand_ins, f"scripts/{command}", *given)
    assert done.returncode in (1, 2), done.stdout
    assert f"{command}: " in done.stderr
    assert calls(stand_ins) == []
