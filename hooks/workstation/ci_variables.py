"""Tell GitHub Actions the names of what `make up` has made: variables of the repository, none of them a secret.

Usage: make ci-variables
"""

import argparse

from cloud.infrastructure import COMMAND
from gitops.process import run

from .installation import azure, github
from .installation.programs import require


def main() -> None:
    """Run the command."""
    argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0]).parse_args()
    require(COMMAND, "az")
    print(f"Set {', '.join(github.set_variables(azure.subscription()))}")


if __name__ == "__main__":
    run(main)
