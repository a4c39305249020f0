"""The cluster and its registry: made with kind, or one that the person has named."""

import json
import os
import socket
from dataclasses import asdict
from pathlib import Path

from gitops.process import CommandError
from gitops.repository import ROOT, application

from .commands import run, succeeds
from .place import KUBECONFIG, Place, folder_of, kubectl, remembered

# https://hub.docker.com/_/registry
_REGISTRY_IMAGE = "registry:3.1.0"
_REGISTRY_PORT = 5000
_AZURE = ".azmk8s.io"
# On the registry's container: the folder that it belongs to, and what runs beside it.
_LABEL = "make-local"
# Services that people reach have these ports of the node, and as many of this machine.
NODE_PORTS = range(30080, 30085)
_NAME = f"{application()}-local"
_NODE = f"{_NAME}-control-plane"
_REGISTRY = f"{_NAME}-registry"


def _config(kubeconfig: str, context: str) -> dict[str, str]:
    """Return name and server of a context."""
    where = (*(("--kubeconfig", kubeconfig) if kubeconfig else ()), *(("--context", context) if context else ()))
    config = json.loads(run("kubectl", *where, "config", "view", "--minify", "--output=json"))
    if not config.get("contexts") or not config.get("clusters"):
        raise CommandError(f"{kubeconfig or 'kubectl'} has no current context: name one, CONTEXT=NAME")
    server = config["clusters"][0]["cluster"]["server"]
    return {"context": config["contexts"][0]["name"], "cluster": config["clusters"][0]["name"], "server": server}


def _named(environment: str, kubeconfig: str, context: str) -> Place:
    """Return a cluster that a person has named."""
    if kubeconfig and not Path(kubeconfig).is_file():
        raise CommandError(f"there is no file {kubeconfig}: give the kubeconfig of a cluster")
    chosen = _config(kubeconfig, context)
    own = {path.name for path in (ROOT / "clusters").iterdir() if path.is_dir()}
    if own & {chosen["context"], chosen["cluster"]} or _AZURE in chosen["server"]:
        raise CommandError(f"{chosen['context']} looks like a cluster in Azure: name one that is for trying out")
    registry = os.environ.get("LOCAL_REGISTRY", "")
    if not registry:
        raise CommandError(
            f"say where {chosen['context']} pulls images from and this machine can push them: LOCAL_REGISTRY=HOST:PORT"
        )
    kubeconfig = str(Path(kubeconfig).resolve()) if kubeconfig else ""
    return Place(chosen["context"], kubeconfig, registry, environment, folder_of(environment))


def _free_ports(first: int, count: int) -> list[int]:
    """Return ports from a number on that nothing listens on."""
    ports: list[int] = []
    while len(ports) < count:
        with socket.socket() as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if one.connect_ex(("127.0.0.1", first)):
                ports.append(first)
        first += 1
    return ports


def running() -> Place | None:
    """Return what runs with Docker for this repository, whether `.local` knows of it or not."""
    before = remembered()
    if before and not before.ports:
        return before
    if not succeeds("docker", "inspect", _REGISTRY):
        if not before and succeeds("docker", "inspect", _NODE):
            raise CommandError(
                f"kind has a cluster {_NAME} that make local did not make: kind delete cluster --name {_NAME}"
            )
        return before
    label = run("docker", "inspect", f'--format={{{{index .Config.Labels "{_LABEL}"}}}}', _REGISTRY).strip()
    if not label:
        raise CommandError(f"make local did not make the container {_REGISTRY}: docker rm --force {_REGISTRY}")
    known = json.loads(label)
    folder = known.pop("folder")
    if folder != str(ROOT) and Path(folder).is_dir():
        raise CommandError(f"{_NAME} runs for {folder} already: run make local-down there first")
    return Place(**known)


def choose(environment: str, kubeconfig: str, context: str) -> Place:
    """Return where to run: what an earlier run chose, the cluster that is named, or a new one of kind."""
    named = bool(kubeconfig or context)
    place = _named(environment, kubeconfig, context) if named else None
    before = remembered() if named else running()
    if before and (before.environment != environment or (place and place.context != before.context)):
        raise CommandError(f"{before.environment} runs on {before.context} already: first make local-down")
    if not place:
        [port] = _free_ports(5001, 1)
        ports = _free_ports(8080, len(NODE_PORTS))
        folder = folder_of(environment)
        place = before or Place(f"kind-{_NAME}", "", f"localhost:{port}", environment, folder, ports)
    place.save()
    return place


