"""A product with a server of its own, the images' programs as stand-ins, and a Jenkins that runs its pipelines.

What a command finds on its PATH is what the image of its container has, so a step in the wrong container fails here too.
"""

import re
import shutil
import sys
from pathlib import Path
from typing import Any

from tests import fakes, support
from tests.jenkins import toolchain
from tests.jenkins.builds import Jenkins, Pod

STANDINS = Path(__file__).parent / "standins"
# What every one of them has.
_BASE = """
awk base64 basename cat chmod cp cut date dirname env expr find grep head id ls mkdir mktemp mv paste printf pwd rm sed sh
sleep sort tail tee touch tr true uname uniq wc xargs
"""
# What each image has besides: only what is used here, and known to be there.
_IMAGES = {
    "jenkins/inbound-agent": ["git"],
    "python": ["git", "make", "python3"],
    "alpine/k8s": ["git", "kubectl", "python3"],
    "hashicorp/terraform": ["terraform"],
    "moby/buildkit": ["buildctl-daemonless.sh", "git"],
    "mcr.microsoft.com/azure-cli": ["az", "python3"],
    "ghcr.io/sigstore/cosign/cosign": ["cosign"],
}
# Only who has been given the credential may push.
_PRE_RECEIVE = '#!/bin/sh\n[ "${PUSH_WITH:-}" = git ] || { echo "no credential" >&2; exit 1; }\n'
# Of a private repository nobody else learns anything either.
_GIT = """#!/bin/sh
case "$*" in
*ls-remote* | *fetch*) [ ! -e {private} ] || [ "${{PUSH_WITH:-}}" = git ] || {{ echo "could not read Username" >&2; exit 128; }} ;;
esac
exec {git} "$@"
"""


class World(Jenkins):
    """A product on a server, and its Jenkins."""

    def __init__(self, java: toolchain.Java, folder: Path, clone: Path) -> None:
        """Take a product that is on the server in the folder already."""
        super().__init__(java, str(folder / "origin.git"), folder, self._inside)
        self.clone = clone

    @property
    def origin(self) -> Path:
        """The server's repository."""
        return self.folder / "origin.git"

    def tip(self, branch: str = "main") -> str:
        """Return the newest commit of a branch on the server."""
        return support.git("rev-parse", branch, cwd=self.origin)

    def file(self, path: str, branch: str = "main") -> str:
        """Return a file as the server has it."""
        return support.git("show", f"{branch}:{path}", cwd=self.origin)

    def push(self, changes: dict[str, str], message: str, branch: str = "main") -> str:
        """Append texts to files, on the newest main branch, and push that as a person."""
        support.git("fetch", "-q", "origin", "main", cwd=self.clone)
        support.git("checkout", "-q", "-B", branch, "FETCH_HEAD", cwd=self.clone)
        for path, text in changes.items():
            with (self.clone / path).open("a", encoding="utf-8") as file:
                file.write(text)
        support.git("commit", "-qam", message, cwd=self.clone)
        done = support.run("git", "push", "-q", "-f", "origin", branch, cwd=self.clone, PUSH_WITH="git")
        assert done.returncode == 0, done.stderr
        return self.tip(branch)

    def release_everything(self) -> None:
        """Give every environment what there is, then sha-1, and let Jenkins have seen everything there is."""
        built, job = f"sha-{self.tip()}", ("Jenkinsfile", "main")
        for before, after in (("unreleased", built), (built, "sha-1")):
            for path in self.clone.glob("apps/*/overlays/*/imagetags/kustomization.yaml"):
                path.write_text(path.read_text(encoding="utf-8").replace(before, after), encoding="utf-8")
            support.git("commit", "-qam", f"Deploy {after}", cwd=self.clone)
        support.git("checkout", "-q", "-B", "main", cwd=self.clone)
        assert support.run("git", "push", "-q", "origin", "main", cwd=self.clone, PUSH_WITH="git").returncode == 0
        self.previous[job] = self.released[job] = self.tip()

    def calls(self, program: str) -> list[str]:
        """Return the arguments with which a stand-in was called, in order."""
        log = self.folder / "calls"
        lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
        return [line.partition(" ")[2] for line in lines if line.partition(" ")[0] == program]

    def break_tag(self, service: str, commit: str) -> None:
        """Let the version of a service that a commit builds never become healthy."""
        (self.folder / "broken").write_text(f"sha-{commit} {service}", encoding="utf-8")

    def fail(self, program: str) -> None:
        """Let a stand-in fail from now on."""
        (self.folder / "failing").write_text(program, encoding="utf-8")

    def _inside(self, pod: Pod, container: dict[str, Any]) -> dict[str, str]:
        """Return what a container of a pod finds: the programs of its image, and the pod's identity."""
        tools = list(_IMAGES[_repository(container["image"])])
        given = {entry["name"]: entry["value"] for entry in container.get("env", [])}
        if "/tools" in given.get("PATH", "").split(":"):
            tools += [_program(copied, pod) for copied in pod["spec"].get("initContainers", [])]
        return {"PATH": str(self._bin(sorted(tools))), **self._identity(pod)}

    def _identity(self, pod: dict[str, Any]) -> dict[str, str]:
        """Return what workload identity puts into a pod that asks for it."""
        if pod.get("metadata", {}).get("labels", {}).get("azure.workload.identity/use") != "true":
            return {}
        token = self.folder / "token"
        token.write_text("signed by the cluster", encoding="utf-8")
        return {
            "AZURE_CLIENT_ID": "client",
            "AZURE_TENANT_ID": "tenant",
            "AZURE_FEDERATED_TOKEN_FILE": str(token),
        }

    def _bin(self, tools: list[str]) -> Path:
        folder = self.folder / "bin" / "-".join(tools)
        if folder.exists():
            return folder
        folder.mkdir(parents=True)
        for name in _BASE.split():
            (folder / name).symlink_to(shutil.which(name) or f"/bin/{name}")
        for name in tools:
            if name == "git":
                (folder / name).write_text(_GIT.format(private=self.folder / "private", git=shutil.which("git")))
                (folder / name).chmod(0o755)
                continue
            program = f'PYTHONPATH="{support.CLOCK}" exec "{sys.executable}" -B "$@"' if name == "python3" else ""
            program = (
                program
                or f'WORLD="{self.folder}" exec "{sys.executable}" -B "{STANDINS / name.partition("-")[0]}.py" "$@"'
            )
            (folder / name).write_text(
                f'#!/bin/sh\necho "{name} $*" >>"{self.folder}/calls"\n'
                f'! grep -qsx "{name}" "{self.folder}/failing" || exit 1\n{program}\n',
                encoding="utf-8",
            )
            (folder / name).chmod(0o755)
        return folder


