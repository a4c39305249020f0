"""Previews of pull requests on a real cluster: Argo CD's own ApplicationSet controller, and the product's own workflow.

GitHub's API is a stand-in (forge.py), and so is its Actions runner (act). The commit of the fork is in the same
repository, below refs/pull, as GitHub has it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import runner, support
from tests.test_containment import JOB, change, patching

from . import deploy_identity, shims
from .argocd import explain
from .figures import Figures
from .forge import Forge, PullRequest
from .processes import LiveError, wait_for
from .settings import REPOSITORY
from .world import World, generate

pytestmark = pytest.mark.live

OWNER, NAME = "example-org", "shop"
OURS, FORK, BARE = 7, 8, 9
PREVIEW = f"{NAME}-pr-{OURS}"
# The pull requests that have not been asked for leave nothing behind while this long is waited for them.
PATIENCE = 15


@dataclass
class Shop:
    """A product with previews, and what is outside of the cluster."""

    world: World
    forge: Forge
    product: Path
    url: str
    folder: Path
    runs: int = 0
    told: str = ""
    """What the workflow printed when the label was set, the comment among it."""

    def branch(self, name: str, title: str) -> str:
        """Commit a page with another title on a branch that begins at main, and push it; the commit."""
        support.git("checkout", "-q", "-B", name, cwd=self.product)
        page = self.product / "src" / "frontend" / "static" / "index.html"
        before, _, rest = page.read_text().partition("<title>")
        page.write_text(f"{before}<title>{title}</title>{rest.partition('</title>')[2]}")
        support.git("commit", "-q", "-a", "-m", title, cwd=self.product)
        return support.git("rev-parse", "HEAD", cwd=self.product)

    def push(self, target: str) -> None:
        support.git("push", "-q", "-f", "origin", f"HEAD:{target}", cwd=self.product)

    def workflow(self, pull: PullRequest, action: str) -> str:
        """Run the preview workflow as GitHub does when something happens to a pull request; what it printed."""
        self.runs += 1
        folder = self.folder / f"run-{self.runs}"
        folder.mkdir()
        shims.install(folder / "bin", REPOSITORY, self.world.cluster.tools.bin / "kubectl", "docker")
        event: dict[str, Any] = {
            "action": action,
            "number": pull.number,
            "pull_request": pull.told(self.forge.repository),
        }
        if action in ("labeled", "unlabeled"):
            event["label"] = {"name": "preview"}
        done = runner.run(
            folder,
            self.url,
            "preview",
            "pull_request",
            event,
            path=f"{folder / 'bin'}:{self.world.cluster.tools.bin}:{support.TOOLS_FIRST}",
            environment={"GITHUB_REPOSITORY": self.forge.repository},
            variables={"AZURE_PREVIEWS_CLIENT_ID": "an-identity"},
        )
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
        return done.stdout

    def shown(self) -> dict[str, str]:
        """The refs that say what is shown, with their commits."""
        listed = support.git("ls-remote", self.url, "refs/previews/*", cwd=self.folder)
        return {name: commit for commit, name in (line.split() for line in listed.splitlines())}

    def namespaces(self) -> set[str]:
        """The namespaces of previews."""
        items = self.world.cluster.api.get("/api/v1/namespaces")["items"]
        return {name for item in items if (name := item["metadata"]["name"]).startswith(f"{NAME}-pr-")}

    def page(self) -> str:
        """The page of the preview, as somebody outside of the cluster gets it; empty while there is none."""
        return self.world.client("GET", self.address())[1]

    def address(self) -> str:
        service = self.world.cluster.api.find(f"/api/v1/namespaces/{PREVIEW}/services/frontend") or {}
        found = service.get("status", {}).get("loadBalancer", {}).get("ingress", [])
        return f"http://{found[0]['ip']}" if found else "http://nowhere.invalid"

    def healthy(self, revision: str) -> None:
        """Wait until the preview runs a commit of refs/previews and is healthy."""
        wait_for("the preview is there", lambda: self.world.argocd.application(PREVIEW) is not None, 60)
        self.world.argocd.wait_synced(PREVIEW, revision, 180)


def look_often(product: Path, forge: Forge) -> None:
    """Let Argo CD find the pull requests in the stand-in, without long waits."""
    for path in product.glob("clusters/*/preview*s.yaml"):
        text = path.read_text().replace("          owner:", f'          api: "{forge.url}/"\n          owner:')
        path.write_text(text.replace("requeueAfterSeconds: 180", "requeueAfterSeconds: 3"))
    support.git("commit", "-q", "-a", "-m", "On this machine", cwd=product)
    support.git("push", "-q", "origin", "main", cwd=product)


@pytest.fixture(scope="module")
def shop(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The product, with what its bootstrap Application would bring but the environments: they have no release."""
    folder = tmp_path_factory.mktemp("previews")
    url = world.git.create(f"{OWNER}/{NAME}")
    with Forge(f"{OWNER}/{NAME}", world.cluster.address) as forge:
        address = f"https://github.com/{OWNER}/{NAME}"
        product = generate(folder, url, project_name=NAME, git_repository=address, registry="acr", previews=True)
        look_often(product, forge)
        [cluster] = product.glob("clusters/*")
        for name in ("previews-project.yaml", "preview-projects.yaml", "previews.yaml"):
            text = (cluster / name).read_text()
            world.cluster.apply(text.replace("metadata:\n", "metadata:\n  namespace: argocd\n", 1))
        # What Terraform gives to Argo CD's chart.
        world.cluster.apply(
            deploy_identity.access(product, world.applications, folder / "guard", "namespaces", "namespaces_access")
        )
        try:
            yield Shop(world, forge, product, url, folder)
        finally:
            forge.open.clear()
            sets = (f"{NAME}-previews", f"{NAME}-preview-projects")
            world.cluster.kubectl("-n", "argocd", "delete", "applicationset", *sets, "--wait=false")
            world.cluster.kubectl("delete", "namespace", PREVIEW, "--ignore-not-found", "--wait=false")


