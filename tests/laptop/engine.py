"""A Docker engine of our own with kind, kubectl and Helm, for machines that reach package registries only.

Made once, in the user's cache: a root with Debian's docker.io and kind, a root that becomes kind's node, and images of what
tests/live builds from Go modules. The engine runs in namespaces of its own, so it leaves nothing on the machine.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.live import argocd_chart, argocd_image, build, images, packages, toolchain
from tests.live.base_images import stand_in
from tests.live.processes import LiveError, program, step
from tests.live.processes import run as run_marked
from tests.live.settings import CACHE as LIVE
from tests.live.settings import KUBERNETES, MARK
from tests.support import ROOT

from .machine import Machine

HERE: Final = Path(__file__).parent
CACHE: Final = LIVE.with_name("gitops-laptop")
KIND: Final = ("sigs.k8s.io/kind", "v0.33.0", "h1:AjvDv3vOygb/VKLVQW87lfktIBzkxR8Ump9DjxC8+Lk=")
_MIRROR: Final = "http://deb.debian.org/debian"
_TOOLS: Final = (
    "forky",
    "docker.io docker-buildx docker-cli kind kubernetes-client git make python3 iptables iproute2 procps ca-certificates curl",
)
# Its systemd still knows cgroup v1.
_NODE: Final = (
    "trixie",
    "systemd systemd-sysv dbus libseccomp2 conntrack iptables nftables iproute2 ethtool mount kmod jq curl ca-certificates"
    " procps hostname containernetworking-plugins pigz",
)
_PROGRAMS: Final = ("kubernetes", "argocd", "kustomize", "coredns", "pause", "helm", "kubeadm", "etcd")
_KIND_COMMAND: Final = """\
#!/bin/sh
case "$1 $2" in
"create cluster") shift 2 && exec /usr/bin/kind create cluster --image kindest/node:local "$@" ;;
esac
exec /usr/bin/kind "$@"
"""


def _run(*command: str | Path) -> None:
    """Run a program that a live cluster, when it cleans up, does not take for its own."""
    run_marked(*command, env={MARK[0]: "laptop"}, timeout=1800)


def _root(name: str, release: str, names: str) -> Path:
    """A folder with a Debian system; what is mounted in it on the way goes with the process."""
    final = CACHE / f"{name}-{hashlib.sha256((release + names).encode()).hexdigest()[:8]}"
    if not final.exists():
        with step(f"Debian {release} with {names.split()[0]} and more"):
            work = final.with_suffix(".new")
            CACHE.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(work, ignore_errors=True)
            quiet = ("--quiet", "--mode=root", "--variant=minbase", '--aptopt=APT::Install-Recommends "false"')
            # forky has no security archive yet, and no new lists each week.
            valid = '--aptopt=Acquire::Check-Valid-Until "false"'
            without = [f"--dpkgopt=path-exclude=/usr/share/{folder}/*" for folder in ("doc", "man", "locale")]
            source = f"deb {_MIRROR} {release} main"
            include = f"--include={names.replace(' ', ',')}"
            _run("unshare", "--mount", program("mmdebstrap"), *quiet, valid, *without, include, release, work, source)
            work.rename(final)
    return final


def _database_image() -> str:
    """The image of the product's database, with its digest."""
    [text] = [path.read_text() for path in ROOT.glob("template/apps/*/base/database/statefulset.yaml*")]
    found = re.search(r"image: (postgres:\S+)", text)
    assert found
    return found[1]


