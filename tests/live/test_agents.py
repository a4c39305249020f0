"""What agents of Jenkins may be: Kubernetes' own API server judges, with what the product's Terraform gives it.

Whoever may push a branch writes the pod in which the branch is built. So pods are sent here as Jenkins would send them, and
each that must be refused is admitted first where agents ran before: in a namespace of the level `privileged`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import support

from . import deploy_identity
from .api import STRATEGIC_PATCH, Api, ApiError
from .cluster import Cluster
from .processes import wait_for

pytestmark = pytest.mark.live

Pod = dict[str, Any]

JENKINS = [name for name in support.VALID if support.answers(name).get("ci") == "jenkins"]
PRODUCT = "jenkins-with-acr-on-gitlab"
CLOUDS = ("changes", "infrastructure", "release")
PRIVILEGED = "privileged"

BUILDKIT = f"moby/buildkit:v0.33.0-rootless@sha256:{'a' * 64}"
UNCONFINED = {"type": "Unconfined"}
ELSEWHERE = {"host": "169.254.169.254", "port": 80}
CONTAINER: Pod = {
    "name": "other",
    "image": "python:3.14",
    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
}
BUILDER: Pod = {
    "name": "buildkit",
    "image": BUILDKIT,
    "securityContext": {"seccompProfile": UNCONFINED, "appArmorProfile": UNCONFINED},
}

# By path from `spec`.
OF_PODS: list[tuple[str, Any]] = [
    ("hostNetwork", True),
    ("hostPID", True),
    ("hostIPC", True),
    ("securityContext.seccompProfile", UNCONFINED),
    ("securityContext.seccompProfile", None),
    ("securityContext.appArmorProfile", UNCONFINED),
    ("securityContext.seLinuxOptions", {"user": "system_u"}),
    ("priorityClassName", "system-cluster-critical"),
    ("securityContext.sysctls", [{"name": "kernel.msgmax", "value": "1"}]),
    ("securityContext.runAsNonRoot", False),
    ("securityContext.runAsNonRoot", None),
    ("securityContext.runAsUser", 0),
    ("volumes", [{"name": "node", "hostPath": {"path": "/"}}]),
    ("volumes", [{"name": "files", "nfs": {"server": "nfs", "path": "/"}}]),
]
ANNOTATIONS = {
    "container.apparmor.security.beta.kubernetes.io/tools": "unconfined",
    "container.seccomp.security.alpha.kubernetes.io/tools": "unconfined",
}
# By path from a container: what none may have, not even BuildKit's …
OF_CONTAINERS: list[tuple[str, Any]] = [
    ("securityContext", {"privileged": True}),
    ("securityContext.capabilities", {"add": ["NET_ADMIN"], "drop": ["ALL"]}),
    ("securityContext.seLinuxOptions", {"type": "spc_t"}),
    ("securityContext.runAsNonRoot", False),
    ("securityContext.runAsUser", 0),
    ("ports", [{"containerPort": 80, "hostPort": 80}]),
    ("livenessProbe", {"httpGet": ELSEWHERE}),
    ("readinessProbe", {"httpGet": ELSEWHERE}),
    ("startupProbe", {"tcpSocket": ELSEWHERE}),
    ("lifecycle", {"postStart": {"httpGet": ELSEWHERE}}),
    ("lifecycle", {"preStop": {"httpGet": ELSEWHERE}}),
]
# … and what BuildKit's alone may have.
OF_OTHERS: list[tuple[str, Any]] = [
    ("securityContext.seccompProfile", UNCONFINED),
    ("securityContext.appArmorProfile", UNCONFINED),
    ("securityContext.allowPrivilegeEscalation", True),
    ("securityContext.allowPrivilegeEscalation", None),
    ("securityContext.capabilities", None),
]
IMAGES = {
    "somebody else's": f"evil/buildkit@sha256:{'a' * 64}",
    "of another registry": f"evil.io/moby/buildkit@sha256:{'a' * 64}",
    "that ends like it": f"evil.io/docker.io/moby/buildkit:v1@sha256:{'a' * 64}",
    "without a digest": "moby/buildkit:v0.33.0-rootless",
    "with a tag like a digest": f"moby/buildkit:sha256-{'a' * 64}",
}


def given(target: Pod, path: str, value: Any) -> Pod:
    """A copy with a field set, or without it."""
    made = copy.deepcopy(target)
    *parents, last = path.split(".")
    inner = made
    for name in parents:
        inner = inner.setdefault(name, {})
    if value is None:
        inner.pop(last, None)
    else:
        inner[last] = value
    return made


def pod(container: Pod = CONTAINER, kind: str = "containers") -> Pod:
    """A pod like the product's, with a further container."""
    context = {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}}
    spec: Pod = {"securityContext": context, "containers": [{**CONTAINER, "name": "tools"}]}
    # Only an init container that runs on can have probes.
    further = {"restartPolicy": "Always"} if kind == "initContainers" else {}
    spec[kind] = [*spec.get(kind, []), {**container, **further}]
    return copy.deepcopy({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "agent"}, "spec": spec})


