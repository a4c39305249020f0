"""What was measured, as Markdown."""

import platform
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version

from tests.bench import aims
from tests.bench.measure import Cost, clock_ratio, middle, ratio
from tests.bench.runs import DEFAULT, LARGEST, Generation
from tests.bench.templates import Size

_HEAD = """\
# What generation costs

`make bench` makes this page and its chart; `make bench ARGS=--quick` shows a few sizes in a minute. Each figure is
{runs} on Python {python} with Copier {copier}; runs that are compared take turns. Seconds depend on the
machine and on what else it does, ratios of processor time hardly do, so nothing is judged by seconds. What the loop on a
cluster takes is in [live.md](live.md).

*Plain* is a template without a hook, a condition or a loop that gives the same files with the same texts: a file of the
template for each of the product, with Jinja where ours has it. *Empty* gives nothing but the answers file: Copier's own
floor. All of them are Git repositories, run by `copier copy` in a process of its own, ours with validation. `make new`
runs Copier too, but spares it to ask git about each file and to compile again what an earlier run has compiled: its
first run takes half as long again.

![Seconds by number of services](bench.svg)
"""


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [list(head), ["---", *["---:"] * (len(head) - 1)], *([str(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _megabytes(costs: Iterable[Cost]) -> float:
    return max(cost.memory for cost in costs) / 1e6


def _seconds(costs: Iterable[Cost]) -> float:
    return middle(cost.seconds for cost in costs)


def _cpu(costs: Iterable[Cost]) -> float:
    return middle(cost.cpu for cost in costs)


def _growth(generations: Sequence[Generation]) -> str:
    """Tell whether the number of files is that of a sum, not of a product.

    Among products that have the same conditional files: with several environments, and services besides the sample.
    """
    files = {
        entry.size: entry.files for entry in generations if min(entry.size.services - 2, entry.size.environments) > 1
    }
    least, most = min(files), max(files)
    corner = Size(most.services, least.environments)
    service = (files[corner] - files[least]) / (corner.services - least.services)
    environment = (files[most] - files[corner]) / (most.environments - corner.environments)
    grown = {
        size: service * (size.services - least.services) + environment * (size.environments - least.environments)
        for size in files
    }
    sums = all(files[size] == files[least] + more for size, more in grown.items())
    return f"{'yes' if sums else 'no'}: {service:g} for each service, {environment:g} for each environment"


def measured(
    generations: Sequence[Generation],
    validations: Mapping[Size, Sequence[Cost]],
    with_tools: Mapping[Size, Sequence[Cost]],
) -> dict[str, float]:
    """Return the costs that there is an aim for, by its name, and Copier's own `floor`; ratios are of processor time."""
    by_size = {entry.size: entry for entry in generations}
    default = by_size[DEFAULT]
    return {
        "copy": ratio(with_tools[DEFAULT], default.empty),
        "new": ratio(default.new, default.empty),
        "largest": ratio(with_tools[LARGEST], with_tools[DEFAULT]),
        "plain": ratio(default.new, default.plain),
        "floor": ratio(default.plain, default.empty),
        "validation": _seconds(validations[LARGEST]),
        "memory": _megabytes(cost for entry in generations for cost in (*entry.ours, *entry.new)),
    }


def goals(values: Mapping[str, float], generations: Sequence[Generation]) -> str:
    """Return every aim, what was measured, and whether it holds."""
    rows = aims.rows(values)
    missed = sum("missed" in row[-1] for row in rows)
    return (
        f"## Aims\n\n{len(rows) - missed} of {len(rows)} hold.\n\n"
        + _table(("aim", "at most", "measured", ""), rows)
        + f"\n\nA plain template with the files of the default product takes {values['floor']:.1f} times the empty one: what Copier"
        + " itself spends on files and their paths."
        + f"\n\nFiles grow with services + environments, not with their product: {_growth(generations)}."
    )


def sizes(counted: Mapping[str, str]) -> str:
    """Return how much there is to read."""
    return "## Size\n\n" + _table(("what", "count"), counted.items())


def generation(generations: Sequence[Generation]) -> str:
    """Return the table of all sizes."""
    rows = [
        (
            f"{entry.size.services} x {entry.size.environments}",
            f"{entry.files} ({entry.rendered})",
            f"{_seconds(entry.ours):.2f}",
            f"{middle(cost.json()[0] for cost in entry.ours):.2f}",
            f"{_cpu(entry.ours):.2f}",
            f"{1000 * _cpu(entry.ours) / entry.files:.1f}",
            f"{_megabytes(entry.ours):.0f}",
            f"{ratio(entry.ours, entry.empty):.1f}",
            f"{ratio(entry.new, entry.plain):.2f}",
            f"{ratio(entry.ours, entry.plain):.2f}",
            f"{middle(a.json()[1] / b.json()[1] for a, b in zip(entry.ours, entry.plain, strict=True)):.2f}",
        )
        for entry in generations
    ]
    head = (
        "services x environments",
        "files (rendered)",
        "s",
        "s in process",
        "CPU s",
        "CPU ms a file",
        "MB",
        "to empty",
        "`make new` to plain",
        "to plain",
        "to plain in process",
    )
    return (
        "## Generation with validation\n\n"
        "*In process* leaves out the start of Python and its imports. Ratios are of processor time.\n\n"
        + _table(head, rows)
    )


def steps(measured: Mapping[str, tuple[float, float]]) -> str:
    """Return where the processor time of the default product goes, and where that of the plain template."""
    total = tuple(sum(column) for column in zip(*measured.values(), strict=True))
    ordered = sorted(measured.items(), key=lambda entry: entry[1][1] - entry[1][0])
    rows = [
        (name, *(f"{1000 * value:.0f}" for value in values), f"{100 * (values[0] - values[1]) / total[1]:.0f} %")
        for name, values in [*ordered, ("all", total)]
    ]
    return (
        "## Where the default product's time goes\n\nMilliseconds of processor time of `copier copy`. *More* is what ours needs"
        " more, as a part of all that the plain\ntemplate needs. Copier renders the path of every file, of those that are left"
        " out too, and compiles each default, rule and\npart of a path anew: that stands between `copier copy` and the goal.\n\n"
        + _table(("step", "ours", "plain", "more"), rows)
    )


def validation(
    validations: Mapping[Size, Sequence[Cost]],
    checks: Mapping[Size, Mapping[str, float]],
    tools: tuple[Sequence[Cost], Sequence[Cost], str],
) -> str:
    """Return the costs of the product's own checks, and of the tools of this machine."""
    rows: list[tuple[object, ...]] = [
        ("`scripts/validate --no-tools`", *(f"{1000 * _cpu(costs):.0f}" for costs in validations.values()))
    ]
    rows += [
        (f"- {name}", *(f"{1000 * found[name]:.1f}" for found in checks.values()))
        for name in next(iter(checks.values()))
    ]
    with_tools, without, found = tools
    head = ("", *(f"{size.services} x {size.environments}" for size in checks))
    return (
        "## Validation alone\n\nMilliseconds of processor time.\n\n"
        + _table(head, rows)
        + f"\n\nWith this machine's tools ({found}), generation of the default product takes"
        f" {ratio(with_tools, without):.1f} times its processor time without any,"
        f" {clock_ratio(with_tools, without):.1f} times by the clock."
    )


def updates(measured: Mapping[Size, tuple[Sequence[Cost], Sequence[Cost]]]) -> str:
    """Return what `copier update` costs; it renders three times."""
    rows = [
        (f"{size.services} x {size.environments}", f"{_seconds(costs):.2f}", f"{ratio(costs, copies):.2f}")
        for size, (costs, copies) in measured.items()
    ]
    return "## Update\n\nTo a version that changes four template files, in a product without edits.\n\n" + _table(
        ("services x environments", "s", "to generation"), rows
    )


def text(sections: Sequence[str], rounds: int) -> str:
    """Return the whole page."""
    runs = f"the median of {rounds} runs" if rounds > 1 else "of one run"
    head = _HEAD.format(runs=runs, python=platform.python_version(), copier=version("copier"))
    return "\n\n".join([head.strip(), *sections]) + "\n"
