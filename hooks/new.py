"""`copier copy` of this template, with a wrong answer reported in one line rather than by Copier's traceback.

Usage: python -m hooks.new DEST [arguments of copier copy]
"""

import re
import sys
import warnings
from pathlib import Path

import yaml
from copier._cli import CopierApp
from copier.errors import DirtyLocalWarning

TEMPLATE = Path(__file__).resolve().parents[1]
_QUESTION = re.compile(r"(?:Validation error for question|Invalid choice for) '(\w+)': ")


def one_line(error: ValueError) -> str:
    """Return Copier's message for a refused answer, beginning with the name of the answer."""
    return _QUESTION.sub(r"\1: ", " ".join(str(error).split()))


def main() -> None:
    """Run the command; ends with Copier's status, or 1 after a wrong answer."""
    destination, *arguments = sys.argv[1:]
    # From a checkout, the template is what is checked out, not its newest tag.
    command = ["copier", "copy", "--trust", "--vcs-ref=HEAD", *arguments, str(TEMPLATE), destination]
    if not {"-q", "--quiet"} & set(arguments):
        # A line for each file would push what comes next off the screen; but this one is to be read.
        command.insert(2, "--quiet")
        print(yaml.safe_load((TEMPLATE / "copier.yml").read_text(encoding="utf-8"))["_message_before_copy"])
    warnings.simplefilter("ignore", DirtyLocalWarning)
    try:
        sys.exit(CopierApp.run(command, exit=False)[1])
    except ValueError as error:
        sys.exit(f"error: {one_line(error)}")


if __name__ == "__main__":
    main()
