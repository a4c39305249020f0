"""The harness is a cluster: what the live tests take for granted is proven here first."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.gitserver import GitServer

from . import images
from .api import Object
from .argocd import ArgoCD
from .cluster import Cluster
from .processes import LiveError, wait_for
from .settings import HERE, REPOSITORY, STATE

pytestmark = pytest.mark.live

NAMESPACE = "harness"
WEB = "shop.azurecr.io/team/web:v1"


@pytest.fixture(scope="module")
def web(cluster: Cluster) -> Iterator[str]:
    """The fixture's Deployment, running; the address that its Service has outside the cluster."""
    images.build(HERE / "fixtures" / "web", WEB, build_args={"VERSION": "v1"})
    images.push(WEB)
    images.push_base("postgres:18")
    cluster.apply((HERE / "fixtures" / "web.yaml").read_text())
    cluster.kubectl("-n", NAMESPACE, "rollout", "status", "deployment/web", "--timeout=60s")

    def addresses() -> list[Object]:
        service = cluster.api.get(f"/api/v1/namespaces/{NAMESPACE}/services/web")
        return list(service["status"]["loadBalancer"].get("ingress", []))

    wait_for("the Service has an address", lambda: bool(addresses()), 30)
    yield str(addresses()[0]["ip"])
    cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


def inside(cluster: Cluster, *command: str, pod: str = "deployment/web") -> str:
    """Run a command in a pod; its output."""
    return cluster.kubectl("-n", NAMESPACE, "exec", pod, "--", *command)


def fetches(cluster: Cluster, url: str, pod: str = "deployment/web") -> bool:
    """Whether a pod gets an answer from a URL in two seconds."""
    code = f"import urllib.request; urllib.request.urlopen({url!r}, timeout=2)"
    try:
        inside(cluster, "python3", "-c", code, pod=pod)
    except LiveError:
        return False
    return True


def reaches(cluster: Cluster, address: str) -> bool:
    """Whether a client outside the cluster gets an answer from an address in two seconds."""
    code = f"import urllib.request; urllib.request.urlopen('http://{address}/', timeout=2)"
    return cluster.client("python3", "-c", code).returncode == 0


def test_the_node_is_ready_and_says_which_version_it_is(cluster: Cluster) -> None:
    assert re.search(r"^live\s+Ready\s", cluster.kubectl("get", "nodes", "--no-headers"), re.M)


@pytest.mark.usefixtures("web")
def test_an_image_built_from_a_pinned_dockerfile_runs_at_the_restricted_level(cluster: Cluster) -> None:
    assert inside(cluster, "id", "-u").strip() == "65532"


@pytest.mark.usefixtures("web")
def test_the_restricted_level_refuses_a_pod_that_does_not_meet_it(cluster: Cluster) -> None:
    with pytest.raises(LiveError, match="violates PodSecurity"):
        cluster.kubectl("-n", NAMESPACE, "run", "root", f"--image={WEB}")


