"""The cluster and its registry: made with kind or k3d, or one that the person has named."""

import json
import os
import socket
from pathlib import Path

from gitops.repository import ROOT

from .commands import LocalError, found, run, succeeds
from .place import FOLDER, KUBECONFIG, OWNED, Place, folder_of, kubectl, remembered

# https://hub.docker.com/_/registry
_REGISTRY_IMAGE = "registry:3.1.0"
_REGISTRY_PORT = 5000
_AZURE = ".azmk8s.io"


def _config(kubeconfig: str, context: str) -> dict[str, str]:
    """Return name and server of a context.

    Raises:
        LocalError: there is no such context.
    """
    where = (*(("--kubeconfig", kubeconfig) if kubeconfig else ()), *(("--context", context) if context else ()))
    config = json.loads(run("kubectl", *where, "config", "view", "--minify", "--output=json"))
    if not config.get("contexts") or not config.get("clusters"):
        raise LocalError(f"{kubeconfig or 'kubectl'} has no current context: name one, CONTEXT=NAME")
    server = config["clusters"][0]["cluster"]["server"]
    return {"context": config["contexts"][0]["name"], "cluster": config["clusters"][0]["name"], "server": server}


def _named(environment: str, kubeconfig: str, context: str) -> Place:
    """Return a cluster that a person has named.

    Raises:
        LocalError: it is this repository's own in Azure, or it is not known where images can be pushed.
    """
    if kubeconfig and not Path(kubeconfig).is_file():
        raise LocalError(f"there is no file {kubeconfig}: give the kubeconfig of a cluster")
    chosen = _config(kubeconfig, context)
    own = {path.name for path in (ROOT / "clusters").iterdir() if path.is_dir()}
    if own & {chosen["context"], chosen["cluster"]} or _AZURE in chosen["server"]:
        raise LocalError(f"{chosen['context']} looks like a cluster in Azure: name one that is for trying out")
    registry = os.environ.get("LOCAL_REGISTRY", "")
    if not registry:
        raise LocalError(
            f"say where {chosen['context']} pulls images from and this machine can push them: LOCAL_REGISTRY=HOST:PORT"
        )
    kubeconfig = str(Path(kubeconfig).resolve()) if kubeconfig else ""
    return Place("named", chosen["context"], kubeconfig, registry, environment, folder_of(environment))


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def choose(environment: str, kubeconfig: str, context: str) -> Place:
    """Return where to run: what an earlier run chose, the cluster that is named, or one of kind or k3d.

    Raises:
        LocalError: there is nothing to run on, or something else runs already.
    """
    before = remembered()
    if kubeconfig or context:
        place = _named(environment, kubeconfig, context)
    elif before:
        place = before
    else:
        provider = next((name for name in ("kind", "k3d") if found(name)), None)
        if provider is None:
            raise LocalError(
                "neither kind nor k3d is on PATH: install one (https://kind.sigs.k8s.io, https://k3d.io) and Docker,"
                " or name a cluster: make local CONTEXT=NAME LOCAL_REGISTRY=HOST:PORT"
            )
        place = Place(provider, "", "", f"localhost:{_free_port()}", environment, folder_of(environment))
        place.context = f"{provider}-{place.name}"
    if before:
        kept = (before.provider, before.context, before.environment)
        if kept != (place.provider, place.context, environment):
            raise LocalError(f"{before.environment} runs on {before.context} already: first make local-down")
        place.made = before.made
    if place.provider != "named" and not succeeds("docker", "info", timeout=60):
        raise LocalError("Docker does not answer: start it, or name a cluster: make local CONTEXT=NAME")
    return place


def make(place: Place) -> None:
    """Bring the cluster up, with its registry, and write the kubeconfig that all else uses."""
    place.save()
    if place.provider != "named":
        _make_registry(place)
        if not place.made:
            remove(place, registry=False)  # What an interrupted run has left has no use.
            {"kind": _make_kind, "k3d": _make_k3d}[place.provider](place)
    _write_kubeconfig(place)
    kubectl("get", "--raw=/readyz", "--request-timeout=30s")
    place.made = True
    place.save()


