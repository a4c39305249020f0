"""Builds images and rolls them out, by the scripts that the pipeline uses."""

import secrets
import urllib.error
import urllib.request

from gitops.deployments import Deployment
from gitops.imagetags import parse_version

from . import branch, layer
from .commands import run, show, step, wait_until
from .place import CLONE, KUBECONFIG, Place, apply, get, make_namespace


def build(place: Place) -> list[str]:
    """Build and push the images whose sources have changed; `SERVICE=TAG@DIGEST` of each."""
    images: list[str] = []
    for service, tag in branch.stale(place).items():
        with step(f"image of {service}"):
            registry = {"LOCAL_REGISTRY": place.registry}
            images += run("scripts/build-images", tag, service, cwd=CLONE, timeout=1800, env=registry).split()
    return images


def _script(name: str, *arguments: str) -> None:
    show(f"scripts/{name}", *arguments, cwd=CLONE, env={"KUBECONFIG": str(KUBECONFIG)})


def commit(place: Place, images: list[str]) -> str:
    """Set the tags of images, and bring all to the cluster; the commit of the tags, or nothing without images."""
    if images:
        _script("bump-image", "--no-push", place.environment, *images)
        versions = {name: parse_version(version) for name, _, version in (image.partition("=") for image in images)}
        message = Deployment(place.environment, versions).message()
        branch.git("commit", "--quiet", "--no-verify", "--all", "--message", message)
    branch.push()
    return branch.git("rev-parse", "HEAD") if images else ""


def wait(place: Place) -> None:
    """Tell Argo CD to look now, and wait until it is healthy; longer than after a push, since every image is pulled."""
    _script("refresh", place.environment)
    _script("wait-healthy", place.environment, "--timeout", "900")


def roll_out(place: Place, commit: str) -> None:
    """Roll out as the pipeline does after a push, which puts back the tags of a commit that does not start."""
    _script("roll-out", "--unsigned", place.environment, *filter(None, [commit]))


def make_secrets(place: Place, made: layer.Layer) -> None:
    """Make the Secrets that Key Vault would fill, with random values; what is there stays."""
    make_namespace(place.namespace)
    for name, keys in made.secrets.items():
        there = [one.get("data", {}) for one in get("--namespace", place.namespace, "secret", name)]
        values = {key: secrets.token_urlsafe(24) for key in keys if not there or key not in there[0]}
        if values:
            metadata = {"name": name, "namespace": place.namespace}
            apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": values})


def print_addresses(place: Place, public: list[str]) -> None:
    """Print how each public service is reached, once it answers."""
    for service, port in zip(public, place.ports, strict=False):
        address = f"http://localhost:{port}"
        wait_until(f"{service} answers at {address}", lambda a=address: _answers(a), 60)  # type: ignore[misc]
        print(f"{service}: {address}")
    for service in public[len(place.ports) :]:
        [found] = get("--namespace", place.namespace, "service", service)
        port = found["spec"]["ports"][0]["port"]
        where = f"--kubeconfig .local/kubeconfig --namespace {place.namespace}"
        print(f"{service}: kubectl {where} port-forward service/{service} 8080:{port}")


def _answers(address: str) -> bool:
    try:
        # No proxy has a way to this machine's own ports.
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(address, timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True
