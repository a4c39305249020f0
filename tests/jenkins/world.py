"""A product with a server of its own, the images' programs as stand-ins, and a Jenkins that runs its pipelines.

What a command finds on its PATH is what the image of its container has, so a step in the wrong container fails here too.
"""

import json
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests import support
from tests.jenkins import toolchain

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
    "moby/buildkit": ["buildctl-daemonless.sh"],
    "mcr.microsoft.com/azure-cli": ["az", "python3"],
    "ghcr.io/sigstore/cosign/cosign": ["cosign"],
}
# Only who has been given the credential may push.
_PRE_RECEIVE = '#!/bin/sh\n[ "${PUSH_WITH:-}" = git ] || { echo "no credential" >&2; exit 1; }\n'


@dataclass
class Build:
    """What a build did."""

    result: str
    reason: str
    events: list[dict[str, Any]]

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Return the events of a kind."""
        return [event for event in self.events if event["type"] == kind]

    def ran(self, words: str) -> list[dict[str, Any]]:
        """Return the `sh` steps whose script holds the words."""
        return [event for event in self.of("sh") if words in event["script"]]

    def stages(self) -> list[str]:
        """Return the stages that ran, in order."""
        return [event["name"] for event in self.of("stage")]

    def said(self) -> str:
        """Return what all commands printed."""
        return "\n".join(event["out"] + event["err"] for event in self.of("sh"))


@dataclass
class World:
    """The product, its server, and what Jenkins remembers."""

    java: toolchain.Java
    folder: Path
    clone: Path
    previous: str = ""
    released: str = ""
    builds: int = 0

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

    def run(
        self,
        pipeline: str = "Jenkinsfile",
        *,
        branch: str = "main",
        commit: str = "",
        change: bool = False,
        by_hand: bool = False,
        params: dict[str, str] | None = None,
        approve: bool = True,
    ) -> Build:
        """Run a pipeline as Jenkins does for a commit, and remember what Jenkins remembers of it."""
        self.builds += 1
        commit = commit or self.tip(branch)
        folder = self.folder / "builds" / str(self.builds)
        source = folder / "source"
        support.git("clone", "-q", str(self.origin), str(source), cwd=self.folder)
        support.git("checkout", "-q", commit, cwd=source)
        environment = {"BUILD_NUMBER": str(self.builds), "BRANCH_NAME": "PR-1" if change else branch}
        if change:
            environment |= {"CHANGE_ID": "1", "CHANGE_TARGET": "main"}
        previous = {"GIT_PREVIOUS_COMMIT": self.previous, "GIT_PREVIOUS_SUCCESSFUL_COMMIT": self.released}
        scenario = {
            "jenkinsfile": str(source / pipeline),
            "workspaces": str(folder / "agents"),
            "origin": str(self.origin),
            "commit": commit,
            "refs": {branch: "PR-1", "main": "main"} if change else {branch: branch},
            "environment": environment,
            "previous": {} if change else {name: value for name, value in previous.items() if value},
            "causes": ["hudson.model.Cause$UserIdCause"] if by_hand else [],
            "params": params or {},
            "approve": approve,
            "pods": {
                path.relative_to(source).as_posix(): self._pod(yaml.safe_load(path.read_text(encoding="utf-8")))
                for path in (source / "jenkins" / "agents").glob("*.yaml")
            },
            "credentials": _documented_credentials(source / "README.md"),
        }
        (folder / "scenario.json").write_text(json.dumps(scenario), encoding="utf-8")
        done = self.java.groovy(
            Path(__file__).with_name("harness.groovy"), folder / "scenario.json", folder / "events.json"
        )
        assert (folder / "events.json").exists(), done.stdout + done.stderr
        build = Build(**json.loads((folder / "events.json").read_text(encoding="utf-8")))
        if not change:
            self.previous = commit
            self.released = commit if build.result == "SUCCESS" else self.released
        return build

    def _pod(self, pod: dict[str, Any]) -> dict[str, Any]:
        spec = pod["spec"]
        copied = [_program(container) for container in spec.get("initContainers", [])]
        containers = {}
        for container in spec["containers"]:
            mounts = {mount["mountPath"]: f"@pod@/{mount['name']}" for mount in container.get("volumeMounts", [])}
            given = {entry["name"]: entry["value"] for entry in container.get("env", [])}
            tools = list(_IMAGES[_repository(container["image"])])
            if "/tools" in given.pop("PATH", "").split(":"):
                tools += copied
            given.pop("HOME", None)
            containers[container["name"]] = {
                "path": str(self._bin(sorted(tools))),
                "environment": {name: mounts.get(value, value) for name, value in given.items()} | self._identity(pod),
            }
        return {"containers": containers, "serviceAccount": spec.get("serviceAccountName", "default")}

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
                (folder / name).symlink_to(shutil.which("git") or "/usr/bin/git")
                continue
            program = f'exec "{sys.executable}" -B "$@"' if name == "python3" else ""
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
    origin = folder / "origin.git"
    support.git("init", "-q", "--bare", "-b", "main", str(origin), cwd=folder)
    support.git("init", "-q", "-b", "main", cwd=clone)
    support.git("config", "user.name", "Ada", cwd=clone)
    support.git("config", "user.email", "ada@example.com", cwd=clone)
    support.git("remote", "add", "origin", str(origin), cwd=clone)
    support.git("add", "-A", cwd=clone)
    support.git("commit", "-q", "-m", "Begin", cwd=clone)
    support.git("push", "-q", "origin", "main", cwd=clone)
    hook = origin / "hooks" / "pre-receive"
    hook.write_text(_PRE_RECEIVE, encoding="utf-8")
    hook.chmod(0o755)
    return World(java, folder, clone)


def _repository(image: str) -> str:
    return re.sub(r"(:[^/]*)?(@.*)?$", "", image)


def _program(container: dict[str, Any]) -> str:
    """Return the program that an init container copies into /tools."""
    command = container["command"]
    assert (command[0], command[2]) == ("cp", "/tools/"), command
    name = Path(command[1]).name
    assert name in _IMAGES[_repository(container["image"])]
    return name


def _documented_credentials(readme: Path) -> list[str]:
    """Return the credentials that a person makes who follows the README."""
    section = readme.read_text(encoding="utf-8").partition("| credential |")[2].partition("\n\n")[0]
    return re.findall(r"^\| `([\w-]+)` \|", section, re.MULTILINE)