def attacks() -> Iterator[tuple[str, Pod]]:
    """What it is, and a pod that must be refused."""
    for path, value in OF_PODS:
        yield f"pod {path}={value}", given(pod(), f"spec.{path}", value)
    for name, value in ANNOTATIONS.items():
        yield name, given(pod(), "metadata", {"name": "agent", "annotations": {name: value}})
    for path, value in OF_CONTAINERS:
        yield f"buildkit {path}={value}", pod(given(BUILDER, path, value))
    for kind in ("containers", "initContainers", "ephemeralContainers"):
        for path, value in OF_CONTAINERS + OF_OTHERS:
            if kind != "ephemeralContainers" or path.startswith("securityContext"):
                yield f"{kind} {path}={value}", pod(given(CONTAINER, path, value), kind)
    for kind in ("initContainers", "ephemeralContainers"):
        yield f"buildkit in {kind}", pod(BUILDER, kind)
    for name, image in IMAGES.items():
        yield f"an image {name}", pod({**BUILDER, "image": image})
    # Some the API server takes only together with others.
    unmasked = pod(given(CONTAINER, "securityContext.procMount", "Unmasked"))
    yield "/proc unmasked", given(unmasked, "spec.hostUsers", False)
    windows = given(pod(), "spec.securityContext.windowsOptions", {"hostProcess": True})
    yield "a process of a Windows node", given(windows, "spec.hostNetwork", True)


class Agents:
    """Asks the API server for pods, which are not kept."""

    def __init__(self, server: Cluster) -> None:
        self.admin = server.api

    def start(self, namespace: str, wanted: Pod, api: Api | None = None) -> str:
        """Ask for a pod; what the server says against it. Without an account, an administrator asks."""
        api, path = api or self.admin, f"/api/v1/namespaces/{namespace}/pods"
        extra = wanted["spec"].get("ephemeralContainers")
        try:
            if not extra:
                api.request("POST", f"{path}?dryRun=All", wanted)
                return ""
            # They are added to a pod that is there.
            if self.admin.find(f"{path}/there") is None:
                self.admin.request("POST", path, given(pod(), "metadata.name", "there"))
            patch = {"spec": {"ephemeralContainers": [{**one, "name": "debug"} for one in extra]}}
            api.request("PATCH", f"{path}/there/ephemeralcontainers?dryRun=All", patch, STRATEGIC_PATCH)
        except ApiError as error:
            return str(error)
        return ""

    def account(self, cloud: str) -> Api:
        """A client with the account of one of Jenkins' clouds."""
        return self.admin.acting_as(f"system:serviceaccount:jenkins:{cloud}")


@pytest.fixture(scope="module")
def agents(api_server: Cluster, rendered: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Agents:
    """What Terraform gives the cluster for Jenkins, and a namespace as it was before."""
    folder = tmp_path_factory.mktemp("agents")
    objects: list[Pod] = []
    for name in ("jenkins_cloud_access", "agent_policy"):
        objects += deploy_identity.access(rendered(PRODUCT), [], folder / name, "jenkins_*", name)
    api_server.apply(sorted(objects, key=lambda one: bool(one["kind"] != "Namespace")))
    level = {"pod-security.kubernetes.io/enforce": "privileged"}
    before = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": PRIVILEGED, "labels": level}}
    api_server.apply(before)
    # What the controllers make, and jenkins.tf with the identities of Azure.
    accounts = [(f"jenkins-{cloud}", "default") for cloud in CLOUDS] + [(PRIVILEGED, "default")]
    accounts += [("jenkins-infrastructure", name) for name in ("apply", "plan")]
    accounts += [("jenkins-release", name) for name in ("deploy", "push")]
    api_server.apply(
        [
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace}}
            for namespace, name in accounts
        ]
    )
    made = Agents(api_server)
    classes = "/apis/scheduling.k8s.io/v1/priorityclasses/system-cluster-critical"
    wait_for("the API server has its own priority classes", lambda: bool(api_server.api.find(classes)), 30)
    bad = given(pod(), "spec.hostPID", True)
    wait_for("the policy is in force", lambda: "agents-are-restricted" in made.start("jenkins-changes", bad), 30)
    return made