def ensure() -> Path:
    """Make what is missing; the root with the tools."""
    packages.install("slirp4netns")
    tools = build.ensure(*_PROGRAMS)
    _, argocd, redis = argocd_image.build(tools)
    root, node = _root("tools", *_TOOLS), _root("node", *_NODE)
    kind = toolchain.module(*KIND)
    database = _database_image()
    name, _, digest = database.partition("@")
    bases = {"stand-in/python:latest": "python", "stand-in/redis:latest": "redis", name: "postgres", redis: "redis"}

    made = {image: stand_in(base) for image, base in bases.items()}
    key = hashlib.sha256(f"{root} {node} {kind} {database} {argocd} {made}".encode())
    for path in (HERE / "images", HERE / "node-root", *(path.resolve() for path in sorted(tools.bin.iterdir()))):
        key.update(path.read_bytes() if path.parent == HERE else str(path).encode())
    done = CACHE / f"images-{key.hexdigest()[:8]}"
    if done.exists():
        return root

    work = CACHE / "work"
    shutil.rmtree(work, ignore_errors=True)
    for folder in ("bin", "archives", "python", "registry"):
        (work / folder).mkdir(parents=True)
    with step("kind's node and base images, in Docker"):
        for file in tools.bin.iterdir():
            shutil.copy2(file.resolve(), work / "bin" / file.name)
        _run("cp", "-a", node, work / "node")
        _run(HERE / "node-root", work / "node", root, kind, work / "bin")
        named = {**made, argocd: argocd}
        for number, (image, local) in enumerate(named.items()):
            images.buildah("push", local, f"docker-archive:{work}/archives/{number}.tar:{image}")
        shutil.copy2("/etc/ssl/certs/ca-certificates.crt", work / "python")
        (work / "python" / "pip.conf").write_text(images.pip_configuration())
        _registry(work / "registry")
        preloaded = (argocd, redis, f"{name}={name.partition(':')[0]}@{digest}")
        enter = (HERE / "enter", root, CACHE / "docker", work)
        shutil.copy2(HERE / "images", work)
        _run(*enter, "sh", work / "images", work, KUBERNETES, *preloaded)
    shutil.rmtree(work)
    for old in CACHE.glob("images-*"):
        old.unlink()
    done.touch()
    return root


def _registry(folder: Path) -> None:
    """What the image of a registry is built from: Debian's, which listens where the official one does."""
    shutil.copy2(program("docker-registry"), folder / "registry")
    (folder / "config.yml").write_text(
        "version: 0.1\nstorage: {filesystem: {rootdirectory: /var/lib/registry}, delete: {enabled: true}}\nhttp: {addr: ':5000'}\n"
    )
    (folder / "Dockerfile").write_text(
        'FROM stand-in/redis\nCOPY registry config.yml /\nENTRYPOINT ["/registry", "serve", "/config.yml"]\nCMD []\n'
    )


@contextmanager
def engine(folder: Path) -> Iterator[Machine]:
    """A machine with Docker that sees `folder`, for as long as the context lasts."""
    root = ensure()
    bin_ = folder / "bin"
    tools = build.ensure(*_PROGRAMS)
    install, *_ = argocd_image.build(tools)
    bin_.mkdir()
    shutil.copy2((tools.bin / "helm").resolve(), bin_ / "real-helm")
    argocd_chart.write(bin_, bin_ / "real-helm", install)
    (bin_ / "kind").write_text(_KIND_COMMAND)
    (bin_ / "kind").chmod(0o755)
    process = subprocess.Popen(
        [HERE / "enter", root, CACHE / "docker", folder, "sh", "-c", "echo ready; exec sleep infinity"],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout
    try:
        if process.stdout.readline() != "ready\n":
            raise LiveError("Docker does not start in the root, see above")
        inside = (CACHE / "docker.pid").read_text().strip()
        path = f"{bin_}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        enter = [
            "nsenter",
            f"--target={inside}",
            "--mount",
            "--pid",
            "--net",
            "--uts",
            "--ipc",
            "--root",
            "--wd=/",
            "--",
        ]
        machine = Machine([*enter, "env", "-i", f"PATH={path}", "HOME=/root"], stand_ins=True)
        machine.clean()
        yield machine
        machine.clean()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def main() -> None:
    """Open a shell in the root: `python -m tests.laptop.engine FOLDER`."""
    with engine(Path(sys.argv[1])) as machine:
        subprocess.run([*machine.prefix, "sh", "-i"], check=False)
        time.sleep(0)


if __name__ == "__main__":
    main()