def test_a_labelled_pull_request_waits_for_its_images_and_is_then_shown(shop: Shop, figures: Figures) -> None:
    pull = PullRequest(OURS, "shiny", shop.branch("shiny", "Shiny"), OWNER, ["preview"])
    shop.push("shiny")
    shop.forge.open[OURS] = pull
    wait_for("its Application is there", lambda: shop.world.argocd.application(PREVIEW) is not None, 30)
    time.sleep(PATIENCE)
    assert shop.namespaces() == set(), "nothing is deployed before its images are built"

    shop.told = shop.workflow(pull, "labeled")
    assert f"gh pr comment {OURS} " in shop.told
    started = time.monotonic()
    shop.healthy(shop.shown()[f"refs/previews/{OURS}"])
    wait_for("its page", lambda: "<title>Shiny</title>" in shop.page(), 60, 0.5)
    figures.add("preview: end of its build to the page", f"{time.monotonic() - started:.1f} s")


def test_a_preview_is_the_first_environment_with_images_and_a_database_of_its_own(shop: Shop) -> None:
    api = shop.world.cluster.api
    labels = api.get(f"/api/v1/namespaces/{PREVIEW}")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    pods = api.get(f"/api/v1/namespaces/{PREVIEW}/pods")["items"]
    assert {pod["metadata"]["labels"]["app.kubernetes.io/name"] for pod in pods} == {"frontend", "backend", "database"}
    images = {pod["spec"]["containers"][0]["image"] for pod in pods}
    assert sum(f"/frontend:sha-{shop.forge.open[OURS].commit}@sha256:" in image for image in images) == 1
    assert all("previews" in image.partition("/")[0] for image in images if not image.startswith("postgres"))
    assert api.get(f"/api/v1/namespaces/{PREVIEW}/persistentvolumeclaims")["items"] == []
    status, answer = shop.world.client("POST", f"{shop.address()}/api/goals", json.dumps({"text": "look at it"}))
    assert status == 201, answer
    assert "look at it" in shop.world.client("GET", f"{shop.address()}/api/goals")[1]


