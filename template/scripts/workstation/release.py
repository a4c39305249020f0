"""Builds images and rolls them out, by the scripts that the pipeline uses."""

import os
import secrets
import time

from . import branch, layer
from .commands import run, show
from .place import CLONE, KUBECONFIG, Place, apply, get, make_namespace

_begun = time.monotonic()


def step(what: str) -> None:
    """Say what comes next."""
    print(f"== {time.monotonic() - _begun:4.0f} s  {what}")


def build(place: Place) -> list[str]:
    """Build and push the images whose sources have changed; `SERVICE=TAG@DIGEST` of each.

    LOCAL_BUILD names another program than scripts/build-images, with the same arguments and output.
    """
    builder = os.environ.get("LOCAL_BUILD", "scripts/build-images")
    images: list[str] = []
    for service, tag in branch.stale(place).items():
        begun = time.monotonic()
        images += run(builder, tag, service, cwd=CLONE, timeout=1800, env={"LOCAL_REGISTRY": place.registry}).split()
        print(f"{service}: built in {time.monotonic() - begun:.1f} s")
    return images


def _script(name: str, *arguments: str) -> None:
    show(f"scripts/{name}", *arguments, cwd=CLONE, env={"KUBECONFIG": str(KUBECONFIG)})


def bump(place: Place, images: list[str]) -> None:
    """Set the tags of images, and no more."""
    if images:
        _script("bump-image", place.environment, *images)


def roll_out(place: Place) -> None:
    """Tell Argo CD to look now, and wait until it is healthy; longer than after a push, since every image is pulled."""
    _script("refresh", place.environment)
    _script("wait-healthy", place.environment, "--timeout", "900")


def deploy(place: Place, images: list[str]) -> None:
    """Do what the pipeline does after a push: with images scripts/deploy, which puts back what does not start."""
    if images:
        _script("deploy", "--unsigned", place.environment, *images)
    else:
        _script("roll-out", place.environment)


def make_secrets(place: Place, made: layer.Layer) -> None:
    """Make the Secrets that Key Vault would fill, with random values, unless they are there."""
    make_namespace(place.namespace)
    for name, keys in made.secrets.items():
        if not get("--namespace", place.namespace, "secret", name):
            metadata = {"name": name, "namespace": place.namespace}
            values = {key: secrets.token_urlsafe(24) for key in keys}
            apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": values})