def make_registry(place: Place) -> None:
    """Run the registry, before all else: its label says whose the cluster is."""
    if not place.ports:
        return
    if succeeds("docker", "inspect", _REGISTRY):
        run("docker", "start", _REGISTRY)
    else:
        label = f"{_LABEL}={json.dumps({'folder': str(ROOT), **asdict(place)})}"
        published = f"--publish=127.0.0.1:{place.registry.rpartition(':')[2]}:{_REGISTRY_PORT}"
        options = ("--detach", "--restart=always", "--label", label, "--name", _REGISTRY, published)
        run("docker", "run", *options, _REGISTRY_IMAGE)


def make(place: Place) -> None:
    """Bring the cluster up, and write the kubeconfig that all else uses: this cluster alone.

    Its context has the name of the cluster's folder, by which scripts/ ask for a cluster where there are several.
    """
    if place.ports:
        _make_kind(place)
    KUBECONFIG.unlink(missing_ok=True)
    if place.ports:
        run("kind", "export", "kubeconfig", "--name", _NAME, "--kubeconfig", KUBECONFIG)
    else:
        file = ("--kubeconfig", place.kubeconfig) if place.kubeconfig else ()
        view = ("config", "view", "--raw", "--flatten", "--minify", "--context", place.context)
        text = run("kubectl", *file, *view)
        KUBECONFIG.touch(mode=0o600)
        KUBECONFIG.write_text(text, encoding="utf-8")
    kubectl("config", "rename-context", place.context, place.cluster)
    kubectl("config", "use-context", place.cluster)
    kubectl("get", "--raw=/readyz", "--request-timeout=30s")


def _make_kind(place: Place) -> None:
    """Make a cluster as https://kind.sigs.k8s.io/docs/user/local-registry describes, unless there is a complete one."""
    hosts = f"/etc/containerd/certs.d/{place.registry}/hosts.toml"
    # Written last: without it, what an interrupted run has left has no use.
    if not (succeeds("docker", "start", _NODE) and succeeds("docker", "exec", _NODE, "test", "-e", hosts)):
        remove_kind()
        mappings = [
            {"containerPort": node, "hostPort": port, "listenAddress": "127.0.0.1"}
            for node, port in zip(NODE_PORTS, place.ports, strict=True)
        ]
        plugin = '[plugins."io.containerd.grpc.v1.cri".registry]'
        config = {
            "kind": "Cluster",
            "apiVersion": "kind.x-k8s.io/v1alpha4",
            # The default from kind 0.27 on.
            "containerdConfigPatches": [f'{plugin}\n  config_path = "/etc/containerd/certs.d"'],
            "nodes": [{"role": "control-plane", "extraPortMappings": mappings}],
        }
        options = ("--name", _NAME, "--kubeconfig", KUBECONFIG, "--config=-")
        run("kind", "create", "cluster", *options, stdin=json.dumps(config), timeout=900, env=_past_the_proxy())
        write = f"mkdir -p {Path(hosts).parent} && cat >{hosts}"
        content = f'[host."http://{_REGISTRY}:{_REGISTRY_PORT}"]\n'
        run("docker", "exec", "--interactive", _NODE, "sh", "-c", write, stdin=content)
    # Let the node reach the registry by its name.
    networks = json.loads(run("docker", "inspect", "--format={{json .NetworkSettings.Networks}}", _REGISTRY))
    if "kind" not in networks:
        run("docker", "network", "connect", "kind", _REGISTRY)


def _past_the_proxy() -> dict[str, str]:
    """Return what lets a node reach the registry where it reaches other things through a proxy; kind hands it over."""
    others = os.environ.get("NO_PROXY") or os.environ.get("no_proxy")
    return dict.fromkeys(("NO_PROXY", "no_proxy"), f"{others},{_REGISTRY}" if others else _REGISTRY)


def remove_kind() -> None:
    """Remove the cluster."""
    run("kind", "delete", "cluster", "--name", _NAME, "--kubeconfig", KUBECONFIG)


def remove() -> None:
    """Remove the cluster and then its registry, which says whose it is."""
    remove_kind()
    if succeeds("docker", "inspect", _REGISTRY):
        run("docker", "rm", "--force", "--volumes", _REGISTRY)
