"""Run an environment on this machine, without Azure: a cluster, Argo CD as it is set up there, and the images of src/.

Usage: make local [ENV=ENVIRONMENT] [KUBECONFIG=FILE] [CONTEXT=NAME]
       make local-push, make local-watch, make local-down
       make local-logs [SERVICE=SERVICE]

The cluster is made with kind, or is the one that is named. What Argo CD sees is a copy of the working tree on a git
server in the cluster; neither the repository here nor its remote is touched. Safe to run again at any point.

push brings the working tree, committed or not, the way a push takes in Azure: it builds the services whose sources have
changed, sets their tags, tells Argo CD and waits until it is healthy. A version that does not become so is put back.
watch does that whenever a file is saved. down removes all of it, and nothing else.
"""

import argparse
import shutil
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from gitops.process import CommandError, run
from gitops.repository import ROOT, application, argocd_namespace, services

from .laptop import argocd, kind, layer, place, release
from .laptop.commands import check_machine, show, step, wait_until


def up(environment: str, kubeconfig: str, context: str) -> None:
    """Make what is missing, from the cluster to the address; images are built meanwhile."""
    started = time.monotonic()
    check_machine(kind=not (kubeconfig or context))
    with place.alone(), ThreadPoolExecutor() as beside:
        here = kind.choose(environment, kubeconfig, context)
        with step(f"registry {here.registry}"):
            kind.make_registry(here)
            release.prepare()
            made = release.take(here)
        images = beside.submit(release.build, here)
        with step(f"cluster {here.context}"):
            kind.make(here)
        with step("Argo CD"):
            argocd.install()
            argocd.start_git()
            release.make_secrets(here, made)
            argocd.wait("deployment/git")
        release.commit(here, images.result())
        with step(here.environment):
            argocd.bring(layer.bootstrap(place.CLONE, here))
            argocd.wait("statefulset/argocd-application-controller", "deployment/argocd-repo-server")
            name = f"{application()}-{here.environment}"
            known = ("--namespace", argocd_namespace(), "applications.argoproj.io", name)
            wait_until(f"Argo CD has the Application {name}", lambda: bool(place.get(*known)), 120)
            release.wait(here)
        release.print_addresses(here, made.public)
    print(f"ready after {time.monotonic() - started:.0f} s; make local-push brings changes, make local-down removes it")


def push() -> None:
    """Bring the working tree to what runs."""
    started = time.monotonic()
    with place.alone(), ThreadPoolExecutor() as beside:
        here = place.required()
        release.prepare()
        made = release.take(here)
        images = beside.submit(release.build, here)
        release.make_secrets(here, made)
        images.result()
        pushed = time.monotonic()
        release.roll_out(here, release.commit(here, images.result()))
        live = time.monotonic()
        release.print_addresses(here, made.public)
    took, building, rolling = live - started, pushed - started, live - pushed
    print(f"live after {took:.1f} s: {building:.1f} s to build, {rolling:.1f} s from push to healthy")


def watch() -> None:
    """Push now, and whenever a file has changed since; until Ctrl-C."""
    before = ""
    while True:
        place.required()
        now = release.state()
        if now != before:
            before = now
            try:
                push()
            except CommandError as error:
                print(f"local: {error}", file=sys.stderr)
            print("waiting for a change; Ctrl-C ends it")
        time.sleep(0.5)


def logs(service: str) -> None:
    """Follow what the pods of a service say."""
    here = place.required()
    if service not in services():
        raise CommandError(f"there is no service {service!r}: give SERVICE=, one of {', '.join(services())}")
    where = ("--kubeconfig", place.KUBECONFIG, "--namespace", here.namespace)
    pods = (f"--selector=app.kubernetes.io/name={service}", "--all-containers", "--max-log-requests=20")
    show("kubectl", *where, "logs", *pods, "--tail=100", "--prefix", "--follow", cwd=ROOT, env={})


def down() -> None:
    """Remove what was made here."""
    with place.alone():
        here = kind.running() or place.remembered()
        if here is None:
            print("nothing to remove")
            return
        with step(f"removing {here.environment} from {here.context}"):
            if here.ports:
                kind.remove()
            elif place.KUBECONFIG.exists():
                _empty(here)
            shutil.rmtree(place.FOLDER)
    print("nothing of it is left")


def _empty(here: place.Place) -> None:
    """Take from a cluster that stays what was made in it."""
    # Argo CD's namespace is the last to go: by it a run after an interruption knows what there still is to do.
    ours = [item["metadata"]["name"] for item in place.get("namespace", f"--selector={place.OWNED}")]
    names = [name for name in (here.namespace, argocd_namespace()) if name in ours]
    if argocd_namespace() in names:
        argocd.remove()
    for name in names:
        place.kubectl("delete", "namespace", name, "--timeout=300s", timeout=330)


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    commands = parser.add_subparsers(required=True)
    of: dict[str, argparse.ArgumentParser] = {}
    command: Callable[..., None]
    for command in (up, push, watch, logs, down):
        of[command.__name__] = commands.add_parser(command.__name__)
        of[command.__name__].set_defaults(command=command)
    of["up"].add_argument("environment", metavar="ENVIRONMENT")
    of["up"].add_argument("--kubeconfig", default="", metavar="FILE", help="use the cluster of this file")
    of["up"].add_argument("--context", default="", metavar="NAME", help="use the cluster of this kubectl context")
    of["logs"].add_argument("service", metavar="SERVICE")
    arguments = vars(parser.parse_args())
    arguments.pop("command")(**arguments)


if __name__ == "__main__":
    run(main, "interrupted; run it again to go on, or make local-down to remove what there is")
