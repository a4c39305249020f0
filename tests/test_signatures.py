"""Nothing gets into an environment that its build has not signed: by stand-in here, by cosign itself in tests/signatures."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import support
from tests.in_process import InProcess
from tests.signing import Signer, sign
from tests.test_pipeline import cluster

COMMIT, OTHER_COMMIT = "a" * 40, "b" * 40
INVENTED = "sha256:" + "ab" * 32


class Release:
    """A product, and builds of it that are signed in one way or another."""

    def __init__(self, product: Path, signer: Signer) -> None:
        self.product = product
        self.signer = signer
        self.address = support.git("remote", "get-url", "origin", cwd=product).removesuffix(".git")
        self.repository = "/".join(self.address.split("/")[-2:])

    def image(self, service: str) -> str:
        return f"{self.signer.registry}/{service}"

    def certificate(self, workflow: str = "release.yml", branch: str = "", **claims: str) -> dict[str, str]:
        """A run of a workflow of this repository on its main branch, unless the claims say otherwise."""
        branch = branch or yaml.safe_load((self.product / ".copier-answers.yml").read_text()).get("branch", "main")
        identity = f"{self.address}/.github/workflows/{workflow}@refs/heads/{branch}"
        ours = {"identity": identity, "repository": self.repository, "ref": f"refs/heads/{branch}", "sha": COMMIT}
        return self.signer.certificate({**ours, **claims})

    def signed(self, service: str = "frontend", commit: str = COMMIT, **who: str) -> str:
        """Build and sign as the pipeline does; the argument of scripts/deploy."""
        digest = self.signer.push(self.image(service), f"{service} of {commit}")
        version = f"{service}=sha-{commit}@{digest}"
        sign(self.signer, self.product, "scripts/sign-images", version, **who)
        return version

    def call(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        path = f"{self.signer.folder}:{support.TOOLS_FIRST}"
        more = {"PATH": path, "LOCAL_REGISTRY": self.signer.registry, "PYTHONPATH": str(support.CLOCK)}
        return support.run(*command, cwd=self.product, **more, **environment)

    def tip(self) -> str:
        return support.git("ls-remote", "origin", "main", cwd=self.product)

    def assert_refused(self, version: str, words: str, **environment: str) -> None:
        before = self.tip()
        done = self.call("scripts/deploy", "prod", version, **environment)
        assert (done.returncode, done.stdout) == (1, ""), done.stdout + done.stderr
        [line] = done.stderr.splitlines()
        assert line.startswith("bump-image: ")
        assert words in line
        assert self.tip() == before, "nothing is committed"


@pytest.fixture
def release(pushed_product: Path, signer: Signer) -> Release:
    return Release(pushed_product, signer)


@pytest.fixture(params=["key", "workflow"])
def ours(request: pytest.FixtureRequest, release: Release) -> dict[str, str]:
    """Who signs and verifies: the key of Jenkins' pipeline, or a workflow."""
    if request.param == "key":
        return {"COSIGN_KEY": release.signer.key("ours"), "COSIGN_PASSWORD": ""}
    return release.certificate()


def swapped(version: str) -> str:
    return version.replace(COMMIT, OTHER_COMMIT)


def test_what_the_build_has_signed_is_deployed(release: Release, ours: dict[str, str]) -> None:
    cluster(release.signer.folder, release.product, broken="none")
    done = release.call("scripts/deploy", "dev", release.signed(**ours), **ours)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"dev: frontend sha-{COMMIT} is signed by " in done.stdout
    assert "dev: healthy at" in done.stdout


def test_an_environment_without_a_release_has_nothing_to_verify(release: Release) -> None:
    assert release.call("scripts/verify-images", "dev").stdout == "dev: nothing is released yet\n"


def test_an_invented_digest_is_refused(release: Release, ours: dict[str, str]) -> None:
    release.signed(**ours)
    release.assert_refused(f"frontend=sha-{COMMIT}@{INVENTED}", "is not signed by", **ours)


def test_an_image_that_nobody_has_signed_is_refused(release: Release, ours: dict[str, str]) -> None:
    digest = release.signer.push(release.image("frontend"), "pushed by hand")
    release.assert_refused(f"frontend=sha-{COMMIT}@{digest}", "is not signed by", **ours)


def test_a_tag_of_another_commit_is_refused(release: Release, ours: dict[str, str]) -> None:
    release.assert_refused(swapped(release.signed(**ours)), f"frontend sha-{OTHER_COMMIT}", **ours)


