"""scripts/diff: what a change would do on the cluster, on real products with Git and kustomize."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests import support
from tests.in_process import InProcess

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (shutil.which("kubectl", path=support.TOOLS_FIRST) or shutil.which("kustomize", path=support.TOOLS_FIRST)),
        reason="kustomize is not on PATH",
    ),
]
SECRET = "hunter2-hunter2"


def write(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{path} has no {old!r}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


class Branch:
    """A branch of a product, where people change things."""

    def __init__(self, product: Path) -> None:
        self.product = product
        self.app = next((product / "apps").iterdir())
        self.git("init", "-q", "-b", "main")
        self.commit()
        self.git("checkout", "-q", "-b", "change")

    def git(self, *arguments: str) -> str:
        return support.git(*arguments, cwd=self.product)

    def commit(self) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "Change")

    def diff(self, *arguments: str, folder: str = ".", status: int = 0) -> str:
        done = support.run(sys.executable, self.product / "scripts/diff", *arguments, cwd=self.product / folder)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    def add(self, folder: str, name: str, text: str) -> None:
        """Add an object to an overlay or a base."""
        kustomization = self.app / folder / "kustomization.yaml"
        (kustomization.parent / name).write_text(text, encoding="utf-8")
        write(kustomization, "resources:\n", f"resources:\n  - {name}\n")


@pytest.fixture
def made(in_process: InProcess, tmp_path: Path) -> Callable[..., Branch]:
    def branch_of(**answers: str) -> Branch:
        in_process.render(answers, tmp_path / "product")
        return Branch(tmp_path / "product")

    return branch_of


@pytest.fixture
def branch(made: Callable[..., Branch]) -> Branch:
    return made()


def test_what_is_not_deployed_changes_nothing(branch: Branch) -> None:
    (branch.product / "README.md").write_text("# Ours\n", encoding="utf-8")
    base = branch.git("rev-parse", "--short=12", "main")
    assert branch.diff() == f"Nothing changes on the cluster, compared with main at {base}\n"


def test_images_and_replicas_come_first_also_from_a_dirty_tree_and_a_subfolder(branch: Branch) -> None:
    tags = branch.app / "overlays/dev/imagetags/kustomization.yaml"
    done = support.run(sys.executable, "scripts/bump-image", "--no-push", "dev", "backend=v2", cwd=branch.product)
    assert done.returncode == 0, done.stderr
    assert "v2" in tags.read_text(encoding="utf-8")
    branch.commit()
    overlay = branch.app / "overlays/prod/kustomization.yaml"
    write(overlay, "count: 2", "count: 5")
    said = branch.diff(folder="apps").splitlines()
    assert re.fullmatch(r"0 added, \d+ changed, 0 removed on the cluster, compared with main at [0-9a-f]{12}", said[0])
    at = said.index("Images and replicas")
    dev, prod = (
        f"apps/goal-tracker/overlays/{environment}: Deployment goal-tracker-{environment}/{service}"
        for environment, service in (("dev", "backend"), ("prod", "frontend"))
    )
    assert said[at + 1].startswith(f"- {dev}: image: ")
    assert said[at + 2].startswith(f"+ {dev}: image: ")
    assert said[at + 2].endswith(":v2")
    assert f"- {prod}: replicas: 2" in said
    assert f"+ {prod}: replicas: 5" in said
    assert f"=== changed: {prod}" in said[at:]


@pytest.mark.parametrize("layout", ["shared", "per-environment"])
def test_what_is_deleted_and_what_holds_data_is_warned_of(made: Callable[..., Branch], layout: str) -> None:
    branch = made(cluster_layout=layout)
    write(branch.app / "base/database/statefulset.yaml", "replicas: 1", "replicas: 0")
    (branch.app / "base/backend/poddisruptionbudget.yaml").unlink()
    write(branch.app / "base/backend/kustomization.yaml", "  - poddisruptionbudget.yaml\n", "")
    said = branch.diff()
    for environment in ("dev", "prod"):
        where, space = f"apps/goal-tracker/overlays/{environment}", f"goal-tracker-{environment}"
        assert f"! {where}: PodDisruptionBudget {space}/backend would be deleted\n" in said
        assert f"! {where}: StatefulSet {space}/database changes, which is about data" in said
    assert said.index("! ") < said.index("Images and replicas") < said.index("=== ")


def test_an_environment_that_goes_takes_its_objects_with_it(branch: Branch) -> None:
    [cluster] = (branch.product / "clusters").iterdir()
    (cluster / "environments/prod.yaml").unlink()
    write(cluster / "kustomization.yaml", "  - environments/prod.yaml\n", "")
    said = branch.diff()
    assert f"! clusters/{cluster.name}: Application argocd/goal-tracker-prod would be deleted\n" in said
    assert (
        "! apps/goal-tracker/overlays/prod: Namespace goal-tracker-prod would be deleted, with all that is in it\n"
        in said
    )
    assert "overlays/dev" not in said


def test_folders_that_applications_name_are_compared_too(branch: Branch) -> None:
    [store] = branch.product.glob("clusters/*/external-secrets/*-dev.yaml")
    write(store, "spec:\n", "spec:\n  refreshInterval: 60\n")
    said = branch.diff()
    assert f"=== changed: {store.parent.relative_to(branch.product).as_posix()}: ClusterSecretStore " in said
    assert "+  refreshInterval: 60\n" in said


def test_no_value_of_a_secret_is_shown(branch: Branch) -> None:
    secret = f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: mine\n  annotations:\n    note: {SECRET}\nstringData:\n  image: {SECRET}\n"
    branch.add("overlays/dev", "secret.yaml", secret + f"  more: |\n\n    {SECRET}\n")
    kustomization = branch.app / "overlays/dev/kustomization.yaml"
    generated = f"secretGenerator:\n  - name: made\n    literals:\n      - password={SECRET}\n"
    kustomization.write_text(kustomization.read_text(encoding="utf-8") + generated, encoding="utf-8")
    added = branch.diff()
    assert "=== added: apps/goal-tracker/overlays/dev: Secret goal-tracker-dev/mine\n" in added
    branch.commit()
    branch.git("branch", "-q", "-f", "main")
    for path in (kustomization, kustomization.with_name("secret.yaml")):
        path.write_text(path.read_text(encoding="utf-8").replace(SECRET, f"{SECRET}-new"), encoding="utf-8")
    changed = branch.diff()
    for name in ("made", "mine"):
        assert f"=== changed: apps/goal-tracker/overlays/dev: Secret goal-tracker-dev/{name}" in changed
    for said in (added, changed):
        assert SECRET not in said
        assert "aHVudGVy" not in said
        assert "Secrets are not shown." in said


def test_words_of_others_are_shown_as_plain_text(branch: Branch) -> None:
    text = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: mine\ndata:\n  a: "\\e[31m"\n  b: |\n    ::set-output name=x::y\n'
    branch.add("overlays/dev", "mine.yaml", text)
    said = branch.diff()
    support.assert_plain(said)
    assert "set-output" in said


def test_a_new_base_of_main_is_not_taken_for_a_change(branch: Branch) -> None:
    """What main got meanwhile is not what this branch does."""
    branch.git("checkout", "-q", "main")
    write(branch.app / "base/backend/deployment.yaml", "revisionHistoryLimit: 5", "revisionHistoryLimit: 4")
    branch.commit()
    branch.git("checkout", "-q", "change")
    assert branch.diff().startswith("Nothing changes")


def test_what_can_not_be_rendered_is_named_and_the_rest_is_shown(branch: Branch) -> None:
    write(branch.app / "overlays/dev/kustomization.yaml", "resources:\n", "resources:\n  - missing.yaml\n")
    write(branch.app / "base/backend/deployment.yaml", "revisionHistoryLimit: 5", "revisionHistoryLimit: 4")
    said = branch.diff()
    assert "! apps/goal-tracker/overlays/dev can't be rendered, so nothing is said of it: " in said
    assert "=== changed: apps/goal-tracker/overlays/prod: Deployment goal-tracker-prod/backend\n" in said
    assert "overlays/dev: Deployment" not in said


@pytest.mark.parametrize("base", ["nowhere", "--output=x"])
def test_a_base_that_is_no_commit_is_one_line(branch: Branch, base: str) -> None:
    cure = "give the name of one, as `make history` prints it"
    assert branch.diff("--", base, status=1) == f"diff: {base} is no commit: {cure}\n"


def test_a_base_that_shares_no_commit_is_one_line_with_the_cure(branch: Branch) -> None:
    """As in a clone that is not deep enough."""
    branch.git("checkout", "-q", "--orphan", "other")
    branch.git("commit", "-q", "-m", "Begin anew")
    cure = "if this clone is shallow, git fetch --unshallow"
    assert branch.diff(status=1) == f"diff: main and this branch have no commit in common here: {cure}\n"


GH = """\
#!/bin/sh
echo "$@" >>gh.calls
case "$*" in *--paginate*) cat url ;; esac
"""


@pytest.mark.parametrize("url", ["", "https://api.github.com/repos/o/r/issues/comments/7\n"])
def test_the_comment_holds_a_branchs_text_as_text_and_is_renewed(
    url: str, rendered: Callable[[str], Path], tmp_path: Path
) -> None:
    jobs = yaml.safe_load((rendered("defaults") / ".github/workflows/check.yml").read_text(encoding="utf-8"))["jobs"]
    comment = jobs["comment"]
    assert [name for name, job in jobs.items() if "pull-requests" in job["permissions"]] == ["comment"]
    assert [step.get("uses", "").partition("@")[0] for step in comment["steps"]] == ["actions/download-artifact", ""]
    (tmp_path / "changes.txt").write_text(f"a\n~~~~~\n@all <b>\x1b[31m é\n  ~~~~~~~~\n{'x' * 99}\n" * 1000, "utf-8")
    (tmp_path / "url").write_text(url, encoding="utf-8")
    (tmp_path / "gh").write_text(GH, encoding="utf-8")
    (tmp_path / "gh").chmod(0o755)
    step = comment["steps"][-1]
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "COMMENTS": "repos/o/r/issues/1/comments"}
    subprocess.run(["bash", "-e", "-c", step["run"]], cwd=tmp_path, env=environment, check=True)
    text = (tmp_path / "comment.md").read_text(encoding="ascii")
    lines = text.splitlines()
    assert lines[:2] == ["<!-- changes -->", "~~~~~diff"]
    assert [number for number, line in enumerate(lines) if "~" in line] == [1, len(lines) - 1]
    assert "\x1b" not in text
    assert len(text) < 65_536
    posted = (tmp_path / "gh.calls").read_text(encoding="utf-8").splitlines()[-1]
    where = f"--method PATCH {url.strip()}" if url else "repos/o/r/issues/1/comments"
    assert posted == f"api --silent {where} --field body=@comment.md"
