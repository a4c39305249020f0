"""cosign for tests: what signs images, who it signs as, and the program that the product's scripts find on PATH.

The stand-in has cosign's rules for what a signature claims; `tests/signatures` runs the same tests with cosign itself.
"""

import hashlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from tests import support

ISSUER = "https://token.actions.githubusercontent.com"
Claims = Mapping[str, str]
"""Of a workflow's certificate: `identity`, `repository`, `ref` and `sha`."""


class Signer(Protocol):
    """A cosign, a registry that it writes to, and keys."""

    folder: Path
    """For PATH: has the program."""
    registry: str
    """HOST:PORT, or a name that stands for it."""

    def push(self, image: str, content: str) -> str:
        """Put an image into the registry and return its digest; the same content has the same digest everywhere."""

    def key(self, name: str) -> str:
        """Return what COSIGN_KEY is to sign and to verify with a key."""

    def certificate(self, claims: Claims) -> dict[str, str]:
        """Return the environment in which cosign signs as a run of a workflow."""


_PROGRAM = '''#!{python}
"""Signatures are lines of a file: what is signed, the annotations, and by whom."""
import argparse, json, os, pathlib, sys
parser = argparse.ArgumentParser(allow_abbrev=False)
parser.add_argument("verb", choices=["sign", "verify"])
parser.add_argument("image")
parser.add_argument("--yes", action="store_true")
parser.add_argument("--output")
parser.add_argument("--key")
parser.add_argument("-a", action="append", default=[])
names = dict(identity="identity", repository="github-workflow-repository", ref="github-workflow-ref",
             sha="github-workflow-sha", issuer="oidc-issuer")
for name, option in names.items():
    parser.add_argument(f"--certificate-{{option}}", dest=name)
given = parser.parse_args()
annotations = dict(item.split("=", 1) for item in given.a)
signatures = pathlib.Path({signatures!r})
if given.verb == "sign":
    by = dict(key=given.key) if given.key else json.loads(os.environ["SIGN_AS"])
    with signatures.open("a") as file:
        print(json.dumps(dict(image=given.image, annotations=annotations, by=by)), file=file)
    sys.exit()
assert given.key or (given.identity and given.issuer), "cosign asks for one of them"
wanted = dict(key=given.key) if given.key else {{name: getattr(given, name) for name in names if getattr(given, name)}}
reasons = ["no signatures found"]
for signature in map(json.loads, signatures.read_text().splitlines()):
    if signature["image"] != given.image:
        continue
    if not wanted.items() <= signature["by"].items():
        reasons.append("no matching CertificateIdentity found")
    elif not annotations.items() <= signature["annotations"].items():
        reasons.append("missing or incorrect annotation")
    else:
        sys.exit()
sys.exit(f"Error: no matching attestations: {{reasons[-1]}}\\nerror during command execution")
'''


class StandIn:
    """A program with cosign's rules for what a signature claims."""

    registry = "registry.example"

    def __init__(self, folder: Path) -> None:
        """Write the program into a folder."""
        self.folder = folder
        folder.mkdir()
        signatures = folder / "signatures"
        signatures.touch()
        program = folder / "cosign"
        program.write_text(_PROGRAM.format(python=sys.executable, signatures=str(signatures)))
        program.chmod(0o755)

    def push(self, image: str, content: str) -> str:  # noqa: ARG002
        """As `Signer` says."""
        return f"sha256:{hashlib.sha256(content.encode()).hexdigest()}"

    def key(self, name: str) -> str:
        """As `Signer` says."""
        return name

    def certificate(self, claims: Claims) -> dict[str, str]:
        """As `Signer` says."""
        return {"SIGN_AS": json.dumps({**claims, "issuer": ISSUER})}


def sign(signer: Signer, product: Path, *command: str, **who: str) -> None:
    """Run a command that signs."""
    path = f"{signer.folder}:{support.TOOLS_FIRST}"
    done = support.run(*command, cwd=product, PATH=path, LOCAL_REGISTRY=signer.registry, **who)
    assert done.returncode == 0, done.stdout + done.stderr