def test_the_image_of_another_service_is_refused(release: Release, ours: dict[str, str]) -> None:
    """Whoever may push copies the image with its signature to the other's name."""
    content = f"backend of {COMMIT}"
    copy = f"{release.image('frontend')}@{release.signer.push(release.image('frontend'), content)}"
    key = ["--key", ours["COSIGN_KEY"]] if "COSIGN_KEY" in ours else []
    claims = ["-a", f"commit={COMMIT}", "-a", f"image={release.image('backend')}"]
    sign(release.signer, release.product, "cosign", "sign", "--yes", *key, *claims, copy, **ours)
    release.assert_refused(f"frontend=sha-{COMMIT}@{copy.partition('@')[2]}", "is not signed by", **ours)


def test_a_version_that_names_no_build_is_refused(release: Release) -> None:
    for version in ("v1", f"v1@{INVENTED}", f"sha-{COMMIT}", f"sha-0123@{INVENTED}"):
        release.assert_refused(f"frontend={version}", "names no build: give sha-COMMIT@sha256:DIGEST")


def test_one_that_is_not_signed_keeps_back_the_others(release: Release, ours: dict[str, str]) -> None:
    before = release.tip()
    bad = f"backend=sha-{COMMIT}@{INVENTED}"
    assert release.call("scripts/deploy", "dev", release.signed(**ours), bad, **ours).returncode == 1
    assert release.tip() == before


def test_a_registry_that_is_away_for_a_moment_makes_no_image_unsigned(release: Release, ours: dict[str, str]) -> None:
    """What people have merged would be put back, and a rollback would go back further than it should."""
    before = bump(release, "dev", "frontend=v1")
    bump(release, "dev", release.signed(**ours))
    program, seen = release.signer.folder / "cosign", release.signer.folder / "seen"
    real = program.rename(program.with_suffix(".real"))
    away = f'[ -e "{seen}" ] || {{ touch "{seen}"; echo "Error: dial tcp: i/o timeout" >&2; exit 1; }}'
    program.write_text(f'#!/bin/sh\n{away}\nexec "{real}" "$@"\n')
    program.chmod(0o755)
    done = release.call("scripts/verify-images", "--since", before, "--put-back", "dev", **ours)
    assert (done.returncode, done.stderr) == (0, "")
    assert seen.exists()


def test_another_key_is_refused(release: Release) -> None:
    theirs = {"COSIGN_KEY": release.signer.key("theirs"), "COSIGN_PASSWORD": ""}
    version = release.signed(**theirs)
    release.assert_refused(version, "by the key of the pipeline", COSIGN_KEY=release.signer.key("ours"))
    release.assert_refused(version, "by release.yml of ")


def test_another_run_than_that_of_the_commit_is_refused(release: Release) -> None:
    other_runs: list[dict[str, str]] = [
        {"branch": "feature"},
        {"workflow": "check.yml"},
        {"workflow": "build-service.yml"},
        {"ref": "refs/heads/feature"},
        {"sha": OTHER_COMMIT},
        {"repository": "mallory/goal"},
        {"identity": "https://github.com/mallory/goal/.github/workflows/release.yml@refs/heads/main"},
    ]
    for run in other_runs:
        version = release.signed(**release.certificate(**run))
        release.assert_refused(version, f"is not signed by release.yml of {release.repository} for that commit")


def built_elsewhere(release: Release, entry: str) -> None:
    signers = release.product / "scripts" / "signers.toml"
    signers.write_text(f"{signers.read_text()}\n[backend]\n{entry}\n")
    (release.product / "src" / "backend" / "Dockerfile").unlink()


def sign_elsewhere(release: Release, service: str, certificate: dict[str, str]) -> str:
    """Sign by the step of build-service.yml, as rendered for a product."""
    digest = release.signer.push(release.image(service), f"{service} of {COMMIT}")
    text = (support.ROOT / "template/.github/workflows/build-service.yml.jinja").read_text()
    [step] = re.findall(r"run: (cosign sign .*)", text)
    environment = {"IMAGE": release.image(service), "DIGEST": digest, "GITHUB_SHA": COMMIT, **certificate}
    sign(release.signer, release.product, "sh", "-c", step, **environment)
    return f"{service}=sha-{COMMIT}@{digest}"


