"""What this machine needs before anything is made on it."""

import re
import shutil
import sys

from gitops.process import CommandError

from .commands import run

# Program → how it is installed on macOS, and elsewhere.
_PROGRAMS = {
    "git": ("brew install git", "https://git-scm.com/downloads"),
    "kubectl": ("brew install kubectl", "https://kubernetes.io/docs/tasks/tools"),
    "helm": ("brew install helm", "https://helm.sh/docs/intro/install"),
    "docker": ("brew install --cask docker-desktop", "https://docs.docker.com/get-started/get-docker"),
    "kind": ("brew install kind", "https://kind.sigs.k8s.io/docs/user/quick-start#installation"),
}
_BUILDX = ("brew install docker-buildx", "install docker-buildx-plugin, or docker-buildx with Debian's docker.io")


def check(*, kind: bool) -> None:
    """Look at all that is needed; kind is not, on a cluster that is there already."""
    elsewhere = sys.platform != "darwin"
    missing = [name for name in _PROGRAMS if not shutil.which(name) and (kind or name != "kind")]
    troubles = [f"{name} is not on PATH: {_PROGRAMS[name][elsewhere]}" for name in missing]
    if shutil.which("docker"):
        for command, cure in (
            (("version",), _engine),
            (("buildx", "version"), lambda _: f"docker buildx is missing: {_BUILDX[elsewhere]}"),
        ):
            try:
                run("docker", *command, timeout=20)
            except CommandError as error:
                troubles.append(cure(str(error)))
    if troubles:
        raise CommandError("; ".join(troubles))


def _engine(said: str) -> str:
    """Return the cure of a Docker that does not answer."""
    if re.search("permission denied", said, re.IGNORECASE):
        return "Docker refuses this user: sudo usermod -aG docker $USER, then sign in again"
    start = "sudo systemctl start docker" if sys.platform == "linux" else "open Docker Desktop"
    return f"Docker does not answer: start it ({start}, or what brings your Docker), or choose another docker context"
