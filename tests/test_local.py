"""`make local`: kind, k3d, Docker and the cluster are stand-ins that keep order; kubectl's own work on files is real."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests import support

ANSWER_SETS = (
    "cluster-per-environment-with-gateway-and-database-of-azure",
    "defaults",
    "goal-tracker-on-docker-hub",
    "services-as-text-beside-the-sample",
)
DIGEST = "sha256:" + "ab" * 32

# Everything that is asked of the cluster; files are kubectl's own work. `$BIN/world` holds a file for each thing that
# is there.
_KUBECTL = """\
case " $* " in
*" kustomize "* | *" --local "* | *" config "*) exec {kubectl} "$@" ;;
*" git-receive-pack "*) exec git receive-pack "$BIN/server.git" ;;
*" git-upload-pack "*) exec git upload-pack "$BIN/server.git" ;;
esac
echo "kubectl $*" >>"$BIN/calls"
case " $* " in
*" get applications.argoproj.io "* | *" argocd applications.argoproj.io "*)
  tip=$(git -C "$BIN/server.git" rev-parse main)
  sync='"sync": {{"status": "Synced", "revision": "'$tip'"}}, "health": {{"status": "Healthy"}}'
  applied='"operationState": {{"phase": "Succeeded", "syncResult": {{"revision": "'$tip'"}}}}'
  echo '{{"metadata": {{"name": "x"}}, "status": {{'"$sync, $applied"'}}}}'
  ;;
*" get "*" deployment argocd-repo-server "*)
  echo '{{"spec": {{"template": {{"spec": {{"containers": [{{"image": "argocd:v1"}}]}}}}}}}}' ;;
*" get "*" service "*) echo '{{"spec": {{"selector": {{"a": "b"}}, "ports": [{{"port": 80}}]}}}}' ;;
*" get "*" pods "*)
  echo '{{"metadata": {{"name": "pod", "creationTimestamp": "1"}}, "spec": {{"containers": []}},
    "status": {{"conditions": [{{"type": "Ready", "status": "True"}}]}}}}' ;;
*" port-forward "*) port=${{*##* }} && exec {python} -m http.server --bind 127.0.0.1 "${{port%%:*}}" ;;
*" apply "*"--filename=- "*) cat >>"$BIN/applied" ;;
esac
"""
_DOCKER = """\
case "$*" in
"inspect --format"*) echo '{}' ;;
"inspect "*) [ -e "$BIN/registry" ] ;;
"run "*) touch "$BIN/registry" ;;
"rm "*) rm "$BIN/registry" ;;
"exec "*) cat >"$BIN/stdin" ;;
"buildx build "*)
  while [ "$1" != --metadata-file ]; do shift; done
  echo '{"containerimage.digest": "%s"}' >"$2" ;;
esac
""".replace("%s", DIGEST)
_CONFIG = """cat <<EOF
{"apiVersion": "v1", "kind": "Config", "current-context": "%s-goal-tracker-local",
 "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
 "users": [{"name": "u", "user": {"token": "t"}}],
 "contexts": [{"name": "%s-goal-tracker-local", "context": {"cluster": "c", "user": "u"}}]}
