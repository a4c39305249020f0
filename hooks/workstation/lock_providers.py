"""Lock the providers of every root below terraform/: versions, and checksums for all platforms. Commit the files.

Usage: make lock [ARGS="OPTION ..."]

Versions that are locked stay. Options go to `providers lock`, such as -net-mirror=URL.
"""

import argparse

from cloud import locks
from gitops.process import run

from .installation import providers
from .installation.owner import ROOTS


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    _, options = parser.parse_known_args()
    for root in ROOTS:
        providers.write(root.name, *options)
    locks.main()


if __name__ == "__main__":
    run(main, "interrupted: run it again")