def test_its_address_is_asked_of_azure_by_a_name_of_its_own(shop: Shop) -> None:
    service = shop.world.cluster.api.get(f"/api/v1/namespaces/{PREVIEW}/services/frontend")
    label = service["metadata"]["annotations"]["service.beta.kubernetes.io/azure-dns-label-name"]
    assert label.startswith(f"frontend-pr-{OURS}-")
    assert f"http://{label}.westeurope.cloudapp.azure.com" in shop.told


def test_network_policies_hold_in_a_preview(shop: Shop) -> None:
    if not shop.world.cluster.policies_enforced:
        pytest.skip("no network policy engine in this cluster")

    def reaches(service: str, host: str, port: int) -> bool:
        code = f"import socket; socket.create_connection(({host!r}, {port}), 2)"
        try:
            shop.world.cluster.kubectl("-n", PREVIEW, "exec", f"deployment/{service}", "--", "python3", "-c", code)
        except LiveError:
            return False
        return True

    assert reaches("backend", "database", 5432)
    assert not reaches("frontend", "database", 5432)
    assert not reaches("backend", "database.goal-tracker-dev", 5432)
    assert not reaches("backend", "backend.goal-tracker-dev", 8080)


def test_a_push_to_the_pull_request_changes_its_preview(shop: Shop, figures: Figures) -> None:
    pull = shop.forge.open[OURS]
    before = shop.shown()
    pull.commit = shop.branch("shiny", "Shinier")
    shop.push("shiny")
    time.sleep(PATIENCE)
    assert "<title>Shiny</title>" in shop.page(), "the version before is shown until the new one is built"
    shop.workflow(pull, "synchronize")
    assert shop.shown() != before
    started = time.monotonic()
    wait_for("the new page", lambda: "<title>Shinier</title>" in shop.page(), 180, 0.5)
    figures.add("preview: end of the build of a change to its page", f"{time.monotonic() - started:.1f} s")
    shop.healthy(shop.shown()[f"refs/previews/{OURS}"])


@pytest.mark.parametrize("branch", ["main", f"refs/previews/{OURS}"])
def test_nothing_runs_of_a_fork_with_the_label_whatever_its_branch_is_called(shop: Shop, branch: str) -> None:
    before, page = shop.shown(), shop.page()
    commit = shop.branch("evil", "Evil")
    shop.push(f"refs/pull/{FORK}/head")
    support.git("checkout", "-q", "shiny", cwd=shop.product)
    pull = PullRequest(FORK, branch, commit, "somebody", ["preview"])
    shop.forge.open[FORK] = pull
    for action in ("labeled", "synchronize"):
        printed = shop.workflow(pull, action)
        assert "docker" not in printed
    name = f"{NAME}-pr-{FORK}"
    wait_for("its Application is there", lambda: shop.world.argocd.application(name) is not None, 30)
    time.sleep(PATIENCE)
    application = shop.world.argocd.application(name)
    assert "unable to resolve" in explain(application), explain(application)
    assert (shop.shown(), shop.namespaces(), shop.page()) == (before, {PREVIEW}, page)
    del shop.forge.open[FORK]
    wait_for("its Application is gone", lambda: shop.world.argocd.application(name) is None, 60)


def test_a_pull_request_without_the_label_gets_nothing(shop: Shop) -> None:
    before = shop.shown()
    pull = PullRequest(BARE, "shiny", shop.forge.open[OURS].commit, OWNER, ["enhancement"])
    shop.forge.open[BARE] = pull
    for action in ("synchronize", "reopened"):
        shop.workflow(pull, action)
    time.sleep(PATIENCE)
    assert shop.world.argocd.application(f"{NAME}-pr-{BARE}") is None
    assert (shop.shown(), shop.namespaces()) == (before, {PREVIEW})


