"""The commands of `python -m tests.live`.

- `build` fills the caches: programs, CRDs, stand-in base images.
- `up` brings everything up, prints the addresses, and waits for Ctrl-C.
- `down` ends a cluster that is up and cleans whatever a run left that was killed.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Sequence
from types import FrameType

from tests.gitserver import GitServer

from . import base_images, build, cleanup
from .argocd import ArgoCD
from .cluster import Cluster
from .processes import LiveError, say
from .settings import STATE
from .world import generate


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.live", description=__doc__)
    parser.add_argument("command", choices=("up", "build", "down"))
    command = parser.parse_args(arguments).command
    signal.signal(signal.SIGTERM, _terminate)
    try:
        {"up": _up, "build": _build, "down": _down}[command]()
    except LiveError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(143)


def _build() -> None:
    started = time.monotonic()
    build.ensure()
    base_images.make_all()
    say(f"the caches are filled, {time.monotonic() - started:.0f} s")


def _up() -> None:
    with Cluster() as cluster, ArgoCD(cluster, generate(STATE)) as argocd, GitServer(STATE, cluster.address) as git:
        git.on_push = argocd.push_event
        print(f"export KUBECONFIG={cluster.kubeconfig}")
        print(f"registry    {cluster.registry}, whatever registry an image's name begins with")
        print(f"git server  {git.url}, repositories in {git.root}, each push sends a webhook")
        print("Argo CD     kubectl --namespace argocd port-forward svc/argocd-server 8080:443")
        print(f"policies    {'enforced' if cluster.policies_enforced else 'not enforced by the harness'}")
        print(f"logs        {cluster.logs}\nCtrl-C ends it.", flush=True)
        while True:
            time.sleep(1)
            cluster.require_running()


def _down() -> None:
    cleanup.clean()