def _make_registry(place: Place) -> None:
    name, port = f"{place.name}-registry", place.registry.rpartition(":")[2]
    if not succeeds("docker", "inspect", name):
        published = f"--publish=127.0.0.1:{port}:{_REGISTRY_PORT}"
        options = ("--detach", "--restart=always", "--label", OWNED, "--name", name, published)
        run("docker", "run", *options, _REGISTRY_IMAGE)
    else:
        run("docker", "start", name)


def _make_kind(place: Place) -> None:
    """Make a cluster as https://kind.sigs.k8s.io/docs/user/local-registry describes."""
    plugin = '[plugins."io.containerd.grpc.v1.cri".registry]'
    config = {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        # The default from kind 0.27 on.
        "containerdConfigPatches": [f'{plugin}\n  config_path = "/etc/containerd/certs.d"'],
    }
    options = ("--name", place.name, "--kubeconfig", FOLDER / "kind", "--wait", "180s", "--config=-")
    run("kind", "create", "cluster", *options, stdin=json.dumps(config), timeout=900)
    folder = f"/etc/containerd/certs.d/{place.registry}"
    hosts = f'[host."http://{place.name}-registry:{_REGISTRY_PORT}"]\n'
    for node in run("kind", "get", "nodes", "--name", place.name).split():
        run("docker", "exec", node, "mkdir", "-p", folder)
        run("docker", "exec", "--interactive", node, "cp", "/dev/stdin", f"{folder}/hosts.toml", stdin=hosts)
    _connect("kind", place)


def _make_k3d(place: Place) -> None:
    """Make a cluster as https://k3d.io/stable/usage/registries describes."""
    registries = FOLDER / "registries.yaml"
    endpoint = [f"http://{place.name}-registry:{_REGISTRY_PORT}"]
    registries.write_text(json.dumps({"mirrors": {place.registry: {"endpoint": endpoint}}}), encoding="utf-8")
    options = (
        "--no-lb",
        "--k3s-arg=--disable=traefik@server:0",
        "--kubeconfig-update-default=false",
        f"--registry-config={registries}",
        "--wait",
        "--timeout=180s",
    )
    run("k3d", "cluster", "create", place.name, *options, timeout=900)
    _connect(f"k3d-{place.name}", place)


def _connect(network: str, place: Place) -> None:
    """Let the nodes reach the registry by its name."""
    name = f"{place.name}-registry"
    networks = json.loads(run("docker", "inspect", "--format={{json .NetworkSettings.Networks}}", name))
    if network not in networks:
        run("docker", "network", "connect", network, name)


def _write_kubeconfig(place: Place) -> None:
    """Write a kubeconfig that holds this cluster alone.

    Its context has the name of the cluster's folder, by which scripts/ ask for a cluster where there are several.
    """
    file = ("--kubeconfig", place.kubeconfig) if place.kubeconfig else ()
    view = ("config", "view", "--raw", "--flatten", "--minify", "--context", place.context)
    source = {
        "kind": ("kind", "get", "kubeconfig", "--name", place.name),
        "k3d": ("k3d", "kubeconfig", "get", place.name),
        "named": ("kubectl", *file, *view),
    }[place.provider]
    text = run(*source)
    KUBECONFIG.unlink(missing_ok=True)
    KUBECONFIG.touch(mode=0o600)
    KUBECONFIG.write_text(text, encoding="utf-8")
    kubectl("config", "rename-context", place.context, place.cluster)
    kubectl("config", "use-context", place.cluster)


def remove(place: Place, *, registry: bool = True) -> None:
    """Remove the cluster, where it was made here, with its registry."""
    if place.provider == "kind" and place.name in run("kind", "get", "clusters").split():
        run("kind", "delete", "cluster", "--name", place.name, "--kubeconfig", FOLDER / "kind")
    if place.provider == "k3d" and succeeds("k3d", "cluster", "get", place.name):
        run("k3d", "cluster", "delete", place.name)
    if registry and place.provider != "named" and succeeds("docker", "inspect", f"{place.name}-registry"):
        run("docker", "rm", "--force", "--volumes", f"{place.name}-registry")
