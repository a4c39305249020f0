"""What the template aims at, in figures; `make bench` says of each whether it holds."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Aim:
    """Something that is measured, and the most that it may be."""

    name: str
    what: str
    most: float


AIMS = (
    Aim("files", "files of the default product", 180),
    Aim("scripts", "lines of Python in its `scripts/`", 5000),
    Aim("jinja", "per cent of the lines that the template renders with Jinja in them", 10),
    Aim("conditionals", "conditionals in the template", 150),
    Aim("copy", "default product by `copier copy`, validated, tools on PATH: times the empty template", 4.5),
    Aim("new", "the same by `make new`", 3.5),
    Aim("largest", "100 services x 5 environments by `copier copy`, validated, tools on PATH: times the default", 4),
    Aim("plain", "default product by `make new`, validated: times a plain template with the same files", 1.3),
    Aim("validation", "seconds of validation alone, of the largest product, without tools", 2),
    Aim("memory", "megabytes of every run", 200),
)


def rows(measured: Mapping[str, float]) -> list[tuple[str, str, str, str]]:
    """Return a line for each aim: what, the most that it may be, what was measured, and whether that holds."""
    return [
        (
            aim.what,
            f"{aim.most:,}",
            f"{round(measured[aim.name], 2):,}",
            "holds" if measured[aim.name] <= aim.most else "**missed**",
        )
        for aim in AIMS
    ]
