"""What a command costs: time, processor time, memory."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

# ru_maxrss counts kilobytes on Linux, bytes on macOS.
_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Cost:
    """Seconds by the clock, seconds of processors in it and in its children, bytes of its largest process."""

    seconds: float
    cpu: float
    memory: int
    printed: str

    def json(self) -> Any:
        """Return what the command printed last, read as JSON."""
        return json.loads(self.printed.splitlines()[-1])


def command(argv: Sequence[str | Path], cwd: Path, path: str) -> Cost:
    """Run a command to its end, with a PATH, and return what it cost.

    Raises:
        RuntimeError: it failed; the message is what it printed.
    """
    # Nothing of this environment's settings, such as the configuration of git, shall count.
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "PYTHON", "COPIER_"))}
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            [str(part) for part in argv],
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**kept, "PATH": path},
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        printed = output.read()
    if process.returncode:
        raise RuntimeError(f"{' '.join(str(part) for part in argv)}: status {process.returncode}\n{printed}")
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * _MAXRSS_UNIT, printed)


def middle(values: Iterable[float]) -> float:
    """Return the median."""
    return median(values)


def ratio(costs: Sequence[Cost], others: Sequence[Cost]) -> float:
    """Return the median of the ratios of processor time of runs that took turns."""
    return median(cost.cpu / other.cpu for cost, other in zip(costs, others, strict=True))


def clock_ratio(costs: Sequence[Cost], others: Sequence[Cost]) -> float:
    """Return the same of the time by the clock."""
    return median(cost.seconds / other.seconds for cost, other in zip(costs, others, strict=True))
