"""The Debian packages that the live cluster is made of."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from .processes import LiveError, run, step
from .settings import DEBIAN_PACKAGES


def missing() -> list[str]:
    """The Debian packages of which something needed is not there."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    return sorted(
        package
        for needed, package in DEBIAN_PACKAGES.items()
        if not (Path(needed).exists() if needed.startswith("/") else shutil.which(needed, path=path))
    )


def install(*programs: str) -> None:
    """Install the missing Debian packages, and those of further programs that have the program's name.

    Their services are not started: the harness runs its own copies, on its own ports, as long as a test lasts.
    """
    wanted = [*missing(), *(name for name in programs if not shutil.which(name))]
    if os.geteuid() != 0:
        raise LiveError("the live cluster needs root (containers, network); run it as root in a disposable machine")
    if not wanted:
        return
    if shutil.which("apt-get") is None:
        raise LiveError(f"this is not a Debian system; install what these packages bring: {' '.join(wanted)}")
    policy = Path("/usr/sbin/policy-rc.d")
    ours = not policy.exists()
    if ours:
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    try:
        with step(f"Debian packages: {' '.join(wanted)}"):
            quiet = {"DEBIAN_FRONTEND": "noninteractive"}
            run("apt-get", "update", "-q", env=quiet, timeout=600)
            run("apt-get", "install", "-q", "-y", "--no-install-recommends", *wanted, env=quiet, timeout=1200)
    finally:
        if ours:
            policy.unlink()
