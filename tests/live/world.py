"""A generated product on the live cluster: its git server, its images, Argo CD with its settings, and its scripts.

What is not as a user has it, and why:
- Argo CD comes as `make local` brings it: from its own manifest, with the values of its chart, put into a chart by `argocd_chart.py`, as its own can't be had.
- The address of its repository, which the rules for answers do not take, is put in place of one that they take.
- Base images and Postgres are stand-ins, so the digest of Postgres in the StatefulSet is replaced by the stand-in's.
- External Secrets Operator is a stand-in (its CRDs are real); its Application can't fetch its chart, and stays so.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests import support
from tests.gitserver import GitServer

from . import deploy_identity, images
from .argocd import ArgoCD, explain
from .cluster import Cluster
from .load import Load
from .processes import LiveError, say, step, wait_for
from .secrets_operator import SecretsOperator
from .settings import STATE

APPLICATION = "goal-tracker"
DEV = f"{APPLICATION}-dev"
RUNS = 10


@dataclass
class World:
    """A product that runs."""

    cluster: Cluster
    git: GitServer
    argocd: ArgoCD
    product: Path
    url: str
    operator: SecretsOperator
    deploy_kubeconfig: Path
    """Of the pipeline's identity: the product's own scripts run with it, and so with no right but its."""
    applications: list[str] = field(default_factory=list)
    """What the pipeline's identity may tell Argo CD to look at."""
    webhook: bool = False
    pushes: list[tuple[str, float]] = field(default_factory=list)
    """Commit and time (monotonic) of the end of each push, as the server saw it."""

    def on_push(self, url: str, branch: str, before: str, after: str, changed: list[str]) -> None:
        """Note the time, and send the webhook where that is on."""
        self.pushes.append((after, time.monotonic()))
        if self.webhook:
            self.argocd.push_event(url, branch, before, after, changed)

    def grant(self, *applications: str) -> None:
        """Let the pipeline's identity refresh these Applications too, and hold versions back, as terraform/gitops does."""
        self.applications.extend(applications)
        with tempfile.TemporaryDirectory() as folder:
            self.cluster.apply(deploy_identity.access(self.product, self.applications, Path(folder, "access")))
            if (self.product / "terraform/gitops/migrations.tf").exists():
                self.cluster.apply(
                    deploy_identity.access(self.product, [], Path(folder, "first"), "migrations", "migrations_access")
                )

    def run(self, *command: str, status: int | None = 0) -> str:
        """Run a command of the product; its output.

        Raises:
            LiveError: it ended with another status than expected (None: any).
        """
        env = {
            **os.environ,
            "KUBECONFIG": str(self.deploy_kubeconfig if command[0].startswith("scripts/") else self.cluster.kubeconfig),
            "PATH": f"{self.cluster.tools.bin}:{support.TOOLS_FIRST}",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        argv = (
            [sys.executable, *command]
            if command[0].startswith("scripts/") and _is_python(self.product, command[0])
            else command
        )
        done = subprocess.run(argv, cwd=self.product, env=env, capture_output=True, text=True, check=False)
        if status is not None and done.returncode != status:
            raise LiveError(f"{' '.join(command)} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return (done.stdout + done.stderr).strip()

    def commit(self, message: str) -> str:
        """Commit everything and push it; the commit."""
        support.git("add", "-A", cwd=self.product)
        support.git("commit", "-q", "-m", message, cwd=self.product)
        support.git("push", "-q", "origin", "HEAD:main", cwd=self.product)
        return support.git("rev-parse", "HEAD", cwd=self.product)

    def release(self, service: str, tag: str) -> str:
        """Build a service with the product's Dockerfile and push it; `SERVICE=TAG@DIGEST`."""
        image = f"{self.run('scripts/image-name', service)}:{tag}"
        images.build(self.product / "src" / service, image, build_args={"VERSION": tag})
        return f"{service}={tag}@{images.push(image)}"

    def application(self, environment: str) -> Any:
        """The Application of an environment."""
        return self.argocd.application(f"{APPLICATION}-{environment}")

    def deployment(self, environment: str, service: str) -> Any:
        """A Deployment."""
        return self.cluster.api.get(f"/apis/apps/v1/namespaces/{APPLICATION}-{environment}/deployments/{service}")

    def running_image(self, service: str) -> str:
        """The image that dev's Deployment names."""
        return str(self.deployment("dev", service)["spec"]["template"]["spec"]["containers"][0]["image"])

    def ready_pods(self, environment: str, service: str, tag: str) -> int:
        """How many pods of a version are ready."""
        selector = f"labelSelector=app.kubernetes.io%2Fname%3D{service}"
        pods = self.cluster.api.get(f"/api/v1/namespaces/{APPLICATION}-{environment}/pods?{selector}")["items"]
        return sum(
            f":{tag}@" in f"{pod['spec']['containers'][0]['image']}@"
            and any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", []))
            for pod in pods
        )

    def rolled_out(self, environment: str, service: str, tag: str, timeout: float = 120) -> float:
        """Wait until as many pods of a version are ready as are wanted; the time (monotonic) when it was seen."""
        wanted = self.deployment(environment, service)["spec"]["replicas"]
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self.ready_pods(environment, service, tag) >= wanted:
                return time.monotonic()
            time.sleep(0.05)
        raise LiveError(f"{service} {tag} is not ready after {timeout:.0f} s: {explain(self.application(environment))}")

    def settled(self, environment: str) -> bool:
        """Whether an environment is Synced and Healthy with no operation under way."""
        status = self.application(environment)["status"]
        phase = status.get("operationState", {}).get("phase")
        return (status["sync"]["status"], status["health"]["status"], phase) == ("Synced", "Healthy", "Succeeded")

    def only_version(self, environment: str, service: str, tag: str) -> bool:
        """Whether the pods of other versions are gone."""
        selector = f"labelSelector=app.kubernetes.io%2Fname%3D{service}"
        pods = self.cluster.api.get(f"/api/v1/namespaces/{APPLICATION}-{environment}/pods?{selector}")["items"]
        return all(f":{tag}@" in pod["spec"]["containers"][0]["image"] for pod in pods)

    def answers(self, environment: str, goals: list[str]) -> bool:
        """Whether the frontend gives these goals."""
        try:
            return self.goals(environment) == goals
        except (LiveError, KeyError):
            return False

    def address(self, environment: str) -> str:
        """Where the frontend answers outside the cluster."""
        service = self.cluster.api.get(f"/api/v1/namespaces/{APPLICATION}-{environment}/services/frontend")
        return f"http://{service['status']['loadBalancer']['ingress'][0]['ip']}"

    def client(self, method: str, url: str, body: str = "") -> tuple[int, str]:
        """A request from a client outside the cluster: status (0: no answer) and text."""
        code = (
            "import sys, urllib.request, urllib.error\n"
            "method, url, body = sys.argv[1:]\n"
            "request = urllib.request.Request(url, body.encode() or None, {'Content-Type': 'application/json'}, method=method)\n"
            "try:\n    answer = urllib.request.urlopen(request, timeout=5)\n"
            "except urllib.error.HTTPError as error:\n    answer = error\n"
            "print(answer.status, answer.read().decode())\n"
        )
        done = self.cluster.client("python3", "-c", code, method, url, body)
        status, _, text = done.stdout.strip().partition(" ")
        return (int(status), text) if status else (0, done.stderr)

    def goals(self, environment: str) -> list[str]:
        """The goals, as the frontend gives them."""
        status, text = self.client("GET", f"{self.address(environment)}/api/goals")
        if status != 200:
            raise LiveError(f"goals: {status}: {text}")
        return [goal["text"] for goal in json.loads(text)["goals"]]

    def add_goal(self, environment: str, text: str) -> None:
        """Write a goal through the frontend."""
        status, answer = self.client("POST", f"{self.address(environment)}/api/goals", json.dumps({"text": text}))
        if status != 201:
            raise LiveError(f"adding a goal: {status}: {answer}")

    def sql(self, environment: str, statement: str) -> str:
        """Ask the environment's database itself."""
        command = ("psql", "-U", "app", "-d", "app", "-h", "/var/run/postgresql", "-At", "-c", statement)
        return self.cluster.kubectl("-n", f"{APPLICATION}-{environment}", "exec", "database-0", "--", *command).strip()

    def load(self, environment: str, path: str = "/api/goals") -> Load:
        """Constant load through the Service, through all three tiers unless another path is given."""
        return Load(self.address(environment) + path)


def _is_python(product: Path, script: str) -> bool:
    return (product / script).read_text().startswith("#!/usr/bin/env python3")


def generate(folder: Path, url: str = "", **answers: object) -> Path:
    """Generate a product, by default the default one, with the digest of Postgres' stand-in; commit it.

    With the URL of a repository on this machine it is that one's, whatever the answers say, and pushed to it.
    """
    if url:
        answers = {"git_repository": re.sub("//[^:]+", "//localhost", url), **answers}
    template = support.export_template(folder / "template")
    product = support.render(template, folder / "product", answers, hook=True)
    support.git("init", "-q", "-b", "main", cwd=product)
    support.git("config", "user.name", "Live test", cwd=product)
    support.git("config", "user.email", "live@example.com", cwd=product)
    support.git("add", "-A", cwd=product)
    support.git("commit", "-q", "-m", "Generated", cwd=product)
    for stateful_set in product.glob("apps/*/base/database/statefulset.yaml"):
        found = re.search(r"image: (postgres:\S+)@sha256:\w+", stateful_set.read_text())
        assert found
        digest = images.push_base(found[1])
        for path in (stateful_set, stateful_set.with_name("backup.yaml")):
            path.write_text(path.read_text().replace(found[0], f"image: {found[1]}@{digest}"))
        # The log of its pod stands for Blob Storage.
        shown, done = re.subn(
            r"image: rclone/.*\n( +)args: .*",
            rf"image: {found[1]}@{digest}\n\1command: [sh, -euc, base64 /backup/*.dump]",
            path.read_text(),
        )
        assert done == 1
        path.write_text(shown)
        support.git("commit", "-q", "-a", "-m", "Stand-in for Postgres", cwd=product)
    if url:
        for path in (*product.glob("bootstrap/**/*.yaml"), *product.glob("clusters/**/*.yaml")):
            path.write_text(path.read_text().replace(f'"{answers["git_repository"]}"', f'"{url}"'))
        support.git("commit", "-q", "-a", "-m", "Repository on this machine", cwd=product)
        support.git("remote", "add", "origin", url, cwd=product)
        support.git("push", "-q", "origin", "main", cwd=product)
    return product


def provide(cluster: Cluster, product: Path) -> tuple[SecretsOperator, Path]:
    """Make what Terraform makes beside Argo CD: a Key Vault with its readers, and the pipeline's kubeconfig."""
    folder = Path(tempfile.mkdtemp(dir=STATE))
    cluster.install_crds("external-secrets")
    accounts, roles = deploy_identity.readers(product, folder / "readers")
    cluster.apply(accounts)
    kubeconfig = deploy_identity.kubeconfig(cluster.kubeconfig, folder / "deploy-kubeconfig")
    return SecretsOperator(cluster.api, roles), kubeconfig


@contextmanager
def running(argocd: ArgoCD, folder: Path, **answers: object) -> Iterator[World]:
    """A generated product, by default the default one, pushed, bootstrapped and released to dev."""
    cluster = argocd.cluster
    with ExitStack() as stack:
        git = stack.enter_context(GitServer(folder, cluster.address))
        url = git.create("demo/goal-tracker")
        with step("generate the product and push it"):
            product = generate(folder, url, **answers)
        world = World(cluster, git, argocd, product, url, *provide(cluster, product))
        stack.callback(lambda: world.operator.stop())
        world.grant(*[f"{APPLICATION}-{overlay.name}" for overlay in support.overlays(product)])
        git.on_push = world.on_push
        with step("build the sample application's images"):
            built = f"sha-{support.git('rev-parse', 'HEAD', cwd=product)}"
            released = [world.release(service, built) for service in ("frontend", "backend")]
        world.run("scripts/bump-image", "dev", *released)
        with step("apply bootstrap/, and nothing else, until dev is healthy"):
            world.run("kubectl", "apply", "-k", "bootstrap")
            wait_for("the bootstrap Application has made dev's", lambda: world.application("dev") is not None, 60)
            started = time.monotonic()
            world.run("scripts/wait-healthy", "dev", "--timeout", "180")
        say(f"dev is healthy {time.monotonic() - started:.1f} s after its Application was made")
        try:
            yield world
        except BaseException:
            say(explain(world.application("dev")))
            raise


@contextmanager
def another_product(world: World, folder: Path, name: str, **answers: object) -> Iterator[str]:
    """A product beside the world's own, with one environment, as its bootstrap Application would bring it; its address."""
    url = world.git.create(f"demo/{name}")
    product = generate(folder, url, project_name=name, environments=["dev"], **answers)
    world.grant(f"{name}-dev")
    world.operator.others.add(f"{name}-dev")
    [cluster] = product.glob("clusters/*")
    for path in [*(cluster / "projects").iterdir(), *(cluster / "environments").iterdir()]:
        world.cluster.apply(path.read_text().replace("metadata:\n", "metadata:\n  namespace: argocd\n", 1))
    try:
        yield url
    finally:
        world.cluster.kubectl("-n", "argocd", "delete", "applications.argoproj.io", f"{name}-dev", "--wait=false")
        world.cluster.kubectl("delete", "namespace", f"{name}-dev", "--ignore-not-found", "--wait=false")


# Name in each registry, and what images then begin with.
REGISTRIES = {
    key: ("exampleorg", row["prefix"].replace("{name}", "exampleorg") + "/") for key, row in support.REGISTRIES.items()
}


def assert_released(world: World, name: str, registry: str) -> None:
    """The services of another product run an image of its registry, by tag and digest, with every replica ready."""
    for service in ("frontend", "backend"):
        deployment = world.cluster.api.get(f"/apis/apps/v1/namespaces/{name}-dev/deployments/{service}")
        assert deployment["status"]["readyReplicas"] == deployment["spec"]["replicas"]
        [container] = deployment["spec"]["template"]["spec"]["containers"]
        image = rf"{REGISTRIES[registry][1]}{service}:sha-[0-9a-f]{{40}}@sha256:[0-9a-f]{{64}}"
        assert re.fullmatch(image, container["image"]), container["image"]
