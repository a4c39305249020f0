"""Who must have signed an image before an environment gets it, and whether they have.

A signature is for one image name and one commit: scripts/sign-images writes both into it. The certificate of a workflow
names the commit too, and the repository whose push has started it.
"""

import functools
import os
import re
import shutil
import tomllib
from pathlib import Path

from . import cluster, process, publish
from .imagetags import BUILD_PREFIX, Version
from .process import CommandError
from .repository import ROOT, is_built_here, main_branch, services

SIGNERS = "scripts/signers.toml"
_ISSUER = "https://token.actions.githubusercontent.com"
_BUILD = re.compile(rf"{BUILD_PREFIX}([0-9a-f]{{40}}|[0-9a-f]{{64}})")


class UnsignedError(CommandError):
    """An image is not signed by its build; the message says which, and what to do."""


@functools.cache
def signers() -> dict[str, dict[str, str]]:
    """Return what is said of services whose source code is not in src/."""
    path = Path(ROOT, SIGNERS)
    try:
        return tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except tomllib.TOMLDecodeError as error:
        raise UnsignedError(f"{SIGNERS} is not valid TOML: {error}") from error


def verify(service: str, version: Version) -> str:
    """Return a line that says who has signed an image.

    With COSIGN_KEY that key must have signed; without it, a run of a workflow on the main branch of the
    repository that builds the service.

    Raises:
        UnsignedError: nobody who builds the service has signed it.
    """
    entry = signers().get(service, {})
    if reason := entry.get("unsigned"):
        return f"{service} is not verified: {reason}"
    if service not in services():
        raise UnsignedError(f"{service} is no service, so no build signs it: set its tag where its container is")
    build = _BUILD.fullmatch(version.tag)
    if not build or not version.digest:
        raise UnsignedError(
            f"{service} {version} names no build: give {BUILD_PREFIX}COMMIT@sha256:DIGEST,"
            f" or say in {SIGNERS} why its image is not signed"
        )
    builder, identity = _builder(service, build[1], entry.get("repository", ""))
    if not shutil.which("cosign"):
        raise UnsignedError("cosign is not on PATH: https://docs.sigstore.dev/cosign/system_config/installation")
    image = process.output(ROOT / "scripts" / "image-name", service).strip()
    command = ["cosign", "verify", "--output", "text", *identity, "-a", f"commit={build[1]}", "-a", f"image={image}"]
    if "AZURE_FEDERATED_TOKEN_FILE" in os.environ:
        command.append("--k8s-keychain")  # the registry takes the pod's own identity
    command.append(f"{image}@{version.digest}")
    try:
        process.patiently(lambda: process.output(*command, timeout=None), cluster.TRANSIENT)
    except CommandError as error:
        words = str(error).removeprefix("Error: ")
        raise UnsignedError(f"{service} {version} is not signed by {builder} for that commit: {words}") from error
    return f"{service} {version.tag} is signed by {builder}"


def _builder(service: str, commit: str, repository: str) -> tuple[str, list[str]]:
    """Return who builds a service, and cosign's arguments that ask for their signature."""
    if key := os.environ.get("COSIGN_KEY"):
        return "the key of the pipeline", ["--key", key]
    here = publish.web_address()
    own = "/".join(here.split("/")[-2:])
    if not repository and not is_built_here(service):
        raise UnsignedError(
            f'{SIGNERS} does not say who builds {service}: add [{service}] with repository = "OWNER/NAME",'
            ' or with unsigned = "REASON"'
        )
    workflow = "build-service.yml" if repository else "release.yml"
    return f"{workflow} of {repository or own}", [
        *("--certificate-identity", f"{here}/.github/workflows/{workflow}@refs/heads/{main_branch()}"),
        *("--certificate-oidc-issuer", _ISSUER),
        *("--certificate-github-workflow-repository", repository or own),
        *("--certificate-github-workflow-ref", f"refs/heads/{main_branch()}"),
        *("--certificate-github-workflow-sha", commit),
    ]