def make(java: toolchain.Java, product: Path, folder: Path) -> World:
    """Put a product on a server and return the world around it."""
    clone = shutil.copytree(product, folder / "clone")
    exempt(clone)
    origin = folder / "origin.git"
    support.git("init", "-q", "--bare", "-b", "main", str(origin), cwd=folder)
    support.git("init", "-q", "-b", "main", cwd=clone)
    support.git("config", "user.name", "Ada", cwd=clone)
    support.git("config", "user.email", "ada@example.com", cwd=clone)
    support.git("remote", "add", "origin", str(origin), cwd=clone)
    fakes.lock_providers(clone)
    support.git("add", "-A", "--force", "terraform", cwd=clone)
    support.git("add", "-A", cwd=clone)
    support.git("commit", "-q", "-m", "Begin", cwd=clone)
    support.git("push", "-q", "origin", "main", cwd=clone)
    hook = origin / "hooks" / "pre-receive"
    hook.write_text(_PRE_RECEIVE, encoding="utf-8")
    hook.chmod(0o755)
    return World(java, folder, clone)


def exempt(clone: Path) -> None:
    """Ask for no signature of any service: most tests deploy versions that nobody has built."""
    signers = clone / "scripts" / "signers.toml"
    text = signers.read_text(encoding="utf-8")
    for path in sorted(clone.glob("apps/*/base/*/deployment.yaml")):
        if f"\n[{path.parent.name}]\n" not in text:
            text += f'\n[{path.parent.name}]\nunsigned = "nobody has built it"\n'
    signers.write_text(text, encoding="utf-8")


def _repository(image: str) -> str:
    return re.sub(r"(:[^/]*)?(@.*)?$", "", image)


def _program(container: dict[str, Any], pod: Pod) -> str:
    """Return the program that an init container copies into /tools, from its own image or one that it mounts."""
    command = container["command"]
    assert (command[0], command[2]) == ("cp", "/tools/"), command
    images = {volume["name"]: volume["image"]["reference"] for volume in pod["spec"]["volumes"] if "image" in volume}
    mounted = [images[mount["name"]] for mount in container["volumeMounts"] if mount["name"] in images]
    name = Path(command[1]).name
    assert name in _IMAGES[_repository((mounted or [container["image"]])[0])]
    return name
