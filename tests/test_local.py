"""`make local`: kind, Helm, Docker and the cluster are stand-ins that keep order; kubectl's own work on files is real."""

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

pytestmark = pytest.mark.slow

ANSWER_SETS = (
    "cluster-per-environment-with-gateway-and-database-of-azure",
    "defaults",
    "goal-tracker-on-docker-hub",
    "services-as-text-beside-the-sample",
)
DIGEST = "sha256:" + "ab" * 32

# Everything that is asked of the cluster; files are kubectl's own work. `$BIN/` holds a file for each thing that is there.
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
*" argocd pods "*) [ ! -e "$BIN/pods" ] || cat "$BIN/pods" ;;
*" rollout status "*)
  [ ! -e "$BIN/pods" ] || {{ echo "error: timed out waiting for the condition" >&2; exit 1; }} ;;
*" delete secret --selector owner=helm,name=argocd,status in (pending-install,"*) rm -f "$BIN/pending" ;;
*" apply "*"--filename=- "*) cat >>"$BIN/applied" ;;
esac
"""
_DOCKER = """\
for last; do :; done
case "$*" in
version) [ ! -e "$BIN/engine" ] || { cat "$BIN/engine" >&2; exit 1; } ;;
"buildx version") [ ! -e "$BIN/no-buildx" ] || { echo "docker: 'buildx' is not a docker command." >&2; exit 1; } ;;
"context show") echo desktop-linux ;;
"inspect --format={{json"*) echo '{}' ;;
"inspect --format={{index"*) cat "$BIN/label" ;;
"inspect "* | "start "*) [ -e "$BIN/$last" ] ;;
"run "*)
  [ ! -e "$BIN/run" ] || { cat "$BIN/run" >&2; exit 125; }
  while [ "$1" != --label ]; do shift; done
  echo "${2#*=}" >"$BIN/label" && touch "$BIN/goal-tracker-local-registry" ;;
"rm "*) rm "$BIN/$last" ;;
"exec "*" test "*) [ -e "$BIN/hosts" ] ;;
"exec --interactive "*) cat >"$BIN/hosts" ;;
"buildx build "*)
  [ "$BUILDX_BUILDER" = desktop-linux ] ||
    { echo 'ERROR: use `docker --context=default buildx` to switch to context "default"' >&2; exit 1; }
  [ -n "$BUILDX_NO_DEFAULT_ATTESTATIONS" ] || touch "$BIN/attested"
  while [ "$1" != --metadata-file ]; do shift; done
  echo '{"containerimage.digest": "%s"}' >"$2" ;;
esac
""".replace("%s", DIGEST)
_KIND = """\
for last; do :; done
case "$*" in
"create "*)
  cat >"$BIN/config"
  env >"$BIN/environment"
  touch "$BIN/goal-tracker-local-control-plane"
  port=$(grep -o '"hostPort": [0-9]*' "$BIN/config" | head -n 1)
  python3 -m http.server --bind 127.0.0.1 "${port##* }" >/dev/null 2>&1 &
  echo $! >"$BIN/server" ;;
"delete "*)
  [ ! -e "$BIN/server" ] || kill "$(cat "$BIN/server")"
  rm -f "$BIN/server" "$BIN/hosts" "$BIN/goal-tracker-local-control-plane" ;;
"get clusters") [ ! -e "$BIN/goal-tracker-local-control-plane" ] || echo goal-tracker-local ;;
"export kubeconfig "* | "get kubeconfig "*)
  [ "$1" = export ] || last=/dev/stdout
  (umask 077 && cat >"$last") <<END
{"apiVersion": "v1", "kind": "Config", "current-context": "kind-goal-tracker-local",
 "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
 "users": [{"name": "u", "user": {"token": "t"}}],
 "contexts": [{"name": "kind-goal-tracker-local", "context": {"cluster": "c", "user": "u"}}]}
END
  ;;
esac
"""
_HELM = """\
case "$*" in
*"upgrade "*) [ ! -e "$BIN/pending" ] ||
  { echo "Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress" >&2; exit 1; } ;;