ATTACKS = dict(attacks())


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_pod_that_reaches_for_its_node_is_refused_and_was_admitted_before(agents: Agents, attack: str) -> None:
    assert agents.start(PRIVILEGED, ATTACKS[attack]) == ""
    for namespace in ("jenkins-changes", "jenkins-release"):
        assert "agents-are-restricted" in agents.start(namespace, ATTACKS[attack])


def test_an_image_can_not_be_put_in_the_place_of_buildkits(agents: Agents) -> None:
    path = "/api/v1/namespaces/jenkins-changes/pods"
    builder = given(pod(BUILDER), "metadata.name", "builder")
    agents.admin.request("POST", path, builder)
    patch = {"spec": {"containers": [{"name": "buildkit", "image": "evil"}]}}
    with pytest.raises(ApiError, match="agents-are-restricted"):
        agents.admin.request("PATCH", f"{path}/builder?dryRun=All", patch, STRATEGIC_PATCH)


@pytest.mark.parametrize("name", JENKINS)
def test_every_agent_of_a_product_is_admitted_where_it_runs(
    agents: Agents, rendered: Callable[[str], Path], name: str
) -> None:
    product = rendered(name)
    has_policy = (product / "terraform" / "gitops" / "jenkins_agents.tf").exists()
    for path in sorted((product / "jenkins" / "agents").glob("*.yaml")):
        wanted = yaml.safe_load(path.read_text(encoding="utf-8"))
        wanted["metadata"] = {"name": path.stem, **wanted.get("metadata", {})}
        cloud = {"check": "changes", "terraform": "infrastructure"}.get(path.stem, "release")
        assert agents.start(f"jenkins-{cloud}", wanted, agents.account(cloud)) == ""
        if not has_policy:
            # The namespaces of this product have the level of the infrastructure's.
            wanted["spec"].pop("serviceAccountName", None)
            assert agents.start("jenkins-infrastructure", wanted) == ""


@pytest.mark.parametrize("name", ["push", "deploy", "apply", "plan"])
def test_a_branch_can_not_run_as_an_account_with_a_right(agents: Agents, name: str) -> None:
    assert "not found" in agents.start("jenkins-changes", given(pod(), "spec.serviceAccountName", name))


@pytest.mark.parametrize("cloud", CLOUDS)
def test_the_account_of_a_cloud_starts_pods_in_one_namespace_and_reads_no_secret(agents: Agents, cloud: str) -> None:
    account = agents.account(cloud)
    for other in ("jenkins", "default", *(f"jenkins-{name}" for name in CLOUDS)):
        refusal = agents.start(other, pod(), account)
        assert (refusal == "") == (other == f"jenkins-{cloud}")
        assert "forbidden" in refusal or not refusal
        for kind in ("secrets", "serviceaccounts"):
            with pytest.raises(ApiError, match="forbidden"):
                account.get(f"/api/v1/namespaces/{other}/{kind}")
    with pytest.raises(ApiError, match="forbidden"):
        account.request("POST", f"/api/v1/namespaces/jenkins-{cloud}/serviceaccounts/default/token", {})
    with pytest.raises(ApiError, match="forbidden"):
        account.patch(f"/api/v1/namespaces/jenkins-{cloud}", {"metadata": {"labels": {"a": "b"}}})


def test_a_pod_of_a_branch_has_no_right_in_the_cluster(agents: Agents) -> None:
    pods = agents.admin.acting_as("system:serviceaccount:jenkins-changes:default")
    for path in ("/api/v1/pods", "/api/v1/namespaces/jenkins-changes/pods", "/api/v1/secrets", "/api/v1/nodes"):
        with pytest.raises(ApiError, match="forbidden"):
            pods.get(path)
