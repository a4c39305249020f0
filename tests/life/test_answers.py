"""Other answers at the same version, and answers that versions name differently."""

import shutil
from pathlib import Path

import pytest
import yaml

from tests import support
from tests.life import history, lives
from tests.life.conftest import Generated, Recorded
from tests.life.history import LATER, NEXT, THIS
from tests.life.test_lives import plain

# What is changed, from which answer set, by which answers, with what must come and go.
CHANGES: dict[str, tuple[str, dict[str, str], list[str], list[str]]] = {
    "a service is added": (
        "defaults",
        {"services": "[frontend, backend, mailer]"},
        ["apps/goal-tracker/base/mailer/deployment.yaml"],
        [],
    ),
    "a service is removed": (
        "own-images-on-ghcr-without-database",
        {"services": "[web]"},
        [],
        ["apps/portal/base/api"],
    ),
    "an environment is added": (
        "defaults",
        {"environments": "[dev, staging, prod]"},
        ["apps/goal-tracker/overlays/staging/imagetags/kustomization.yaml"],
        [],
    ),
    "an environment is removed": ("defaults", {"environments": "[prod]"}, [], ["apps/goal-tracker/overlays/dev"]),
    "the registry becomes another": (
        "defaults",
        {"registry": "quay", "registry_name": "acme"},
        ["terraform/platform/registry_pull.tf"],
        ["terraform/platform/registry.tf"],
    ),
    "the database becomes Azure's": (
        "defaults",
        {"database": "azure"},
        ["terraform/platform/database.tf"],
        ["apps/goal-tracker/base/database/statefulset.yaml"],
    ),
    "the sample goes": ("defaults", {"sample_app": "false"}, [], ["src", "scripts/build-images"]),
    "the gateway comes": (
        "defaults",
        {"expose": "gateway", "domain": "acme.example.com"},
        ["clusters/aks-goal-tracker/gateway"],
        [],
    ),
    "the gateway goes": (
        "gateway-with-two-environments",
        {"expose": "load-balancer"},
        [],
        ["terraform/platform/gateway.tf", "apps/goal-tracker/overlays/dev/hosts.yaml"],
    ),
    "monitoring and previews come": (
        "defaults",
        {"monitoring": "true", "previews": "true"},
        ["terraform/platform/alerts/argocd.yaml", "src/backend/metrics.py", "apps/goal-tracker/preview"],
        [],
    ),
    "monitoring and previews go": (
        "previews-beside-a-gateway",
        {"monitoring": "false", "previews": "false"},
        [],
        ["terraform/platform/alerts", "apps/shop/preview", ".github/workflows/preview.yml"],
    ),
    "another region, as docs/recovery.md says": (
        "defaults",
        {"region": "northeurope", "cluster_name": "aks-goal-tracker-2", "registry_name": "exampleorggoaltracker2"},
        ["clusters/aks-goal-tracker-2/kustomization.yaml"],
        ["clusters/aks-goal-tracker"],
    ),
    "the pipeline becomes Jenkins": (
        "defaults",
        {"ci": "jenkins"},
        ["Jenkinsfile", "jenkins/template-update.Jenkinsfile"],
        [".github"],
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_other_answers_bring_and_take_their_files_and_nothing_else(
    change: str, begun: lives.Begun, generated: Generated, record: Recorded
) -> None:
    name, data, come, gone = CHANGES[change]
    life = begun(THIS, name)
    life.bump_everywhere()
    service = sorted(life.app.glob("base/*/deployment.yaml"))[-1]
    life.replace(service, "memory: 256Mi", "memory: 250Mi")
    life.commit()
    done = life.update(*[f"--data={key}={value}" for key, value in data.items()])
    assert done.returncode == 0, done.stdout + done.stderr
    assert all((life.product / path).exists() for path in come)
    assert not any((life.product / path).exists() for path in gone)
    fresh = generated(THIS, name, **{key: yaml.safe_load(value) for key, value in data.items()})
    ours = set(life.edits) | set(life.tags)
    assert [path for path in lives.difference(life.product, fresh) if path not in ours] == []
    for path, text in life.tags.items():
        if (life.product / path).exists():
            now = (life.product / path).read_text(encoding="utf-8")
            kept = [line for line in text.splitlines() if "newTag" in line and (f"{line}\n" in now)]
            assert len(kept) == now.count("newTag") - now.count("unreleased")
            assert kept
    if "registry_name" in data:
        life.running.clear()  # The same tags, in another registry.
    left = life.images()
    life.running = {key: images for key, images in life.running.items() if key in left}
    assert [path for path in life.lost() if path not in life.tags and (life.product / path).parent.exists()] == []
    assert life.run("scripts/validate", "--no-tools").returncode == 0
    record(f"Other answers: {change}", "its files come and go; tags and edits stay; otherwise equal to a fresh product")


def test_a_question_renamed_and_reshaped_carries_its_answer_over(
    begun: lives.Begun, generated: Generated, record: Recorded
) -> None:
    life = begun(THIS, iac="opentofu")
    done = life.update("--to", NEXT)
    assert done.returncode == 0, done.stdout + done.stderr
    stored = yaml.safe_load((life.product / ".copier-answers.yml").read_text(encoding="utf-8"))
    assert stored["program"] == "OpenTofu"
    assert "iac" not in stored
    assert "  -iac: opentofu" in done.stdout
    assert "  +program: OpenTofu" in done.stdout
    assert lives.difference(life.product, generated(NEXT, program="OpenTofu")) == []
    record("A question is renamed and its answers reshaped", "the answer is carried over")


def test_a_new_question_that_files_depend_on_gets_its_default_and_is_named(
    begun: lives.Begun, record: Recorded
) -> None:
    life = begun(THIS)
    done = life.update("--to", NEXT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "  +notes: true" in done.stdout
    assert (life.product / "NOTES.md").exists()
    life.commit()
    done = life.update("--data=notes=false")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not (life.product / "NOTES.md").exists()
    record("A question is new, and the table of conditional files asks for it", "its default, named")


@pytest.mark.parametrize("by_hand", [False, True], ids=["make template-update", "plain copier update"])
def test_a_stored_answer_that_is_not_valid_any_more_is_refused_and_nothing_is_touched(
    by_hand: bool, begun: lives.Begun, record: Recorded
) -> None:
    life = begun(THIS, region="francesouth")
    done = plain(life, NEXT) if by_hand else life.update("--to", NEXT)
    assert done.returncode == 1
    said = 'region: the stored answer "francesouth" is not valid any more with this version and these answers: give another'
    assert said in done.stderr
    if not by_hand:
        assert len(done.stderr.strip().splitlines()) == 1
        assert life.git("status", "--porcelain") == ""
    # Plain Copier has carried answers over by then, and touched no other file.
    assert life.git("status", "--porcelain") in ("", "M .copier-answers.yml")
    life.git("checkout", "-q", ".")
    done = life.update("--to", NEXT, "--data=region=francecentral")
    assert done.returncode == 0, done.stdout + done.stderr
    record("A stored answer is not valid in the newer version", "refused with its cure, nothing touched")


def test_a_stored_answer_that_other_answers_make_invalid_is_refused(begun: lives.Begun, record: Recorded) -> None:
    life = begun(THIS, registry="dockerhub", registry_name="acme-images")
    done = life.update("--data=registry=acr")
    assert done.returncode == 1
    assert 'registry_name: the stored answer "acme-images" is not valid any more' in done.stderr
    assert life.git("status", "--porcelain") == ""
    record("Other answers make a stored one invalid", "refused with its cure, nothing touched")


def test_an_answer_without_a_question_is_refused(begun: lives.Begun, record: Recorded) -> None:
    life = begun(THIS)
    done = life.update("--data=regoin=westeurope")
    assert "unknown answer regoin: did you mean region?" in done.stderr
    assert life.git("status", "--porcelain") == ""
    path = life.product / ".copier-answers.yml"
    path.write_text(path.read_text(encoding="utf-8") + "colour: red\n", encoding="utf-8")
    life.commit()
    for done in (life.update("--to", LATER), plain(life, LATER)):
        assert done.returncode == 1
        assert "unknown answer colour" in done.stderr
        assert life.git("status", "--porcelain") == ""
    record("An answer that no question asks for, given or stored", "refused, nothing touched")


def test_an_answer_that_a_newer_version_forgets_without_a_word_is_refused(
    versions: Path, tmp_path: Path, record: Recorded
) -> None:
    template = shutil.copytree(versions, tmp_path / "template")
    support.git("checkout", "-q", "-B", "forgets", NEXT, cwd=template)
    history.edit(template, "hooks/migrate_answers.py", ('    Change("1001.0.0"', '    # Change("1001.0.0"'))
    history.release(template, "v1003.0.0")
    life = lives.begin(lives.generate(template, THIS, tmp_path / "made", {}), tmp_path)
    for done in (life.update("--to", "v1003.0.0"), plain(life, "v1003.0.0")):
        assert done.returncode == 1
        assert "unknown stored answer iac: no question of this version asks for it" in done.stderr
        assert life.git("status", "--porcelain") == ""
    record("A question is gone and nothing says what became of its answer", "refused, nothing touched")