def test_another_repository_signs_for_the_service_that_is_its_own(release: Release) -> None:
    built_elsewhere(release, 'repository = "acme/backend"')
    run = release.certificate("build-service.yml", repository="acme/backend")
    done = release.call("scripts/bump-image", "--signed", "dev", sign_elsewhere(release, "backend", run))
    assert done.returncode == 1, "the tree is not clean"
    assert f"dev: backend sha-{COMMIT} is signed by build-service.yml of acme/backend" in done.stdout
    release.assert_refused(sign_elsewhere(release, "frontend", run), "is not signed by release.yml")


def test_no_other_run_signs_for_a_service_of_another_repository(release: Release) -> None:
    built_elsewhere(release, 'repository = "acme/backend"')
    words = "is not signed by build-service.yml of acme/backend"
    other_runs: list[dict[str, str]] = [
        {"repository": "mallory/backend"},
        {"ref": "refs/heads/feature"},
        {"workflow": "release.yml"},
        {"branch": "feature", "ref": "refs/heads/main"},
        {"sha": OTHER_COMMIT},
    ]
    for run in other_runs:
        certificate = release.certificate(**{"workflow": "build-service.yml", "repository": "acme/backend", **run})
        release.assert_refused(sign_elsewhere(release, "backend", certificate), words)


def test_who_builds_a_service_is_said_and_never_guessed(release: Release) -> None:
    (release.product / "src" / "backend" / "Dockerfile").unlink()
    version = sign_elsewhere(release, "backend", release.certificate("build-service.yml", repository="acme/backend"))
    release.assert_refused(
        version, 'signers.toml does not say who builds backend: add [backend] with repository = "OWNER'
    )


def test_an_image_of_somebody_else_is_exempt_by_data_with_its_reason(release: Release) -> None:
    built_elsewhere(release, 'unsigned = "built by its authors"')
    support.git("commit", "-qam", "Take it from its authors", cwd=release.product)
    support.git("push", "-q", "origin", "main", cwd=release.product)
    done = release.call("scripts/bump-image", "--signed", "dev", "backend=v1")
    assert done.returncode == 0, done.stderr
    assert "dev: backend is not verified: built by its authors" in done.stdout


def test_a_missing_cosign_refuses_everything(release: Release, tmp_path: Path) -> None:
    version = release.signed(**release.certificate())
    (release.signer.folder / "cosign").rename(tmp_path / "gone")
    release.assert_refused(version, "cosign is not on PATH")


def bump(release: Release, environment: str, *images: str) -> str:
    done = release.call("scripts/bump-image", environment, *images)
    assert done.returncode == 0, done.stderr
    return support.git("rev-parse", "HEAD", cwd=release.product)


def test_a_promotion_of_what_is_not_signed_is_not_proposed(release: Release, ours: dict[str, str]) -> None:
    good = release.signed("backend", **ours)
    bump(release, "dev", f"frontend=sha-{COMMIT}@{INVENTED}", good)
    done = release.call("scripts/promote", "--signed", "dev", "prod", **ours)
    assert done.returncode == 1
    assert f"promote: frontend sha-{COMMIT}@{INVENTED} is not signed by" in done.stderr
    assert not support.git("ls-remote", "origin", "promote/*", cwd=release.product)
    bump(release, "dev", release.signed(**ours))
    done = release.call("scripts/promote", "--signed", "dev", "prod", **ours)
    assert done.returncode == 0, done.stderr
    assert support.git("ls-remote", "origin", "promote/*", cwd=release.product)


def test_only_images_that_a_change_brings_are_looked_at(release: Release, ours: dict[str, str]) -> None:
    before = bump(release, "dev", "backend=v1")
    bump(release, "dev", release.signed(**ours))
    done = release.call("scripts/verify-images", "--since", before, "dev", "prod", **ours)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"dev: frontend sha-{COMMIT} is signed by ")
    for base in ("HEAD~2", "0" * 40):
        done = release.call("scripts/verify-images", "--since", base, "dev", "prod", **ours)
        assert done.returncode == 1
        assert "verify-images: dev: backend v1 names no build" in done.stderr
    assert release.call("scripts/verify-images", "dev", **ours).returncode == 1