esac
"""


class Laptop:
    """A machine with a product on it."""

    def __init__(self, product: Path, folder: Path) -> None:
        self.product = product
        self.bin = folder
        folder.mkdir()
        support.git("init", "-q", "--bare", "-b", "main", "server.git", cwd=folder)
        self.add("kubectl", _KUBECTL.format(kubectl=shutil.which("kubectl")), record=False)
        for name, script in (("docker", _DOCKER), ("helm", _HELM), ("kind", _KIND)):
            self.add(name, script)
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

    def make(self, *arguments: str, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["make", *arguments],
            cwd=cwd or self.product,
            env={**self.environment(), **environment},
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=100,
        )

    def succeeds(self, *arguments: str, **environment: str) -> str:
        """What a command says that ends well."""
        done = self.make(*arguments, cwd=None, **environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def refuses(self, *arguments: str, cwd: Path | None = None) -> str:
        """The line that a command says which does not."""
        done = self.make(*arguments, cwd=cwd)
        assert done.returncode != 0, done.stdout
        return done.stderr.splitlines()[0]

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
    server = made.bin / "server"
    if server.exists():
        os.kill(int(server.read_text()), signal.SIGTERM)


ORDER = (
    r"docker version",
    r"docker run --detach .*--name goal-tracker-local-registry --publish=127.0.0.1:\d+:5000 registry:",
    r"kind create cluster --name goal-tracker-local --kubeconfig .*/.local/kubeconfig ",
    r"docker exec --interactive goal-tracker-local-control-plane .* >/etc/containerd/certs.d/localhost:\d+/hosts.toml",
    r"docker network connect kind goal-tracker-local-registry",
    r"helm .* upgrade --install argocd argo-cd .* --version [\d.]+ --values .*/terraform/gitops/values/argocd.yaml",
    r"kubectl .* apply .*--kustomize .*/.local/clone/bootstrap",
    r"kubectl .* annotate .* goal-tracker-dev argocd.argoproj.io/refresh=normal",
)


def test_the_loop_goes_through_a_cluster_of_its_own_and_leaves_nothing(laptop: Laptop) -> None:
    before = support.git("status", "--porcelain", "--ignored", cwd=laptop.product)
    said = laptop.succeeds("local", http_proxy="http://127.0.0.1:9", HTTP_PROXY="http://127.0.0.1:9", NO_PROXY="intra")
    address = laptop.address(said)
    for step in (r"registry localhost:\d+", "cluster kind-goal-tracker-local", "image of backend", "Argo CD", "dev"):
        assert re.search(rf"^{step}: [\d.]+ s$", said, re.M), said
    calls = laptop.made("")
    positions = []
    for pattern in ORDER:
        found = [number for number, line in enumerate(calls) if re.search(pattern, line)]
        assert found, f"{pattern}: {calls}"
        positions.append(found[0])
    assert positions == sorted(positions), calls
    assert laptop.made(r"docker buildx build .*--tag localhost:\d+/backend:local-\w+ .*--push src/backend")
    assert not (laptop.bin / "attested").exists(), "what is not changed keeps its digest"
    assert "NO_PROXY=intra,goal-tracker-local-registry" in (laptop.bin / "environment").read_text().splitlines()
    assert (laptop.product / ".local/kubeconfig").stat().st_mode & 0o077 == 0
    applied = [json.loads(text) for text in (laptop.bin / "applied").read_text().replace("}{", "}\n{").splitlines()]
    made = {(item["kind"], item["metadata"]["name"]): item for one in applied for item in one["items"]}
    assert len(made["Secret", "database"]["stringData"]["password"]) >= 24

    source = laptop.product / "src/frontend/static/index.html"
    source.write_text(source.read_text() + "\n")
    laptop.calls.write_text("")
    said = laptop.succeeds("local-push")
    assert laptop.address(said) == address
    assert re.search(r"^live after [\d.]+ s: ", said, re.M)
    assert [line.split()[-1] for line in laptop.made("buildx build")] == ["src/frontend"]
    tip = support.git(
        "show", "main:apps/goal-tracker/overlays/dev/imagetags/kustomization.yaml", cwd=laptop.bin / "server.git"
    )
    assert len(re.findall(rf'newTag: "local-\w{{16}}"\n    digest: "{DIGEST}"', tip)) == 2
    support.git("checkout", "-q", "--", "src", cwd=laptop.product)

    laptop.succeeds("local-logs", "SERVICE=backend")
    assert laptop.made(r"--namespace goal-tracker-dev logs --selector=app.kubernetes.io/name=backend .*--follow")
    assert "one of backend, frontend" in laptop.refuses("local-logs", "SERVICE=other")

    laptop.succeeds("local-down")
    assert len(laptop.made("kind delete cluster --name goal-tracker-local")) == 1
    assert not [path.name for path in laptop.bin.iterdir() if path.name.startswith("goal-tracker-local")]
    assert support.git("status", "--porcelain", "--ignored", cwd=laptop.product) == before
    assert laptop.make("local-down").stdout == "nothing to remove\n"


def test_what_an_interrupted_run_has_left_is_made_anew(laptop: Laptop) -> None:
    laptop.add("kind", _KIND.replace("  echo $! >", '  [ -e "$BIN/again" ] || { kill $!; exit 1; }\n  echo $! >'))
    laptop.refuses("local")
    (laptop.bin / "again").touch()
    laptop.succeeds("local")
    assert len(laptop.made(r"^kind create ")) == 2
    assert len(laptop.made("^docker run ")) == 1
    assert laptop.make("local").returncode == 0
    assert len(laptop.made("^kind create ")) == 2, "what is complete stays"
    laptop.succeeds("local-down")


def test_helm_that_was_ended_in_the_middle_goes_on(laptop: Laptop) -> None:
    (laptop.bin / "pending").touch()
    laptop.succeeds("local")
    laptop.succeeds("local-down")


def test_what_runs_is_known_as_ones_own_or_anothers(laptop: Laptop, tmp_path: Path) -> None:
    address = laptop.address(laptop.succeeds("local"))
    other = shutil.copytree(laptop.product, tmp_path / "other")
    for command in ("local", "local-down"):
        assert laptop.refuses(command, cwd=other) == (
            f"local: goal-tracker-local runs for {laptop.product} already: run make local-down there first"
        )
    shutil.rmtree(laptop.product / ".local")
    assert laptop.address(laptop.succeeds("local")) == address
    assert len(laptop.made("^kind create ")) == 1
    shutil.rmtree(laptop.product / ".local")
    laptop.succeeds("local-down")
    assert not (laptop.bin / "goal-tracker-local-registry").exists()
    (laptop.bin / "goal-tracker-local-control-plane").touch()
    deleted = len(laptop.made("^kind delete "))
    assert "kind has a cluster goal-tracker-local that make local did not make: " in laptop.refuses("local")
    assert len(laptop.made("^kind delete ")) == deleted


def waiting(reason: str) -> str:
    """A pod that does not start."""
    state = {"waiting": {"reason": reason, "message": "why"}}
    status = {"containerStatuses": [{"name": "x", "state": state, "ready": False, "restartCount": 1}]}
    return json.dumps({"metadata": {"name": "argocd-redis-x"}, "status": status})


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("engine", "permission denied while trying to connect", "sudo usermod -aG docker $USER, then sign in again"),
        ("engine", "Cannot connect to the Docker daemon at unix:///x", "Docker does not answer: start it"),
        ("no-buildx", "", "docker buildx is missing: install docker-buildx-plugin"),
        (
            "run",
            "docker: Error response from daemon: Bind for 127.0.0.1:5001 failed: port is already allocated\n\n"
            "Run 'docker run --help' for more information\n",
            "port is already allocated",
        ),
        ("pods", waiting("CrashLoopBackOff"), "Pod argocd-redis-x: CrashLoopBackOff: why"),
    ],
)
def test_the_line_says_the_reason_and_the_cure(laptop: Laptop, file: str, content: str, message: str) -> None:
    (laptop.bin / file).write_text(content)
    assert message in laptop.refuses("local")
    if file in ("engine", "no-buildx"):
        assert not laptop.made("docker run|kind|helm"), "before anything is made"


def test_what_kind_quotes_of_docker_is_the_reason(laptop: Laptop) -> None:
    said = (
        'ERROR: failed to create cluster: command "docker run x" failed with error: exit status 125\nCommand Output: '
    )
    laptop.add(
        "kind", f"[ $1 != create ] || {{ printf '%s' '{said}docker: Error response from daemon: why' >&2; exit 1; }}\n"
    )
    assert laptop.refuses("local") == "local: kind: docker: Error response from daemon: why"


def test_all_that_is_missing_is_told_at_once(laptop: Laptop) -> None:
    for name in ("helm", "kind"):
        (laptop.bin / name).unlink()
    helm, kind = laptop.make("local").stderr.splitlines()[:2]
    assert helm.startswith("local: helm is not on PATH: https://helm.sh/")
    assert kind.startswith("local: kind is not on PATH: https://kind.sigs.k8s.io/")


def test_every_save_is_pushed_until_it_ends(laptop: Laptop) -> None:
    laptop.succeeds("local")
    process = subprocess.Popen(
        ["scripts/from-template", "local", "watch"],
        cwd=laptop.product,
        env=laptop.environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    source = laptop.product / "src/frontend/static/index.html"
    for number in range(2):
        assert any(line.startswith("live after ") for line in iter(process.stdout.readline, ""))
        if not number:
            source.write_text(source.read_text() + "\n")
    process.send_signal(signal.SIGINT)
    process.wait(20)
    process.stdout.close()
    assert [line.split()[-1] for line in laptop.made("buildx build")] == ["src/backend", "src/frontend", "src/frontend"]
    laptop.succeeds("local-down")


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
    (laptop.bin / "kind").unlink()
    done = laptop.make("local", KUBECONFIG=own, CONTEXT="any", LOCAL_REGISTRY="r:5000")
    assert done.stderr.startswith("local: kind is not on PATH: ")
    assert not laptop.made("kubectl")


def test_nothing_runs_before_make_local(laptop: Laptop) -> None:
    assert laptop.make("local-push").stderr.startswith("local: nothing runs here yet: begin with make local\n")
    assert laptop.make("local-down").returncode == 0
    assert not (laptop.product / ".local").exists()


@pytest.mark.parametrize("name", ANSWER_SETS)
def test_the_layer_takes_out_all_that_needs_azure(rendered: Callable[[str], Path], tmp_path: Path, name: str) -> None:
    clone = shutil.copytree(rendered(name), tmp_path / "clone", ignore=shutil.ignore_patterns("terraform", "src"))
    (clone / ".git").mkdir()
    code = (
        "import sys; sys.path[:0] = ['scripts', sys.argv[1]]\n"
        "from pathlib import Path; from hooks.workstation.laptop import layer, place\n"
        "here = place.Place('', '', 'registry:5000', 'dev', place.folder_of('dev'), [8080, 8081])\n"
        "made = layer.write(Path('.'), here, 'git://local', ['frontend', 'backend'])\n"
        "print(place.folder_of('dev'), layer.bootstrap(Path('.'), here), *made.public)\n"
    )
    done = support.run(sys.executable, "-c", code, support.ROOT, cwd=clone)
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
    [service] = [item for item in objects if item["kind"] == "Service" and item["spec"].get("type") == "NodePort"]
    assert (service["metadata"]["name"], service["spec"]["ports"][0]["nodePort"]) == ("frontend", 30080)
    [policy] = [item["spec"] for item in objects if item["metadata"]["name"] == "local-frontend"]
    assert policy == {
        "podSelector": {"matchLabels": service["spec"]["selector"]},
        "policyTypes": ["Ingress"],
        "ingress": [{}],
    }
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
    ours = support.ROOT / "hooks/workstation/laptop/database.yaml"
    [other] = rendered("defaults").glob("apps/*/base/database/statefulset.yaml")
    image = re.compile(r"image: (postgres:\S+)")
    assert image.findall(ours.read_text()) == image.findall(other.read_text())
