"""docs/session.svg: a terminal session, from commands that are really run.

Usage: python -m docs.tools.session
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

from tests import support

PICTURE = support.ROOT / "docs" / "session.svg"
_WIDTH = 118

_REPOSITORY = "https://github.com/acme/shop"

# Where each command runs, and what a person types.
_COMMANDS = (
    ("template", f"make new DEST=~/shop ARGS='-q --defaults --data git_repository={_REPOSITORY}'"),
    ("shop", "git init -q -b main && git add -A && git commit -q -m Begin"),
    ("shop", f"git remote add origin {_REPOSITORY} && git push -q -u origin main"),
    ("shop", "scripts/bump-image dev frontend=v1 backend=v1"),
    ("shop", "scripts/bump-image dev frontend=v2"),
    ("shop", "make rollback ENV=dev"),
    ("shop", "make history ENV=dev"),
)


def _environment(home: Path, server: Path) -> dict[str, str]:
    """Return an environment in which git pushes to a repository of this machine, as somebody with a name."""
    settings = {"user.name": "Sam Doe", "user.email": "sam@example.com", f"url.{server}.insteadOf": _REPOSITORY}
    variables = {"GIT_CONFIG_COUNT": str(len(settings))}
    for number, (key, value) in enumerate(settings.items()):
        variables |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    # A person does not type in a shell of Make's.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return {**inherited, **variables, "HOME": str(home)}


def record() -> str:
    """Run the commands and return the picture of what they print.

    Raises:
        subprocess.CalledProcessError: a command failed.
    """
    console = Console(record=True, width=_WIDTH, file=open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", home / "server.git"], check=True)
        environment = _environment(home, home / "server.git")
        for place, command in _COMMANDS:
            done = subprocess.run(
                ["bash", "-c", command],
                cwd=support.ROOT if place == "template" else home / place,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            if done.returncode:
                sys.exit(f"{command}\n{done.stdout}")
            console.print(Text.assemble((f"~/{place} $ ", "bold green"), (command, "bold")))
            if printed := done.stdout.replace(folder, "~").strip():
                console.print(Text.from_ansi(printed))
                console.print()
    picture: str = console.export_svg(title="From nothing to a deployment and back")
    return picture


if __name__ == "__main__":
    PICTURE.write_text(record(), encoding="utf-8")