@pytest.mark.slow
def test_what_people_have_merged_unsigned_is_put_back(release: Release, ours: dict[str, str]) -> None:
    good = release.signed(**ours)
    before = bump(release, "dev", good)
    bump(release, "dev", f"frontend=sha-{OTHER_COMMIT}@{INVENTED}")
    merged = bump(release, "dev", release.signed("backend", **ours))
    cluster(release.signer.folder, release.product, broken="none")
    done = release.call("scripts/roll-out", "dev", merged, before, **ours)
    assert done.returncode == 1
    assert f"verify-images: dev: frontend sha-{OTHER_COMMIT}@{INVENTED} is not signed by" in done.stderr
    assert f"dev: back to frontend sha-{COMMIT} in" in done.stdout
    assert "dev: healthy at" in done.stdout
    [tags] = release.product.glob("apps/*/overlays/dev/imagetags/kustomization.yaml")
    assert good.partition("@")[2] in tags.read_text(), "what is signed stays"
    assert INVENTED not in tags.read_text()
    assert '/backend"\n    newTag: "sha-' in tags.read_text()


def write_tags(release: Release, text: str, message: str = "Set image tags") -> str:
    """What a person commits to the image tags of dev, in their own words."""
    [tags] = release.product.glob("apps/*/overlays/dev/imagetags/kustomization.yaml")
    tags.write_text(text, encoding="utf-8")
    support.git("commit", "--quiet", "--all", "--message", message, cwd=release.product)
    support.git("push", "--quiet", "origin", "HEAD:main", cwd=release.product)
    return support.git("rev-parse", "HEAD", cwd=release.product)


def tags_of(release: Release) -> str:
    [tags] = release.product.glob("apps/*/overlays/dev/imagetags/kustomization.yaml")
    return tags.read_text(encoding="utf-8")


def _twice(release: Release, good: str, evil: str) -> None:
    write_tags(release, good.replace(good.split("sha256:")[1][:64], "cd" * 32))
    write_tags(release, evil)


def _as_a_rollback(release: Release, _: str, evil: str) -> None:
    write_tags(release, evil, "Roll back\n\nDeploy-Rollback-Of: HEAD\n")


def _as_a_rollback_of_what_it_brings(release: Release, good: str, evil: str) -> None:
    first = write_tags(release, evil)
    write_tags(release, good)
    write_tags(release, evil, f"Roll back\n\nDeploy-Rollback-Of: {first}\n")


def _beside_one_that_waits(release: Release, _: str, evil: str) -> None:
    write_tags(release, evil + '  - name: "worker"\n    newTag: "unreleased"\n')


def _in_another_form(release: Release, _: str, evil: str) -> None:
    write_tags(
        release, re.sub(r'- (name: "[^"]*/frontend")\n    (newTag: .*)\n    (digest: .*)', r"- {\1, \2, \3}", evil)
    )


@pytest.mark.costly
@pytest.mark.parametrize(
    "merge", [_twice, _as_a_rollback, _as_a_rollback_of_what_it_brings, _beside_one_that_waits, _in_another_form]
)
def test_however_an_unsigned_image_is_merged_it_is_put_back(
    merge: Callable[[Release, str, str], None], release: Release, ours: dict[str, str]
) -> None:
    versions = release.signed(**ours), release.signed("backend", **ours)
    before = bump(release, "dev", *versions)
    good = tags_of(release)
    merge(release, good, good.replace(versions[0].split("@sha256:")[1], "ab" * 32, 1))
    cluster(release.signer.folder, release.product, broken="none")
    environments = release.call("scripts/changed-environments", before)
    assert environments.stdout == '["dev"]\n'
    done = release.call("scripts/roll-out", "dev", "HEAD", before, **ours)
    assert done.returncode == 1, done.stdout + done.stderr
    support.git("pull", "--quiet", "origin", "main", cwd=release.product)
    assert INVENTED not in tags_of(release)
    assert all(version.partition("@")[2] in tags_of(release) for version in versions)


@pytest.mark.slow
def test_images_that_are_swapped_are_put_back(release: Release, ours: dict[str, str]) -> None:
    versions = release.signed(**ours), release.signed("backend", **ours)
    before = bump(release, "dev", *versions)
    good = tags_of(release)
    first, second = (version.partition("@")[2] for version in versions)
    write_tags(release, good.replace(first, "@").replace(second, first).replace("@", second))
    cluster(release.signer.folder, release.product, broken="none")
    assert release.call("scripts/roll-out", "dev", "HEAD", before, **ours).returncode == 1
    assert tags_of(release) == good


