"""What a cluster refuses that verifies images: Kyverno itself beside Kubernetes' own API server, with the product's policies.

cosign itself signs, by the product's own script, for a registry on this machine. Kyverno runs as its chart runs it, but as a
process of this machine. Two products share the cluster: one whose pipeline signs with a key, one whose workflows sign.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import support
from tests.signatures.conftest import cosign, registry  # noqa: F401
from tests.test_signatures import COMMIT, Release

from . import build, deploy_identity, toolchain
from .api import ApiError
from .cluster import Cluster
from .processes import Daemon, LiveError, wait_for
from .settings import KYVERNO, NODE_ADDRESS
from .sigstore import Sigstore

pytestmark = pytest.mark.live

_PORT = 9443
_WEBHOOKS = "/apis/admissionregistration.k8s.io/v1"
_OTHERS = ("background-controller", "cleanup-controller", "reports-controller")
_DIGEST = "sha256:" + "3" * 64


class Environment:
    """The first environment of a product, with the product's policy."""

    def __init__(self, server: Cluster, signer: Sigstore, folder: Path, answers: str) -> None:
        self.server = server
        self.product = support.render(
            support.export_template(folder / "template"), folder / "product", support.answers(answers)
        )
        given = support.answers(answers)
        self.name = given["project_name"]
        self.namespace = f"{self.name}-dev"
        support.git("init", "-q", cwd=self.product)
        support.git("remote", "add", "origin", given["git_repository"], cwd=self.product)
        self.release = Release(self.product, signer)
        self.who = self.release.certificate()
        if given.get("ci") == "jenkins":
            self.who = {"COSIGN_KEY": signer.key("ours"), "COSIGN_PASSWORD": ""}
        platform = {"image_signing_key": signer.public_key("ours"), "image_verification_client_id": "an identity"}
        verification = deploy_identity.access(
            self.product, [], folder / "terraform", "image_verification", "image_verification", platform
        )
        server.apply(verification)
        account = {"apiVersion": "v1", "kind": "ServiceAccount"}
        for namespace in (self.namespace, f"{self.name}-other"):
            server.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
            server.apply({**account, "metadata": {"name": "default", "namespace": namespace}})
        self.neighbour = self.signed("backend")
        [path] = self.product.glob("clusters/*/signed-images/imagevalidatingpolicy.yaml")
        text = path.read_text().replace(f"{given['registry_name']}.azurecr.io", signer.registry)
        policy = yaml.safe_load(text)
        # The other product's has the same name.
        policy["metadata"]["name"] = self.name
        for attestor in policy["spec"]["attestors"]:
            if "keyless" in attestor["cosign"]:
                attestor["cosign"]["tuf"] = signer.tuf
                attestor["cosign"]["ctlog"] = {"insecureIgnoreTlog": True, "insecureIgnoreSCT": True}
        wait_for("Kyverno takes the policy", lambda: self._applied(policy), 60)
        unsigned = self.image("frontend", "unsigned")
        wait_for("the API server asks Kyverno", lambda: "not signed" in self.refusal(unsigned), 60)

    def _applied(self, policy: dict[str, Any]) -> bool:
        self.server.apply(policy)
        return True

    def image(self, service: str, content: str, commit: str = COMMIT) -> str:
        """Push an image that nobody signs."""
        name = self.release.image(service)
        return f"{name}:sha-{commit}@{self.release.signer.push(name, content)}"

    def signed(self, service: str = "frontend", **who: str) -> str:
        """Push an image that is signed, by the pipeline unless another is named."""
        version = self.release.signed(service, COMMIT, **(who or self.who))
        return f"{self.release.image(service)}:{version.partition('=')[2]}"

    def refusal(self, image: str, where: str = "containers", namespace: str = "") -> str:
        """Why the API server does not take a pod; nothing if it does."""
        namespace = namespace or self.namespace
        spec: dict[str, Any] = {"containers": [{"name": "web", "image": self.neighbour}]}
        spec[where] = [{"name": "web" if where == "containers" else "more", "image": image}]
        pod = {"metadata": {"name": "asked-about", "namespace": namespace}, "spec": spec}
        try:
            self.server.api.request("POST", f"/api/v1/namespaces/{namespace}/pods?dryRun=All", pod)
        except ApiError as error:
            return str(error)
        return ""