def test_an_outage_of_the_forge_takes_no_preview_away(shop: Shop) -> None:
    repository, shop.forge.repository = shop.forge.repository, "nobody/nothing"
    try:
        time.sleep(PATIENCE)
        assert shop.namespaces() == {PREVIEW}
        assert "<title>Shinier</title>" in shop.page()
    finally:
        shop.forge.repository = repository


def test_a_preview_can_not_take_more_than_its_namespace(shop: Shop) -> None:
    """Who may push a branch writes its manifests: the project, which is on main, says how far they reach."""
    project = shop.world.cluster.api.get(f"/apis/argoproj.io/v1alpha1/namespaces/argocd/appprojects/{PREVIEW}")
    assert [target["namespace"] for target in project["spec"]["destinations"]] == [PREVIEW]
    assert [item["name"] for item in project["spec"]["clusterResourceWhitelist"]] == [PREVIEW]
    pull = shop.forge.open[OURS]
    shown = shop.shown()[f"refs/previews/{OURS}"]
    overlay = shop.product / "apps" / NAME / "preview"
    namespace = overlay / "namespace.yaml"
    namespace.write_text(
        namespace.read_text()
        + "- op: replace\n  path: /metadata/labels/pod-security.kubernetes.io~1enforce\n  value: privileged\n"
    )
    (overlay / "elsewhere.yaml").write_text(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: everything\nrules: []\n"
    )
    other = json.dumps(patching("CronJob", ("replace", "/metadata/namespace", f"{NAME}-pr-{FORK}")))
    fields = {"resources": ["elsewhere.yaml", "steal.yaml"], "transformers": [other]}
    change(overlay, fields, {"steal.yaml": JOB})
    support.git("add", "-A", cwd=shop.product)
    pull.commit = shop.branch("shiny", "Greedy")
    shop.push("shiny")
    shop.workflow(pull, "synchronize")
    assert shop.shown()[f"refs/previews/{OURS}"] != shown
    refused = (
        f"resource rbac.authorization.k8s.io:ClusterRole is not permitted in project {PREVIEW}",
        f"namespace {NAME}-pr-{FORK} is not permitted in project '{PREVIEW}'",
    )

    def said() -> str:
        return json.dumps((shop.world.argocd.application(PREVIEW) or {}).get("status", {}))

    wait_for("Argo CD refuses it", lambda: all(words in said() for words in refused), 120)
    labels = shop.world.cluster.api.get(f"/api/v1/namespaces/{PREVIEW}")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    for lowered in ("enforce=privileged", "enforce-version=v1.20"):
        label = ("label", "namespace", PREVIEW, "--overwrite", f"pod-security.kubernetes.io/{lowered}")
        with pytest.raises(LiveError, match="This namespace must enforce"):
            shop.world.cluster.kubectl(*label)
    assert shop.world.cluster.api.find("/apis/rbac.authorization.k8s.io/v1/clusterroles/everything") is None


def test_a_closed_pull_request_leaves_nothing_and_touches_no_environment(shop: Shop, figures: Figures) -> None:
    world = shop.world
    assert world.settled("dev")
    pull = shop.forge.open.pop(OURS)
    started = time.monotonic()
    shop.workflow(pull, "closed")
    assert shop.shown() == {}
    # Its last version can't be synced, which it tries some times before it goes.
    wait_for("its Application is gone", lambda: world.argocd.application(PREVIEW) is None, 240)
    project = f"/apis/argoproj.io/v1alpha1/namespaces/argocd/appprojects/{PREVIEW}"
    wait_for("its project is gone", lambda: world.cluster.api.find(project) is None, 60)
    assert shop.namespaces() == set()
    figures.add("preview: pull request closed to nothing left", f"{time.monotonic() - started:.1f} s")
    claims = world.cluster.api.get("/api/v1/persistentvolumes")["items"]
    assert not [claim for claim in claims if claim["spec"]["claimRef"]["namespace"] == PREVIEW]
    assert world.settled("dev")
    assert world.client("GET", world.address("dev") + "/")[0] == 200
