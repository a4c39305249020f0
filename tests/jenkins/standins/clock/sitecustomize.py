"""Lets time pass at once for the product's scripts, which wait to see whether a state lasts."""

import time
from typing import SupportsIndex

_real = time.monotonic
_slept = 0.0


def _sleep(seconds: SupportsIndex | float, /) -> None:
    global _slept
    _slept += float(seconds)


time.sleep = _sleep
time.monotonic = lambda: _real() + _slept