EOF
"""
_KIND = """\
case "$*" in
"create "*) cat >"$BIN/config" && touch "$BIN/cluster" ;;
"delete "*) rm "$BIN/cluster" ;;
"get clusters") [ -e "$BIN/cluster" ] && echo goal-tracker-local ;;
"get nodes "*) echo node ;;
"get kubeconfig "*)
%s  ;;
esac
exit 0
""".replace("%s", _CONFIG.replace("%s", "kind"))
_K3D = """\
case "$*" in
"cluster create "*) touch "$BIN/cluster" ;;
"cluster delete "*) rm "$BIN/cluster" ;;
"cluster get "*) [ -e "$BIN/cluster" ] ;;
"kubeconfig get "*)
%s  ;;
esac
""".replace("%s", _CONFIG.replace("%s", "k3d"))


class Laptop:
    """A machine with a product on it."""

    def __init__(self, product: Path, folder: Path) -> None:
        self.product = product
        self.bin = folder
        folder.mkdir()
        support.git("init", "-q", "--bare", "-b", "main", "server.git", cwd=folder)
        kubectl = shutil.which("kubectl")
        self.add("kubectl", _KUBECTL.format(kubectl=kubectl, python=sys.executable), record=False)
        self.add("docker", _DOCKER)
        self.add("helm")
        self.calls.touch()

    @property
    def calls(self) -> Path:
        return self.bin / "calls"

    def add(self, name: str, script: str = "", *, record: bool = True) -> None:
        begin = f'echo "{name} $*" >>"$BIN/calls"\n' if record else ""
        (self.bin / name).write_text(f'#!/bin/sh\nBIN="{self.bin}"\n{begin}{script}')
        (self.bin / name).chmod(0o755)

    def environment(self) -> dict[str, str]:
        # Of the machine's own only what is needed: neither its kind nor its kubeconfig.
        path = f"{self.bin}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}/usr/bin{os.pathsep}/bin"
        names = ("HOME", "LANG", "TMPDIR")
        kept = {name: os.environ[name] for name in names if name in os.environ}
        return {**kept, "PATH": path, "PYTHONDONTWRITEBYTECODE": "1"}

    def make(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["make", *arguments],
            cwd=self.product,
            env={**self.environment(), **environment},
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=100,
        )

    def made(self, pattern: str) -> list[str]:
        """The calls that match, in order."""
        return [line for line in self.calls.read_text().splitlines() if re.search(pattern, line)]

    def address(self, said: str) -> str:
        found = re.search(r"^frontend: (http://localhost:\d+)$", said, re.M)
        assert found, said
        return found[1]


@pytest.fixture
def laptop(own_product: Path, tmp_path: Path) -> Iterator[Laptop]:
    """A machine with the product in git, and in the end without a process of ours."""
    made = Laptop(own_product, tmp_path / "bin")
    yield made
    process = own_product / ".local" / "forward.json"
    if process.exists():
        os.kill(json.loads(process.read_text())["pid"], signal.SIGTERM)


PROVIDERS = {
    "kind": (
        _KIND,
        [
            r"docker info",
            r"docker run --detach .*--name goal-tracker-local-registry --publish=127.0.0.1:\d+:5000 registry:",
            r"kind create cluster --name goal-tracker-local --kubeconfig .*/.local/kind ",
            r"docker exec node mkdir -p /etc/containerd/certs.d/localhost:\d+",
            r"docker network connect kind goal-tracker-local-registry",
            r"helm upgrade --install argocd argo-cd .* --version [\d.]+ --values .*/terraform/gitops/values/argocd.yaml",
            r"docker buildx build .*--tag localhost:\d+/backend:local-\w+ .*--push src/backend",
            r"kubectl .* apply .*--kustomize .*/.local/clone/bootstrap",
            r"kubectl .* annotate .* goal-tracker-dev argocd.argoproj.io/refresh=normal",
        ],
        r"kind delete cluster --name goal-tracker-local",
    ),
    "k3d": (
        _K3D,
        [
            r"docker run --detach ",
            r"k3d cluster create goal-tracker-local .*--kubeconfig-update-default=false --registry-config=",
            r"docker network connect k3d-goal-tracker-local goal-tracker-local-registry",
            r"docker buildx build ",
            r"kubectl .* apply .*--kustomize ",
        ],
        r"k3d cluster delete goal-tracker-local",
    ),
}


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_loop_goes_through_a_cluster_of_its_own_and_leaves_nothing(laptop: Laptop, provider: str) -> None:
    script, order, end = PROVIDERS[provider]
    laptop.add(provider, script)
    before = support.git("status", "--porcelain", "--ignored", cwd=laptop.product)
    done = laptop.make("local")
    assert done.returncode == 0, done.stdout + done.stderr
    address = laptop.address(done.stdout)
    calls = laptop.made("")
    positions = []
    for pattern in order:
        found = [number for number, line in enumerate(calls) if re.search(pattern, line)]
        assert found, f"{pattern}: {calls}"
        positions.append(found[0])
    assert positions == sorted(positions), calls
    assert not laptop.made("--provenance|--sbom"), "Docker's own builder makes no attestations"
    assert (laptop.product / ".local/kubeconfig").stat().st_mode & 0o077 == 0
    applied = [json.loads(text) for text in (laptop.bin / "applied").read_text().replace("}{", "}\n{").splitlines()]
    kinds = {item["kind"]: item for one in applied for item in one["items"]}
    assert len(kinds["Secret"]["stringData"]["password"]) >= 24

    source = laptop.product / "src/frontend/static/index.html"
    source.write_text(source.read_text() + "\n")
    laptop.calls.write_text("")
    done = laptop.make("local-push")
    assert done.returncode == 0, done.stdout + done.stderr
    assert laptop.address(done.stdout) == address
    assert re.search(r"^live after [\d.]+ s: ", done.stdout, re.M)
    assert [line.split()[-1] for line in laptop.made("buildx build")] == ["src/frontend"]
    tip = support.git(
        "show", "main:apps/goal-tracker/overlays/dev/imagetags/kustomization.yaml", cwd=laptop.bin / "server.git"
    )
    assert len(re.findall(rf'newTag: "local-\w{{16}}"\n    digest: "{DIGEST}"', tip)) == 2
    support.git("checkout", "-q", "--", "src", cwd=laptop.product)

    done = laptop.make("local-down")
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(laptop.made(end)) == 1
    assert {path.name for path in laptop.bin.iterdir()}.isdisjoint({"cluster", "registry"})
    assert support.git("status", "--porcelain", "--ignored", cwd=laptop.product) == before
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(laptop.product) not in listed
    assert laptop.make("local-down").stdout == "nothing to remove\n"


def test_what_an_interrupted_run_has_left_is_made_anew(laptop: Laptop) -> None:
    laptop.add(
        "kind", _KIND.replace('touch "$BIN/cluster" ;;', 'touch "$BIN/cluster"; [ -e "$BIN/again" ] || exit 1 ;;')
    )
    assert laptop.make("local").returncode != 0
    (laptop.bin / "again").touch()
    done = laptop.make("local")
    assert done.returncode == 0, done.stdout + done.stderr
    made = [line.split()[1] for line in laptop.made(r"^kind (create|delete) ")]
    assert made == ["create", "delete", "create"]
    assert len(laptop.made("^docker run ")) == 1
    assert laptop.make("local").returncode == 0
    assert len(laptop.made("^kind create ")) == 2, "what is complete stays"
    assert laptop.make("local-down").returncode == 0


def config(folder: Path, context: str, server: str) -> Path:
    """A kubeconfig with one context."""
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context,
        "clusters": [{"name": "any", "cluster": {"server": server}}],
        "users": [{"name": "any", "user": {"token": "t"}}],
        "contexts": [{"name": context, "context": {"cluster": "any", "user": "any"}}],
    }
    path = folder / "named"
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize(
    ("context", "server", "registry", "message"),
    [
        ("aks-goal-tracker", "https://127.0.0.1:1", "r:5000", "aks-goal-tracker looks like a cluster in Azure: "),
        ("any", "https://x.hcp.westeurope.azmk8s.io:443", "r:5000", "any looks like a cluster in Azure: "),
        ("any", "https://127.0.0.1:1", "", "LOCAL_REGISTRY=HOST:PORT"),
    ],
)
def test_a_cluster_that_is_named_is_taken_only_when_it_is_safe(
    laptop: Laptop, tmp_path: Path, context: str, server: str, registry: str, message: str
) -> None:
    done = laptop.make("local", f"KUBECONFIG={config(tmp_path, context, server)}", f"LOCAL_REGISTRY={registry}")
    assert done.returncode != 0
    assert message in done.stderr.splitlines()[0]
    assert not laptop.made("kubectl")
    assert not (laptop.product / ".local").exists()


def test_a_kubeconfig_of_the_shell_alone_names_no_cluster(laptop: Laptop, tmp_path: Path) -> None:
    own = str(config(tmp_path, "any", "https://127.0.0.1:1"))
    done = laptop.make("local", KUBECONFIG=own, LOCAL_REGISTRY="r:5000")
    assert done.stderr.startswith("local: neither kind nor k3d is on PATH: install one")
    assert not laptop.made("kubectl")


def test_nothing_runs_before_make_local(laptop: Laptop) -> None:
    assert laptop.make("local-push").stderr.startswith("local-push: nothing runs here yet: begin with make local\n")
    assert laptop.make("local-down").returncode == 0
    assert not (laptop.product / ".local").exists()


@pytest.mark.parametrize("name", ANSWER_SETS)
def test_the_layer_takes_out_all_that_needs_azure(rendered: Callable[[str], Path], tmp_path: Path, name: str) -> None:
    clone = shutil.copytree(rendered(name), tmp_path / "clone", ignore=shutil.ignore_patterns("terraform", "src"))
    (clone / ".git").mkdir()
    code = (
        "import sys; sys.path.insert(0, 'scripts')\n"
        "from pathlib import Path; from workstation import layer, place\n"
        "here = place.Place('named', '', '', 'registry:5000', 'dev', place.folder_of('dev'))\n"
        "made = layer.write(Path('.'), here, 'git://local', ['frontend', 'backend'])\n"
        "print(place.folder_of('dev'), layer.bootstrap(Path('.'), here), *made.public)\n"
    )
    done = support.run(sys.executable, "-c", code, cwd=clone)
    assert done.returncode == 0, done.stderr
    cluster, bootstrap, *public = done.stdout.split()
    assert public == ["frontend"]
    [layer] = clone.glob("apps/*/local")
    objects = support.kustomize(layer)
    assert not {"ExternalSecret", "HTTPRoute"} & {item["kind"] for item in objects}
    text = yaml.safe_dump(objects)
    assert "azure.com" not in text
    assert "storageClassName" not in text
    assert "LoadBalancer" not in text
    deployments = {item["metadata"]["name"]: item["spec"] for item in objects if item["kind"] == "Deployment"}
    for service, spec in deployments.items():
        [container] = spec["template"]["spec"]["containers"]
        if service in ("frontend", "backend"):
            assert container["image"] == f"registry:5000/{service}:unreleased"
        else:
            assert spec["replicas"] == 0
    assert ("StatefulSet", "database") in {(item["kind"], item["metadata"]["name"]) for item in objects}

    brought = support.kustomize(clone / "clusters" / cluster)
    assert sorted(item["kind"] for item in brought) == ["AppProject", "Application"]
    for item in [*brought, *support.kustomize(clone / bootstrap)]:
        source = item["spec"].get("source", {})
        assert item["spec"].get("sourceRepos", [source.get("repoURL")]) in (["git://local"], []), item
    [application] = [item for item in brought if item["kind"] == "Application"]
    assert clone / application["spec"]["source"]["path"] == layer


def test_the_database_that_stands_for_azure_has_the_version_of_the_other(rendered: Callable[[str], Path]) -> None:
    [ours] = rendered(ANSWER_SETS[0]).glob("scripts/workstation/database.yaml")
    [other] = rendered("defaults").glob("apps/*/base/database/statefulset.yaml")
    image = re.compile(r"image: (postgres:\S+)")
    assert image.findall(ours.read_text()) == image.findall(other.read_text())
    assert not list(rendered("defaults").glob("scripts/workstation/database.yaml"))
