"""What the live tests measure."""

from __future__ import annotations

import statistics

from .processes import say


class Figures:
    """What was measured, in the order it was."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str]] = []

    def add(self, what: str, figure: str) -> None:
        """Keep a figure and say it at once."""
        self.rows.append((what, figure))
        say(f"figure: {what}: {figure}")

    def add_times(self, what: str, seconds: list[float]) -> None:
        """Keep the spread of some times."""
        spread = f"median {statistics.median(seconds):.2f} s, {min(seconds):.2f} to {max(seconds):.2f} s"
        self.add(what, f"{spread}, {len(seconds)} runs")