def test_a_load_balancer_is_reached_from_this_machine_and_from_outside(cluster: Cluster, web: str) -> None:
    answer = cluster.client("python3", "-c", f"import urllib.request as u; print(u.urlopen('http://{web}/').read())")
    assert "v1 3.10" in answer.stdout
    here = subprocess.run(
        ["python3", "-c", f"import urllib.request as u; print(u.urlopen('http://{web}/', timeout=5).read())"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "v1 3.10" in here.stdout


@pytest.mark.usefixtures("web")
def test_a_pod_finds_a_service_by_its_name(cluster: Cluster) -> None:
    assert fetches(cluster, "http://web.harness.svc.cluster.local/")
    assert fetches(cluster, "http://web/")


@pytest.mark.usefixtures("web")
def test_a_volume_keeps_its_data_when_the_pod_is_deleted(cluster: Cluster) -> None:
    def database() -> None:
        wait_for(
            "the database is ready",
            lambda: "true" in state("jsonpath={.status.containerStatuses[0].ready}"),
            90,
        )

    def state(output: str) -> str:
        return cluster.kubectl("-n", NAMESPACE, "get", "pod", "database-0", f"--output={output}")

    def sql(statement: str) -> str:
        return inside(cluster, "psql", "-U", "shop", "-d", "goals", "-At", "-c", statement, pod="database-0")

    database()
    sql("create table goal (text text); insert into goal values ('kept')")
    cluster.kubectl("-n", NAMESPACE, "delete", "pod", "database-0")
    database()
    assert sql("select text from goal").strip() == "kept"


def policy(name: str, spec: Object) -> Object:
    """A NetworkPolicy of the test's namespace."""
    metadata = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def test_network_policies_deny_and_allow(cluster: Cluster, web: str) -> None:
    if not cluster.policies_enforced:
        pytest.skip("no network policy engine in this cluster")
    pods = {"podSelector": {"matchLabels": {"app": "web"}}}
    dns = {
        "to": [
            {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
                "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
            }
        ],
        "ports": [{"protocol": "UDP", "port": 53}],
    }
    service = cluster.api.get(f"/api/v1/namespaces/{NAMESPACE}/services/web")["spec"]["clusterIP"]
    wait_for("no policy, all is open", lambda: fetches(cluster, "http://web/") and reaches(cluster, web))
    cluster.apply(policy("deny", {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}))
    wait_for("pods are cut off", lambda: not fetches(cluster, f"http://{service}/"))
    assert not reaches(cluster, web)
    cluster.apply(policy("egress", {**pods, "policyTypes": ["Egress"], "egress": [dns, {"to": [pods]}]}))
    time.sleep(1)
    assert not fetches(cluster, f"http://{service}/"), "egress alone is not enough, ingress is denied"
    cluster.apply(policy("ingress", {**pods, "ingress": [{"from": [pods], "ports": [{"port": "http"}]}]}))
    wait_for("pods reach each other again, by name", lambda: fetches(cluster, "http://web/"))
    assert not reaches(cluster, web)
    world: Object = {"ipBlock": {"cidr": "0.0.0.0/0"}}
    cluster.apply(policy("world", {**pods, "ingress": [{"from": [world], "ports": [{"port": 8080}]}]}))
    wait_for("the world reaches the pods", lambda: reaches(cluster, web))
    cluster.kubectl("-n", NAMESPACE, "delete", "networkpolicies", "--all")


# Key of the chart's values → name of the component.
COMPONENTS = {
    "controller": "argocd-application-controller",
    "server": "argocd-server",
    "repoServer": "argocd-repo-server",
    "applicationSet": "argocd-applicationset-controller",
    "redis": "argocd-redis",
}


@pytest.mark.usefixtures("argocd")
@pytest.mark.parametrize("key", COMPONENTS)
def test_a_component_of_argocd_has_the_resources_of_the_values_and_no_more_rights_than_its_own(
    cluster: Cluster, key: str
) -> None:
    values = yaml.safe_load((REPOSITORY / "template/terraform/gitops/values/argocd.yaml.jinja").read_text())
    selector = f"labelSelector=app.kubernetes.io%2Fname%3D{COMPONENTS[key]}"
    [pod] = cluster.api.get(f"/api/v1/namespaces/argocd/pods?{selector}")["items"]
    [container] = pod["spec"]["containers"]
    assert container["resources"] == values[key]["resources"]
    account = pod["spec"]["serviceAccountName"]
    assert account == COMPONENTS[key]
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": f"system:serviceaccount:argocd:{account}",
            "resourceAttributes": {
                "verb": "create",
                "group": "apps",
                "resource": "deployments",
                "namespace": "default",
            },
        },
    }
    answer = cluster.api.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review)
    assert answer["status"]["allowed"] == (key == "controller")


def test_argocd_syncs_what_is_pushed(cluster: Cluster, argocd: ArgoCD, tmp_path: Path) -> None:
    def git(*args: str) -> str:
        command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", *args]
        return subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout.strip()

    def push(value: str) -> str:
        config = f"{{apiVersion: v1, kind: ConfigMap, metadata: {{name: pushed}}, data: {{value: {value}}}}}\n"
        (tmp_path / "app" / "config.yaml").write_text(config)
        git("add", ".")
        git("commit", "--quiet", "--message", value)
        git("push", "--quiet", url, "main")
        return git("rev-parse", "HEAD")

    with GitServer(STATE, cluster.address) as server:
        url = server.create("owner/repository")
        git("init", "--quiet", "--initial-branch=main")
        (tmp_path / "app").mkdir()
        (tmp_path / "app" / "kustomization.yaml").write_text("resources: [config.yaml]\n")
        first = push("one")
        # Of its own: where a product came first, it has locked the project `default`.
        anything = {"sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}]}
        kind = {"apiVersion": "argoproj.io/v1alpha1", "metadata": {"name": "pushed", "namespace": "argocd"}}
        cluster.apply({**kind, "kind": "AppProject", "spec": anything})
        cluster.apply(
            {
                **kind,
                "kind": "Application",
                "spec": {
                    "project": "pushed",
                    "source": {"repoURL": url, "path": "app", "targetRevision": "main"},
                    "destination": {"server": "https://kubernetes.default.svc", "namespace": "default"},
                    "syncPolicy": {"automated": {"prune": True, "selfHeal": True}},
                },
            }
        )
        argocd.wait_synced("pushed", first)
        second = push("two")
        argocd.refresh("pushed")
        argocd.wait_synced("pushed", second, timeout=15)
        server.on_push = argocd.push_event
        third = push("three")
        argocd.wait_synced("pushed", third, timeout=15)
        cluster.kubectl("-n", "argocd", "delete", "application/pushed", "appproject/pushed")
    assert cluster.api.get("/api/v1/namespaces/default/configmaps/pushed")["data"] == {"value": "three"}
