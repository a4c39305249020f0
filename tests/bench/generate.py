"""Run as a script: `copier copy`, which prints as JSON the seconds and processor seconds that followed its imports."""

import json
import os
import sys
import time

from copier._cli import CopierApp


def spent() -> float:
    """Return the processor seconds of this process and of those it has waited for."""
    return sum(os.times()[:4])


if __name__ == "__main__":
    began, before = time.perf_counter(), spent()
    status = CopierApp.run(["copier", *sys.argv[1:]], exit=False)[1]
    print(json.dumps([time.perf_counter() - began, spent() - before]))
    sys.exit(status)
