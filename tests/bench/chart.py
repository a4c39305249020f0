"""What was measured, as a chart."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot

from tests.bench.measure import middle
from tests.bench.runs import Generation

_COLOURS = ("#0072b2", "#009e73", "#d55e00")  # Okabe and Ito's, which the colour-blind can tell apart.


def draw(generations: Sequence[Generation], path: Path) -> None:
    """Draw processor seconds by number of services, a line for each number of environments."""
    # Text stays text, and the same figures give the same file.
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "bench", "font.family": "sans-serif"})
    figure, axes = pyplot.subplots(figsize=(8, 4.2), layout="constrained")
    for colour, environments in zip(_COLOURS, sorted({entry.size.environments for entry in generations}), strict=False):
        entries = [entry for entry in generations if entry.size.environments == environments]
        services = [entry.size.services for entry in entries]
        label = f"{environments} environment{'s' if environments > 1 else ''}"
        ours = [middle(cost.cpu for cost in entry.ours) for entry in entries]
        plain = [middle(cost.cpu for cost in entry.plain) for entry in entries]
        axes.plot(services, ours, color=colour, marker="o", label=f"{label}, validated")
        axes.plot(services, plain, color=colour, marker=".", linestyle=":", label=f"{label}, plain template")
    floor = middle(middle(cost.cpu for cost in entry.empty) for entry in generations)
    axes.axhline(floor, color="#666666", linestyle="--", label="empty template")
    axes.set(xlabel="services", ylabel="processor seconds", ylim=(0, None), xlim=(0, None))
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize="small")
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
