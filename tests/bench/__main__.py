"""Measure generation, validation and updates, and write docs/bench.md and docs/bench.svg.

Usage: python -m tests.bench [--quick] [--rounds N] [--output FOLDER]
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from tests import support
from tests.bench import chart, counts, report
from tests.bench.runs import DEFAULT, LARGEST, QUICK, SIZES, Bench


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few sizes, once each, shown and not written")
    parser.add_argument("--rounds", type=int, help="how often each is measured (default 5, quick 1)")
    parser.add_argument("--output", type=Path, help="folder to write to (default docs)")
    arguments = parser.parse_args()
    rounds = arguments.rounds or (1 if arguments.quick else 5)
    output = arguments.output or (None if arguments.quick else support.ROOT / "docs")

    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        generations = []
        for size in QUICK if arguments.quick else SIZES:
            print(f"generating {size} ...", file=sys.stderr)
            generations.append(bench.generation(size, rounds))
        print("validating, updating ...", file=sys.stderr)
        checks = {size: bench.checks(size, rounds) for size in (DEFAULT, LARGEST)}
        validations = {size: bench.validation(size, rounds) for size in (DEFAULT, LARGEST)}
        updates = {size: bench.update(size, rounds) for size in (DEFAULT, LARGEST)}
        steps = bench.steps(DEFAULT, rounds)
        tools = bench.with_tools(DEFAULT, rounds, os.environ["PATH"])
        largest = [bench.copy(bench.ours, LARGEST, os.environ["PATH"]) for _ in range(rounds)]
        counted, values = counts.counts(bench.folder / str(DEFAULT))
        values |= report.measured(generations, validations, {DEFAULT: tools[0], LARGEST: largest})
    text = report.text(
        [
            report.goals(values, generations),
            report.sizes(counted),
            report.generation(generations),
            report.steps(steps),
            report.validation(validations, checks, tools),
            report.updates(updates),
        ],
        rounds,
    )
    print(text)
    if output:
        output.mkdir(parents=True, exist_ok=True)
        (output / "bench.md").write_text(text, encoding="utf-8")
        chart.draw(generations, output / "bench.svg")


if __name__ == "__main__":
    main()
