"""On PYTHONPATH: waiting takes no time, a sleep moves the clock on.

Short ones are real: Python's own, while it waits for a program.
"""

import time
from typing import SupportsIndex

_now, _really, _passed = time.monotonic, time.sleep, 0.0


def _sleep(seconds: SupportsIndex | float, /) -> None:
    global _passed
    if float(seconds) < 1:
        _really(float(seconds))
    else:
        _passed += float(seconds)


time.sleep, time.monotonic = _sleep, lambda: _now() + _passed