# kustomize reads names as patterns; a sidecar or a database may have an image without a build here.
@pytest.mark.parametrize("image", [".+/frontend", "docker.io/library/postgres"])
def test_a_tag_of_an_image_that_is_no_services_goes_again(image: str, release: Release, ours: dict[str, str]) -> None:
    before = bump(release, "dev", release.signed("backend", **ours))
    good = tags_of(release)
    write_tags(release, f'{good}  - name: "{image}"\n    newTag: "sha-{COMMIT}"\n    digest: "{INVENTED}"\n')
    done = release.call("scripts/verify-images", f"--since={before}", "--put-back", "dev", **ours)
    assert done.stderr.startswith(f"verify-images: dev: {image} is no service"), done.stderr
    assert tags_of(release) == good


def test_what_is_no_services_is_kept_where_the_file_can_not_be_read(release: Release, ours: dict[str, str]) -> None:
    bump(release, "dev", release.signed("backend", **ours))
    before = write_tags(release, tags_of(release) + '  - name: "docker.io/library/redis"\n    newTag: "v1"\n')
    good = tags_of(release)
    write_tags(release, f"{good}namespace: other\n")
    assert release.call("scripts/verify-images", f"--since={before}", "--put-back", "dev", **ours).returncode == 1
    assert yaml.safe_load(tags_of(release))["images"] == yaml.safe_load(good)["images"]


def test_an_unsigned_image_of_a_service_that_has_none_yet_is_put_back(release: Release, ours: dict[str, str]) -> None:
    before = bump(release, "dev", release.signed("backend", **ours))
    good = tags_of(release)
    bump(release, "dev", f"frontend=sha-{COMMIT}@{INVENTED}")
    cluster(release.signer.folder, release.product, broken="none")
    assert release.call("scripts/roll-out", "dev", "HEAD", before, **ours).returncode == 1
    assert tags_of(release) == good


@pytest.mark.costly
@pytest.mark.parametrize("by", ["pipeline", "person"])
def test_an_unsigned_image_between_two_deployments_of_one_push_never_comes_back(
    by: str, release: Release, ours: dict[str, str]
) -> None:
    good = release.signed(**ours)
    newer = ours if "COSIGN_KEY" in ours else release.certificate(sha=OTHER_COMMIT)
    bump(release, "dev", good, "backend=v1")
    bump(release, "dev", f"frontend=sha-{COMMIT}@{INVENTED}")
    pushed = bump(release, "dev", release.signed(commit=OTHER_COMMIT, **newer))
    cluster(release.signer.folder, release.product, broken="none")
    done = release.call("scripts/rollback", *(["--signed"] if by == "pipeline" else []), "dev", **ours)
    assert done.returncode == 0, done.stderr
    if by == "person":
        assert INVENTED in tags_of(release), "whoever may push main may set what they like"
        assert release.call("scripts/roll-out", "dev", "HEAD", pushed, **ours).returncode == 1
    else:
        passed, back = done.stdout.splitlines()
        assert passed.startswith(f"dev: passed over: frontend sha-{COMMIT}@{INVENTED} is not signed by")
        assert back.startswith(f"dev: back to frontend sha-{COMMIT} in ")
        assert good.partition("@")[2] in tags_of(release)
    assert INVENTED not in tags_of(release)


@pytest.mark.slow
def test_what_somebody_has_put_on_a_proposals_branch_is_left_out_of_it_unless_it_is_signed(
    release: Release, ours: dict[str, str]
) -> None:
    main = bump(release, "dev", "frontend=v1", "backend=v1")
    evil = tags_of(release).replace('"v1"', f'"sha-{COMMIT}"\n    digest: "{INVENTED}"', 1)
    [tags] = release.product.glob("apps/*/overlays/dev/imagetags/kustomization.yaml")
    tags.write_text(evil, encoding="utf-8")
    support.git("commit", "--quiet", "--all", "--message", "Deploy\n\nDeploy-Environment: dev", cwd=release.product)
    support.git("push", "--quiet", "origin", "HEAD:deploy/dev", cwd=release.product)
    support.git("reset", "--quiet", "--hard", main, cwd=release.product)
    hook = release.product.parent / "remote.git" / "hooks" / "update"
    hook.write_text("#!/bin/sh\n[ $1 != refs/heads/main ]\n")
    hook.chmod(0o755)
    done = release.call("scripts/deploy", "dev", release.signed("backend", **ours), **ours)
    assert done.returncode == 0, done.stderr
    assert f"dev: frontend is left out of the proposal: frontend sha-{COMMIT}@{INVENTED} is not signed" in done.stdout
    proposed = support.git("show", f"deploy/dev:{tags.relative_to(release.product)}", cwd=hook.parents[1])
    assert INVENTED not in proposed
    assert "sha256:" in proposed


