"""Say what stands in the way of `make up` and of the pipeline, each line with its cure. Changes nothing.

Usage: make doctor

One line for each finding: ok, warning, failure or skipped. Ends with status 1 if there is a failure.
"""

import argparse
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from gitops.process import run

from .installation import check_azure, check_repository, programs, providers, settings
from .installation.pipeline import TOOLS, checks
from .installation.report import Line, Pool, failure


def findings(pool: Pool) -> Iterator[Line]:
    """Yield the findings, in the order in which they are fixed."""
    signed_in = pool.call(check_azure.sign_in, pool)
    yield from programs.checks(pool, [*programs.needed(), *TOOLS])
    yield from programs.of_validate()
    yield from check_repository.check(pool)
    yield from check_repository.template()
    yield from providers.findings()
    yield from check_repository.owners(pool)
    try:
        wanted = settings.clusters()
    except ValueError as error:
        yield failure(f"settings: {error}", "fix the file")
        yield Line("skipped", "everything that follows from the settings")
        return
    yield from checks(pool)
    chosen, lines = signed_in.result()
    yield from lines
    if chosen:
        yield from check_azure.check(pool, chosen, wanted)
    else:
        names = "what only Azure knows, such as rights, versions, quota and names"
        yield Line("skipped", f"{names}: no sign-in to Azure")


def main() -> None:
    """Run the command."""
    argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0]).parse_args()
    count = {"ok": 0, "warning": 0, "failure": 0, "skipped": 0}
    with ThreadPoolExecutor(max_workers=16) as executor:
        for line in findings(Pool(executor)):
            print(line)
            count[line.state] += 1
    if count["failure"]:
        print(f"doctor: {count['failure']} to fix, {count['warning']} to look at", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    run(main)
