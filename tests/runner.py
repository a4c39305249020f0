"""A product's workflow, run by act on this machine: its conditions, outputs, order and every `run` step are its own.

Third-party actions are stand-ins (tests/actions). `queue: max` is taken out of the copy that runs: act does not know it yet.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests import support

_ACTIONS = Path(__file__).parent / "actions"
_USES = re.compile(r"uses: ([\w-]+/[\w-]+@[0-9a-f]{40})")


def run(
    folder: Path,
    remote: str,
    workflow: str,
    event: str,
    payload: Mapping[str, Any],
    *,
    path: str,
    environment: Mapping[str, str] | None = None,
    inherited: Mapping[str, str] | None = None,
    variables: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a workflow of a repository's main branch.

    Args:
        folder: where the checkout, a home and the event are put, as `checkout`, `home` and `event.json`.
        remote: the repository's address, for git.
        workflow: the name of the file, without its ending.
        event: its name, as `push`.
        payload: what GitHub tells of it.
        path: the PATH of the steps.
        environment: what the steps find in theirs.
        inherited: what comes on top of the environment of this process, for all that runs.
        variables: the repository's, as `vars.NAME`.
    """
    checkout, home, told = folder / "checkout", folder / "home", folder / "event.json"
    support.git("clone", "-q", remote, str(checkout), cwd=folder)
    home.mkdir()
    told.write_text(json.dumps(payload))
    for file in (checkout / ".github" / "workflows").glob("*.yml"):
        file.write_text(re.sub(r"^ *queue: max\n", "", file.read_text(), flags=re.MULTILINE))
    texts = "".join(file.read_text() for file in (checkout / ".github").rglob("*.yml"))
    stand_ins = [
        f"--local-repository={used}={_ACTIONS / ('checkout' if used.startswith('actions/checkout@') else 'nothing')}"
        for used in sorted(set(_USES.findall(texts)))
    ]
    return subprocess.run(
        [
            "act", event, f"--workflows=.github/workflows/{workflow}.yml", "--platform=ubuntu-24.04=-self-hosted",
            "--no-skip-checkout", f"--eventpath={told}", *stand_ins,
            *(f"--env={name}={value}" for name, value in {"LIVE_REMOTE": remote, **(environment or {})}.items()),
            *(f"--var={name}={value}" for name, value in (variables or {}).items()),
        ],
        cwd=checkout,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("GITHUB_")},
            **(inherited or {}),
            "HOME": str(home),
            "PATH": path,
        },
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
