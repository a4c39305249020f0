"""Taking away what a cluster left on this machine, whether it ended well, failed, or was killed."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from . import network
from .settings import MARK, STATE

_CGROUPS = Path("/sys/fs/cgroup")


def clean() -> None:
    """End the harness' processes and its pods', unmount, remove the network and the state directory.

    Safe to call at any time when no cluster is meant to run; nothing left is no error.
    """
    for _ in range(20):
        pids = _processes()
        if not pids:
            break
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.1)
    for _ in range(5):
        mounts = _mounts()
        for mount in mounts:
            subprocess.run(["umount", "--lazy", mount], capture_output=True, check=False)
        if not mounts:
            break
    network.down()
    shutil.rmtree(STATE, ignore_errors=True)
    _remove_cgroups()
    _remove_log_links()


def _processes() -> list[int]:
    """Processes that carry the mark in their environment, and those in containers whose root is in the state."""
    mark = "=".join(MARK).encode()
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            marked = mark in (entry / "environ").read_bytes().split(b"\0")
            if marked or _container_of_ours(entry):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def _container_of_ours(process: Path) -> bool:
    with (process / "mountinfo").open() as lines:
        for line in lines:
            fields = line.split()
            if fields[4] == "/":
                return f"{STATE}/containerd/" in line
    return False


def _mounts() -> list[str]:
    """Mount points under the state directory, the innermost first."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    points = [line.split()[4].encode().decode("unicode_escape") for line in lines]
    return sorted((point for point in points if point.startswith(f"{STATE}/")), key=len, reverse=True)


def _remove_cgroups() -> None:
    """Remove the empty cgroups that the kubelet made; one that still has processes is not ours and stays."""
    for top in [_CGROUPS / "kubepods", *_CGROUPS.glob("*/kubepods")]:
        for directory, _, _ in os.walk(top, topdown=False):
            with contextlib.suppress(OSError):
                Path(directory).rmdir()


def _remove_log_links() -> None:
    """The kubelet links each container's log from /var/log/containers; drop those that lead nowhere now."""
    links = Path("/var/log/containers")
    for link in links.iterdir() if links.is_dir() else ():
        if link.is_symlink() and not link.exists():
            link.unlink()