@pytest.fixture(scope="module")
def signer(cosign: Path, registry: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sigstore]:  # noqa: F811
    """Who signs images."""
    made = Sigstore(cosign, tmp_path_factory.mktemp("sigstore") / "signer", registry)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def kyverno(api_server: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Daemon:
    """Kyverno beside the API server."""
    program = build.ensure("kyverno").bin / "kyverno"
    module = toolchain.module("github.com/kyverno/kyverno", KYVERNO)
    text = (module / "config" / "install-latest-testing.yaml").read_text()
    objects = [item for item in yaml.safe_load_all(text) if not any(n in item["metadata"]["name"] for n in _OTHERS)]
    objects.sort(key=lambda item: item["kind"] != "Namespace")
    api_server.apply(objects)
    [deployment] = [item for item in objects if item["kind"] == "Deployment"]
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    given = {entry["name"]: entry.get("value", "kyverno") for entry in container["env"]}
    folder = tmp_path_factory.mktemp("kyverno")
    outside = ["--disableMetrics=true", "--controllerRuntimeMetricsAddress=0", "--admissionReports=false"]
    address = [f"--kubeconfig={api_server.kubeconfig}", f"--serverIP={NODE_ADDRESS}:{_PORT}"]
    environment = {**given, "TUF_ROOT": str(folder / "tuf"), "HOME": str(folder)}
    daemon = api_server.start("kyverno", program, *container["args"], *outside, *address, env=environment)
    webhook = f"{_WEBHOOKS}/validatingwebhookconfigurations/kyverno-policy-validating-webhook-cfg"
    wait_for("Kyverno is there", lambda: bool(api_server.api.find(webhook)), 60)
    return daemon


@pytest.fixture(scope="module")
def environments(
    api_server: Cluster,
    kyverno: Daemon,
    signer: Sigstore,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Environment]:
    """By who signs."""
    kyverno.require_running()
    return {
        who: Environment(api_server, signer, tmp_path_factory.mktemp(who), f"signed-images-on-{who}")
        for who in ("github", "jenkins")  # The key, which the first one lacks, comes with the last.
    }


@pytest.fixture(params=["jenkins", "github"])
def environment(request: pytest.FixtureRequest, environments: dict[str, Environment]) -> Environment:
    """Each of them."""
    return environments[request.param]


def test_what_the_pipeline_has_signed_runs(environment: Environment) -> None:
    """Also in a container that is there for debugging, and where somebody else has signed too."""
    image = environment.signed()
    assert not environment.refusal(image)
    assert not environment.refusal(image, "initContainers")
    environment.signed(COSIGN_KEY=environment.release.signer.key("another"), COSIGN_PASSWORD="")
    assert not environment.refusal(image)


def test_what_nobody_has_signed_is_refused(environment: Environment) -> None:
    """Whatever kind of container has it."""
    image = environment.image("frontend", "unsigned")
    for where in ("containers", "initContainers"):
        refusal = environment.refusal(image, where)
        assert "not signed by the " in refusal
        assert image in refusal


def test_no_other_key_counts(environment: Environment) -> None:
    """A key that somebody has made."""
    name = environment.release.image("backend")
    version = environment.release.signed(
        "backend", "c" * 40, COSIGN_KEY=environment.release.signer.key("another"), COSIGN_PASSWORD=""
    )
    assert "not signed by the " in environment.refusal(f"{name}:{version.partition('=')[2]}")


@pytest.mark.parametrize("run", [{"branch": "topic"}, {"workflow": "evil.yml"}, {"workflow": "build-service.yml"}])
def test_no_other_run_counts(environments: dict[str, Environment], run: dict[str, str]) -> None:
    """Of a branch, of another workflow, or of the one that builds for other repositories."""
    shop = environments["github"]
    commit = ("d" if "branch" in run else "e" if run["workflow"] == "evil.yml" else "f") * 40
    version = shop.release.signed("frontend", commit, **shop.release.certificate(**run))
    image = f"{shop.release.image('frontend')}:{version.partition('=')[2]}"
    assert "not signed by the workflows of Acme-Co/shop" in shop.refusal(image)


def test_a_service_of_another_repository_is_signed_by_the_workflow_that_builds_it(
    environments: dict[str, Environment],
) -> None:
    """And not by the release of this one."""
    shop = environments["github"]
    image = shop.signed("worker", **shop.release.certificate("build-service.yml"))
    assert not shop.refusal(image)
    version = shop.release.signed("worker", "b" * 40, **shop.who)
    assert "not signed by" in shop.refusal(f"{shop.release.image('worker')}:{version.partition('=')[2]}")


def test_the_signature_of_another_service_is_refused(environment: Environment) -> None:
    """The same digest, copied under another name with its signature."""
    release = environment.release
    digest = environment.signed("backend").partition("@")[2]
    frontend = release.image("frontend")
    assert release.signer.push(frontend, f"backend of {COMMIT}") == digest
    signing = ["cosign", "sign", "--yes", "-a", f"commit={COMMIT}", "-a", f"image={release.image('backend')}"]
    done = release.call(*signing, *_key(environment), f"{frontend}@{digest}", **environment.who)
    assert done.returncode == 0, done.stderr
    assert "signed under another name" in environment.refusal(f"{frontend}:sha-{COMMIT}@{digest}")


def test_a_tag_alone_is_refused(environment: Environment) -> None:
    """It can be moved after it was looked at."""
    image = environment.signed().partition("@")[0]
    assert "does not have a digest" in environment.refusal(image)


def test_images_of_others_run_by_name(environments: dict[str, Environment]) -> None:
    """Those that the policy names, and none that sounds like them."""
    shop = environments["github"]
    for image in (f"postgres:18.4@{_DIGEST}", f"docker.io/valkey/valkey:9@{_DIGEST}"):
        assert not shop.refusal(image)
    registry_of_somebody = shop.release.signer.registry
    for name in ("postgres-evil", "evil/postgres", "docker.io/valkey/valkey-evil"):
        assert shop.refusal(f"{registry_of_somebody}/{name}@{_DIGEST}")
    assert "denied" in environments["jenkins"].refusal(f"{registry_of_somebody}/postgres@{_DIGEST}")


def test_a_running_pod_gets_no_other_image(environment: Environment) -> None:
    """Neither by a change nor in a container for debugging; labels change without a question."""
    kubectl, namespace = environment.server.kubectl, ("-n", environment.namespace)
    image, unsigned = environment.signed(), environment.image("frontend", "unsigned")
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": environment.namespace}}
    kubectl("apply", "-f", "-", stdin=json.dumps({**pod, "spec": {"containers": [{"name": "web", "image": image}]}}))
    debug = ("debug", "web", "--attach=false", "--image")
    for change in (("set", "image", "pod/web", f"web={unsigned}"), (*debug, unsigned)):
        with pytest.raises(LiveError, match="not signed by the"):
            kubectl(*change, *namespace)
    kubectl(*debug, image, *namespace)
    kubectl("label", "pod", "web", "some=label", *namespace)


def test_other_namespaces_are_not_asked_about(environment: Environment) -> None:
    """Whatever runs there is not for this policy to say."""
    assert not environment.refusal(environment.image("frontend", "unsigned"), namespace=f"{environment.name}-other")


def test_the_chart_brings_the_version_that_is_tried_here(environment: Environment) -> None:
    """And no other."""
    chart = toolchain.module("github.com/kyverno/kyverno", KYVERNO) / "charts" / "kyverno" / "Chart.yaml"
    [application] = environment.product.glob("clusters/*/kyverno.yaml")
    source = yaml.safe_load(application.read_text())["spec"]["source"]
    assert yaml.safe_load(chart.read_text())["version"] == source["targetRevision"]


def test_no_webhook_looks_at_anything_but_pods_of_environments(environments: dict[str, Environment]) -> None:
    """Nor changes what it looks at."""
    api = environments["github"].server.api
    for item in api.get(f"{_WEBHOOKS}/mutatingwebhookconfigurations")["items"]:
        groups = {group for hook in item.get("webhooks", []) for rule in hook["rules"] for group in rule["apiGroups"]}
        assert groups <= {"kyverno.io", "coordination.k8s.io"}, item["metadata"]["name"]
    asked = []
    for item in api.get(f"{_WEBHOOKS}/validatingwebhookconfigurations")["items"]:
        for hook in item.get("webhooks", []):
            groups = {group for rule in hook["rules"] for group in rule["apiGroups"]}
            if not all(group.endswith("kyverno.io") for group in groups):
                asked.append(hook["namespaceSelector"]["matchExpressions"][0]["values"])
    assert sorted(asked) == [["ledger-dev", "ledger-prod"], ["shop-dev", "shop-prod"]]


def test_without_kyverno_new_pods_of_environments_wait_and_nothing_else(
    environments: dict[str, Environment], kyverno: Daemon
) -> None:
    """The last test: what docs/operations.md says of an outage, and the ways out."""
    shop, ledger = environments["github"], environments["jenkins"]
    image, unsigned = shop.signed(), shop.image("frontend", "unsigned")
    ledger.server.kubectl("delete", "imagevalidatingpolicy", ledger.name)
    wait_for("Kyverno lets go", lambda: not ledger.refusal(unsigned), 30)
    kyverno.stop()
    assert "failed calling webhook" in shop.refusal(image)
    assert not shop.refusal(unsigned, namespace="shop-other")
    shop.server.kubectl("label", "pod", "web", "--overwrite", "some=other", "-n", shop.namespace)
    shop.server.kubectl("create", "deployment", "web", "--image", image, "-n", shop.namespace)
    text = (shop.product / "docs" / "operations.md").read_text()
    [way_out] = re.findall(r"^ *kubectl (delete validatingwebhookconfigurations .+)$", text, re.MULTILINE)
    shop.server.kubectl(*way_out.split())
    time.sleep(1)
    assert not shop.refusal(unsigned)


def _key(environment: Environment) -> list[str]:
    return ["--key", environment.who["COSIGN_KEY"]] if "COSIGN_KEY" in environment.who else []
