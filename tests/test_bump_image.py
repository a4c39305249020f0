"""scripts/bump-image and its neighbours, on real git repositories."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import support
from tests.in_process import InProcess

DIGEST = "sha256:" + "ab" * 32


def bump(product: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return support.run(sys.executable, "scripts/bump-image", *arguments, cwd=product)


def tip(product: Path) -> str:
    return support.git("ls-remote", "origin", "refs/heads/main", cwd=product).split()[0]


def images(product: Path, environment: str) -> dict[str, str]:
    [overlay] = product.glob(f"apps/*/overlays/{environment}")
    return {
        document["metadata"]["name"]: document["spec"]["template"]["spec"]["containers"][0]["image"]
        for document in support.kustomize(overlay)
        if document["kind"] == "Deployment"
    }


def flat(value: Any, path: str = "") -> dict[str, Any]:
    if isinstance(value, dict):
        return {k: v for key, item in value.items() for k, v in flat(item, f"{path}.{key}").items()}
    if isinstance(value, list):
        return {k: v for index, item in enumerate(value) for k, v in flat(item, f"{path}[{index}]").items()}
    return {path: value}


def test_a_bumped_tag_is_all_that_changes_in_what_kustomize_builds(
    rendered: Callable[[str], Path], tmp_path: Path
) -> None:
    product = shutil.copytree(rendered("goal-tracker-on-docker-hub"), tmp_path / "product")
    overlay = product / "apps" / "goal-tracker" / "overlays" / "dev"
    before = flat(support.kustomize(overlay))
    done = bump(product, "--no-push", "dev", "frontend=v3")
    assert done.returncode == 0, done.stderr
    after = flat(support.kustomize(overlay))
    assert images(product, "dev")["frontend"] == "itsbaivab/frontend:v3"
    assert {key for key in before | after if before.get(key) != after.get(key)} == {
        next(key for key, value in after.items() if value == "itsbaivab/frontend:v3")
    }
    untouched = rendered("goal-tracker-on-docker-hub")
    changed = [
        path for path in support.relative(product) if (product / path).read_bytes() != (untouched / path).read_bytes()
    ]
    assert changed == ["apps/goal-tracker/overlays/dev/imagetags/kustomization.yaml"]


def test_tag_and_digest_are_both_in_the_image(own_product: Path) -> None:
    assert bump(own_product, "--no-push", "prod", f"backend=sha-0123@{DIGEST}").returncode == 0
    assert images(own_product, "prod")["backend"].endswith(f"/backend:sha-0123@{DIGEST}")


def test_services_of_one_image_are_deployed_together_whichever_is_named(in_process: InProcess, tmp_path: Path) -> None:
    one = [{"name": name, "image": "app"} for name in ("web", "worker")]
    in_process.render({"services": one}, tmp_path)
    for number, service in enumerate(("web", "worker")):
        done = bump(tmp_path, "--no-push", "dev", f"{service}=v{number}")
        assert done.stdout == f"dev: {service} v{number}, {one[not number]['name']} v{number}\n", done.stderr
        assert all(image.endswith(f"/app:v{number}") for image in images(tmp_path, "dev").values())
    done = bump(tmp_path, "--no-push", "dev", "web=v2", "worker=v3")
    assert done.stderr == "bump-image: web and worker have one image: give them one tag\n"


@pytest.mark.costly
@pytest.mark.parametrize("tag", ["1e5", "0123", "12345678", "true", "null", "1.10"])
def test_a_tag_that_looks_like_a_number_stays_a_text(own_product: Path, tag: str) -> None:
    assert bump(own_product, "--no-push", "dev", f"frontend={tag}").returncode == 0
    assert images(own_product, "dev")["frontend"].endswith(f"/frontend:{tag}")
    assert support.run(sys.executable, "scripts/validate", "--no-tools", cwd=own_product).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["", "frontend=v3"], "bump-image: no environment is named: choose one of dev, prod"),
        (["nowhere", "frontend=v3"], "there is no environment 'nowhere': choose one of dev, prod"),
        (["dev", "frontnd=v3"], "there is no service 'frontnd': choose one of backend, frontend"),
        (["dev", "frontend"], "'frontend' is not SERVICE=TAG"),
        (["dev", "frontend=latest"], "the tag 'latest' names no version"),
        (["dev", "frontend=a b"], "is not an image tag"),
        (["dev", "frontend=$(id)"], "is not an image tag"),
        (["dev", "frontend=v3@sha256:12"], "is not a digest"),
        (["dev", "frontend=v3", "frontend=v4"], "frontend is named twice"),
    ],
)
def test_a_wrong_argument_gets_one_line_and_changes_nothing(
    own_product: Path, arguments: list[str], words: str
) -> None:
    done = bump(own_product, "--no-push", *arguments)
    assert done.returncode == 1
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert support.git("status", "--porcelain", cwd=own_product) == ""


def test_a_bump_is_one_commit_on_the_remote_with_trailers(pushed_product: Path) -> None:
    before = tip(pushed_product)
    done = bump(pushed_product, "dev", f"frontend=v3@{DIGEST}", "backend=v4")
    assert done.returncode == 0, done.stderr
    after = tip(pushed_product)
    assert support.git("rev-parse", f"{after}^", cwd=pushed_product) == before
    message = support.git("log", "-1", "--format=%B", after, cwd=pushed_product)
    assert message.splitlines()[0] == "deploy(dev): frontend v3, backend v4"
    assert f"Deploy-Image: frontend=v3@{DIGEST}" in message
    changed = support.git("diff", "--name-only", before, after, cwd=pushed_product)
    assert changed == "apps/goal-tracker/overlays/dev/imagetags/kustomization.yaml"
    assert support.git("rev-parse", "HEAD", cwd=pushed_product) == after
    assert support.git("status", "--porcelain", cwd=pushed_product) == ""


def test_nothing_to_change_makes_no_commit_and_ends_well(pushed_product: Path) -> None:
    assert bump(pushed_product, "dev", "frontend=v3").returncode == 0
    before = tip(pushed_product)
    done = bump(pushed_product, "dev", "frontend=v3")
    assert (done.returncode, done.stdout) == (0, "dev: nothing to change\n")
    assert tip(pushed_product) == before


def test_looking_for_changes_does_not_write_the_index(pushed_product: Path) -> None:
    """Killed while it wrote, git would leave the index locked."""
    os.utime(pushed_product / "README.md", (1, 1))
    before = (pushed_product / ".git" / "index").read_bytes()
    assert bump(pushed_product, "dev", "frontend=unreleased").returncode == 0
    assert (pushed_product / ".git" / "index").read_bytes() == before


def test_an_older_build_does_not_replace_a_newer_one(pushed_product: Path) -> None:
    older = tip(pushed_product)
    assert bump(pushed_product, "dev", "backend=v1").returncode == 0
    newer = tip(pushed_product)
    assert bump(pushed_product, "dev", f"frontend=sha-{newer}").returncode == 0
    done = bump(pushed_product, "dev", f"frontend=sha-{older}")
    assert done.returncode == 0
    assert f"frontend sha-{newer} is newer than sha-{older}: kept" in done.stdout
    support.git("pull", "-q", "--ff-only", cwd=pushed_product)
    assert images(pushed_product, "dev")["frontend"].endswith(f":sha-{newer}")


def test_promotion_proposes_the_same_tags_and_digests(pushed_product: Path) -> None:
    assert bump(pushed_product, "dev", f"frontend=v3@{DIGEST}", "backend=v4").returncode == 0
    done = support.run(sys.executable, "scripts/promote", "dev", "prod", cwd=pushed_product)
    assert done.returncode == 0, done.stderr
    assert "pushed promote/dev-to-prod: open the pull request at" in done.stdout
    support.git("fetch", "-q", "origin", "promote/dev-to-prod", cwd=pushed_product)
    support.git("checkout", "-q", "FETCH_HEAD", cwd=pushed_product)
    assert images(pushed_product, "prod") == images(pushed_product, "dev")
    assert support.git("diff", "--name-only", "main", "HEAD", cwd=pushed_product) == (
        "apps/goal-tracker/overlays/prod/imagetags/kustomization.yaml"
    )


def test_an_environment_without_a_release_is_not_promoted(pushed_product: Path) -> None:
    done = support.run(sys.executable, "scripts/promote", "dev", "prod", cwd=pushed_product)
    assert done.returncode == 1
    assert "dev has no release of frontend, backend yet" in done.stderr


def test_rollback_goes_back_one_deployment_at_a_time(pushed_product: Path) -> None:
    for tag in ("v1", "v2", "v3"):
        assert bump(pushed_product, "dev", f"frontend={tag}").returncode == 0
    for tag in ("v2", "v1"):
        done = support.run(sys.executable, "scripts/rollback", "dev", cwd=pushed_product)
        assert done.returncode == 0, done.stderr
        assert images(pushed_product, "dev")["frontend"].endswith(f":{tag}")
    done = support.run(sys.executable, "scripts/rollback", "dev", cwd=pushed_product)
    assert (done.returncode, done.stdout) == (0, "dev: nothing to roll back\n")


def test_rollback_of_a_deployment_leaves_a_newer_one_of_another_service(pushed_product: Path) -> None:
    assert bump(pushed_product, "dev", "frontend=v1", "backend=v1").returncode == 0
    assert bump(pushed_product, "dev", "frontend=v2").returncode == 0
    bad = tip(pushed_product)
    assert bump(pushed_product, "dev", "backend=v2").returncode == 0
    assert support.run(sys.executable, "scripts/rollback", "dev", "--commit", bad, cwd=pushed_product).returncode == 0
    now = images(pushed_product, "dev")
    assert now["frontend"].endswith(":v1")
    assert now["backend"].endswith(":v2")


def test_history_lists_deployments_newest_first(pushed_product: Path) -> None:
    for tag in ("v1", "v2"):
        assert bump(pushed_product, "dev", f"frontend={tag}").returncode == 0
    done = support.run(sys.executable, "scripts/history", "dev", cwd=pushed_product)
    lines = [line for line in done.stdout.splitlines() if "deploy(" in line]
    assert [line.split("deploy(dev): ")[1] for line in lines] == ["frontend v2", "frontend v1"]
    assert all("Test" in line for line in lines)


def test_history_and_promotions_show_words_of_others_as_plain_text(pushed_product: Path, tmp_path: Path) -> None:
    message = ("-c", f"user.name=Ann{support.HOSTILE}", "commit", "-q", "--cleanup=verbatim", "-am", support.HOSTILE)
    commits = []
    for number in range(2):
        (pushed_product / "src" / "frontend" / "notes.txt").write_text(str(number))
        support.git("add", "-A", cwd=pushed_product)
        support.git(*message, cwd=pushed_product)
        support.git("push", "-q", cwd=pushed_product)
        commits.append(support.git("rev-parse", "HEAD", cwd=pushed_product))
    for environment, commit in (("prod", commits[0]), ("dev", commits[1])):
        assert bump(pushed_product, "--no-push", environment, f"frontend=sha-{commit}", "backend=v1").returncode == 0
        support.git(*message, cwd=pushed_product)
    support.git("push", "-q", cwd=pushed_product)
    done = support.run(sys.executable, "scripts/history", "dev", cwd=pushed_product)
    assert done.returncode == 0, done.stderr
    support.assert_plain(done.stdout + done.stderr)
    assert len(done.stdout.splitlines()) == 1, "one line for each deployment"
    gh = tmp_path / "bin" / "gh"
    gh.parent.mkdir()
    gh.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    gh.chmod(0o755)
    path = f"{gh.parent}{os.pathsep}{support.TOOLS_FIRST}"
    done = support.run(sys.executable, "scripts/promote", "dev", "prod", cwd=pushed_product, PATH=path)
    assert done.returncode == 0, done.stderr
    support.assert_plain(done.stdout + done.stderr)
    assert "mine" in done.stdout


@pytest.mark.parametrize("argument", ["--commit-file={file}", "--no-push", "--commit-file", "-h", "--"])
def test_an_image_that_looks_like_an_option_is_none(argument: str, pushed_product: Path, tmp_path: Path) -> None:
    before = tip(pushed_product)
    given = argument.replace("{file}", str(tmp_path / "written"))
    for command in (("python3", "scripts/bump-image"), ("scripts/deploy",)):
        done = support.run(*command, "dev", "frontend=v1", given, cwd=pushed_product)
        assert done.returncode, done.stdout
        assert "service" in done.stderr or "not SERVICE=TAG" in done.stderr, done.stderr
    assert tip(pushed_product) == before
    assert not (tmp_path / "written").exists()
    assert support.git("status", "--porcelain", cwd=pushed_product) == ""


def test_a_commit_that_looks_like_an_option_is_none(pushed_product: Path) -> None:
    for value in ("--all", "-h", "--git-dir=/", support.HOSTILE):
        done = support.run(sys.executable, "scripts/rollback", "dev", f"--commit={value}", cwd=pushed_product)
        assert done.returncode == 1
        support.assert_plain(done.stderr)
        assert len(done.stderr.splitlines()) == 1, done.stderr


def test_the_pushed_commit_is_written_where_it_is_asked_for(pushed_product: Path, tmp_path: Path) -> None:
    file = tmp_path / "commit"
    done = bump(pushed_product, "--commit-file", str(file), "dev", "frontend=v3")
    assert done.returncode == 0, done.stderr
    assert file.read_text() == tip(pushed_product)
    file.unlink()
    assert bump(pushed_product, "--commit-file", str(file), "dev", "frontend=v3").returncode == 0
    assert not file.exists(), "nothing was pushed"


def promote(product: Path) -> str:
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    done = support.run(sys.executable, "scripts/promote", "dev", "prod", cwd=product, PATH=path)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_reader_that_has_seen_enough_hears_nothing_more(product: Path) -> None:
    program = "from gitops.process import run; run(lambda: [print('x' * 100) for _ in range(9999)] and None)"
    command = f'{sys.executable} -c "{program}" | head -1'
    done = support.run("bash", "-o", "pipefail", "-c", command, cwd=product, PYTHONPATH=str(product / "scripts"))
    assert (done.returncode, done.stdout, done.stderr) == (141, "x" * 100 + "\n", "")


def test_gitlab_opens_the_merge_request_with_the_push(pushed_product: Path, tmp_path: Path) -> None:
    asked = support.move_to_gitlab(pushed_product, push_options=True)
    assert bump(pushed_product, "dev", "frontend=v3", "backend=v3").returncode == 0
    assert asked.read_text() == "", "a deployment asks for none"
    assert promote(pushed_product) == "proposed https://gitlab.test/o/r/-/merge_requests/7"
    title = support.git("log", "-1", "--format=%s", "refs/heads/promote/dev-to-prod", cwd=tmp_path / "gitlab.git")
    *options, text = asked.read_text().splitlines()
    assert options == [
        f"merge_request.{option}" for option in ("create", "target=main", "remove_source_branch", f"title={title}")
    ]
    assert text.startswith(r"merge_request.description=| service | now | then |\n| --- | --- | --- |\n| frontend ")


def test_a_proposal_names_the_page_that_gitlab_has_for_it(pushed_product: Path) -> None:
    support.move_to_gitlab(pushed_product, push_options=False)
    assert bump(pushed_product, "dev", "frontend=v3", "backend=v3").returncode == 0
    assert promote(pushed_product).endswith(
        "gitlab/-/merge_requests/new?merge_request%5Bsource_branch%5D=promote/dev-to-prod"
    )


@pytest.mark.parametrize(
    ("product", "arguments"),
    [("defaults", ()), ("jenkins-with-acr-on-gitlab", ()), ("jenkins-with-acr-on-gitlab", ("--no-push",))],
)
def test_images_are_built_with_docker_where_it_is_there(
    rendered: Callable[[str], Path], tmp_path: Path, product: str, arguments: tuple[str, ...]
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    digest = f'{{"containerimage.digest": "{DIGEST}"}}'
    for name in ("docker", "buildctl-daemonless.sh"):
        (programs / name).write_text(
            f'#!/bin/sh\necho "{name} $*" >>"{tmp_path}/calls"\n'
            f'while [ "$1" != --metadata-file ]; do shift; done\necho \'{digest}\' >"$2"\n'
        )
        (programs / name).chmod(0o755)
    path = f"{programs}:{support.TOOLS_FIRST}"
    done = support.run(
        "scripts/build-images", *arguments, "v1", "frontend", "backend", cwd=rendered(product), PATH=path
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ([] if arguments else [f"frontend=v1@{DIGEST}", f"backend=v1@{DIGEST}"])
    calls = (tmp_path / "calls").read_text().splitlines()
    assert [call.split()[0] for call in calls] == ["docker", "docker"]
    assert all(("--push" in call.split()) != bool(arguments) for call in calls)
