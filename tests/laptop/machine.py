"""The machine with Docker on which a product runs: this one, or a root on it."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

Done = subprocess.CompletedProcess


@dataclass
class Machine:
    """Where commands are run."""

    prefix: list[str] = field(default_factory=list)
    """What brings a command there."""
    stand_ins: bool = False
    """Whether base images are stand-ins, which have other digests."""

    def start(self, *command: str, cwd: Path, **environment: str) -> subprocess.Popen[str]:
        """Begin a command, in a process group of its own."""
        variables = [f"{name}={value}" for name, value in environment.items()]
        return subprocess.Popen(
            [*self.prefix, "env", "-C", str(cwd), *variables, *command],
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def run(self, *command: str, cwd: Path = Path("/"), status: int | None = 0, **environment: str) -> str:
        """Run a command to its end; what it said."""
        process = self.start(*command, cwd=cwd, **environment)
        said, _ = process.communicate(timeout=900)
        print(f"{time.strftime('%X')} {' '.join(command)}:\n{said}", flush=True)
        assert status is None or (process.returncode != 0) == (status != 0), said
        return said

    def docker(self, *arguments: str) -> list[str]:
        """What docker prints, as words."""
        return self.run("docker", *arguments, status=None).split()

    def clean(self) -> None:
        """Remove what a killed run has left of the test's product."""
        left = self.docker("ps", "--all", "--quiet", "--filter", "name=^goal-tracker-local-")
        if left:
            self.run("docker", "rm", "--force", "--volumes", *left)