def test_signed_changes_are_rolled_out(release: Release, ours: dict[str, str]) -> None:
    before = support.git("rev-parse", "HEAD", cwd=release.product)
    merged = bump(release, "dev", release.signed(**ours))
    cluster(release.signer.folder, release.product, broken="none")
    done = release.call("scripts/roll-out", "dev", merged, before, **ours)
    assert done.returncode == 0, done.stderr


def _calls(product: Path) -> list[str]:
    """Every line of a pipeline that sets tags or proposes them."""
    pipelines = [*product.glob(".github/workflows/*"), *product.glob("jenkins/*file"), *product.glob("Jenkinsfile")]
    text = "\n".join(path.read_text() for path in pipelines)
    return re.findall(r"scripts/(?:deploy|bump-image|promote|roll-out) .*", text)


def test_every_pipeline_verifies_before_it_sets_tags(product: Path) -> None:
    for line in _calls(product):
        assert "--unsigned" not in line
        if line.startswith(("scripts/bump-image", "scripts/promote")):
            assert " --signed " in line
        if line.startswith("scripts/roll-out") and re.search("COMMIT|GITHUB_SHA", line):
            assert re.search(r'"\$(BEFORE|BASE)"', line), "what people merge is verified"


def test_unsigned_images_are_for_make_local_alone(rendered: Callable[[str], Path]) -> None:
    product = rendered("defaults")
    users = [path for path in support.relative(product) if "--unsigned" in (product / path).read_text(errors="ignore")]
    assert users == ["scripts/roll-out"]
    hooks = support.ROOT / "hooks"
    assert [path.name for path in hooks.rglob("*.py") if "--unsigned" in path.read_text()] == ["release.py"]


def test_images_of_other_registries_are_exempt_from_the_start(in_process: InProcess, tmp_path: Path) -> None:
    services = ["web", {"name": "cache", "image": "docker.io/valkey/valkey"}]
    in_process.render({"services": services, "sample_app": False}, tmp_path)
    text = (tmp_path / "scripts" / "signers.toml").read_text()
    assert text.endswith('\n\n[cache]\nunsigned = "docker.io/valkey/valkey is not of this project\'s registry"\n')
    assert "[web]" not in text


def test_no_deployment_may_push_images(product: Path) -> None:
    """The job that sets tags reads the registry, with an identity or a token that can't write to it."""
    pushing = {row["actions"]["push_token"] for row in support.REGISTRIES.values() if "actions" in row}
    for name in ("deploy", "promote", "roll-out"):
        path = product / ".github" / "workflows" / f"{name}.yml"
        if path.exists():
            text = path.read_text()
            workflow: dict[str, Any] = yaml.safe_load(text)
            assert "AZURE_PUSH_CLIENT_ID" not in text
            assert set(re.findall(r"secrets\.(\w+)", text)).isdisjoint(pushing)
            for job in workflow["jobs"].values():
                assert job["permissions"].get("packages", "read") == "read"
    for path in product.glob("jenkins/agents/deploy.yaml"):
        pod = yaml.safe_load(path.read_text())
        assert pod["spec"]["serviceAccountName"] == "deploy"
        assert "azurekms" not in path.read_text(), "a public key is all it takes"


def test_one_version_of_cosign_signs_verifies_and_is_tested() -> None:
    """In a bundle, annotations are part of what is signed since cosign 3.0; older ones would not be understood."""
    pins = {
        pin
        for path in [
            *support.ROOT.glob("template/.github/**/*.jinja"),
            *support.ROOT.glob("includes/workflows/*"),
            *support.ROOT.glob("template/jenkins/agents/*"),
        ]
        for pin in re.findall(r"(?:cosign-release: |cosign/cosign:)(v[0-9.]+)", path.read_text())
    }
    module = (support.ROOT / "tests/signatures/modules/cosign/go.mod").read_text()
    assert pins == set(re.findall(r"github.com/sigstore/cosign/v3 (\S+)", module))
