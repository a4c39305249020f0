"""Programs that these tests build or install once, into the user's cache: OpenTofu and what tests products."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import support

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gitops-terraform"
MODULES = Path(__file__).parent / "modules"
"""A Go module for each program that is built, with its `go.sum` checked in: what is built is what was reviewed."""
CHECKOV = support.ROOT / "requirements" / "scan.txt"


class ToolMissingError(Exception):
    """Something that these tests need isn't on this machine; the message tells how to get it."""


def opentofu() -> Path:
    """The `tofu` command."""
    # Without this it takes itself for a build between releases.
    return built("opentofu", "github.com/opentofu/opentofu/cmd/tofu", "-X github.com/opentofu/opentofu/version.dev=no")


def tflint() -> Path:
    """The `tflint` command, with the rules that come with it; the azurerm rules are downloaded, which needs GitHub."""
    return built("tflint", "github.com/terraform-linters/tflint")


def promtool() -> Path:
    """The `promtool` command of Prometheus: checks rules, and tests them on series that are made up."""
    return built("promtool", "github.com/prometheus/prometheus/cmd/promtool")


def kube_score() -> Path:
    """The `kube-score` command: looks at Kubernetes objects."""
    return built("kube-score", "github.com/zegl/kube-score/cmd/kube-score")


def checkov() -> list[str]:
    """The command line that begins checkov: in an environment of its own, since it pins what others here use newer."""

    def install(folder: Path) -> None:
        venv.create(folder, with_pip=True)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        run([*pip, "--require-hashes", "--requirement", str(CHECKOV)], CACHE)

    python = cached("checkov", [sys.version.encode(), CHECKOV.read_bytes()], install) / "bin" / "python"
    return [str(python), "-m", "checkov.main"]


def built(name: str, package: str, ldflags: str = "", module: Path | None = None) -> Path:
    """Return a command that is built from a folder with a go.mod, one of `MODULES` unless another is given."""
    module = module or MODULES / name

    def build(folder: Path) -> None:
        if shutil.which("go") is None:
            raise ToolMissingError(f"{name} is built with Go, which isn't on PATH: see https://go.dev/doc/install")
        target = folder / name
        run(["go", "build", "-trimpath", f"-ldflags=-s -w {ldflags}", "-o", str(target), package], module)

    return cached(name, [path.read_bytes() for path in sorted(module.iterdir())], build) / name


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Let one run at a time do what follows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def cached(name: str, inputs: list[bytes], make: Callable[[Path], None]) -> Path:
    """Return the folder that `make` filled for these inputs, now or before."""
    final = CACHE / f"{name}-{hashlib.sha256(b''.join(inputs)).hexdigest()[:12]}"
    with locked(CACHE / f"{name}.lock"):
        if not final.exists():
            work = final.with_name(f"{final.name}.new")
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir()
            print(f"\npreparing {name}, once: some minutes ...", file=sys.stderr)
            make(work)
            work.rename(final)
    return final


def run(command: list[str], cwd: Path) -> None:
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise ToolMissingError(f"{' '.join(command[:3])} failed; it needs a package registry:\n{done.stderr}")
