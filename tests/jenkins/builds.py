"""Builds: a Jenkins that takes pipelines from a remote repository and runs them on its own version of Groovy.

`Jenkins` stands for itself: with the address of a repository and an environment for the commands, it runs any pipeline of
the product there. What its agents find, the caller decides; `world.py` gives them stand-ins.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests import support
from tests.jenkins import toolchain

Pod = dict[str, Any]
Inside = Callable[[Pod, dict[str, Any]], dict[str, str]]
"""Gives the variables, PATH among them, that commands in a container of a pod find."""


def everywhere(environment: dict[str, str]) -> Inside:
    """Give every container the same variables: PATH, and what the programs there need."""
    return lambda _pod, _container: environment


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
class Jenkins:
    """Jobs for the pipelines of one repository, set up as its README says, and what Jenkins remembers of their builds.

    Attributes:
        java: see `toolchain.find`.
        remote: the repository's address, over http or a path.
        folder: for workspaces and logs; is made.
        inside: see `Inside`; `everywhere(environment)` gives every container the same.
    """

    java: toolchain.Java
    remote: str
    folder: Path
    inside: Inside
    builds: int = 0
    # By job: the commits of its last build, and of its last successful one.
    previous: dict[tuple[str, str], str] = field(default_factory=dict)
    released: dict[tuple[str, str], str] = field(default_factory=dict)

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
        """Run a pipeline as Jenkins does for a commit, and remember what Jenkins remembers of it.

        Args:
            pipeline: its path in the repository.
            branch: the one that is built; for a change request, the one that is to be merged.
            commit: another than the newest of the branch.
            change: whether it is built for a change request to main.
            by_hand: whether a person has started it.
            params: of the job.
            approve: what the person says who is asked.
        """
        folder = self._new_folder()
        source = folder / "source"
        support.git("clone", "-q", self.remote, str(source), cwd=folder)
        commit = commit or support.git("rev-parse", f"origin/{branch}", cwd=source)
        support.git("checkout", "-q", commit, cwd=source)
        job = (pipeline, "PR-1" if change else branch)
        previous = {
            "GIT_PREVIOUS_COMMIT": self.previous.get(job, ""),
            "GIT_PREVIOUS_SUCCESSFUL_COMMIT": self.released.get(job, ""),
        }
        scenario = self._scenario(folder, source, source / pipeline) | {
            "commit": commit,
            "refs": {branch: "PR-1", "main": "main"} if change else {branch: branch},
            "environment": self._environment(job[1]) | ({"CHANGE_ID": "1", "CHANGE_TARGET": "main"} if change else {}),
            "previous": {name: value for name, value in previous.items() if value},
            "causes": ["hudson.model.Cause$UserIdCause"] if by_hand else [],
            "params": params or {},
            "approve": approve,
            **_trusted(source, main=job[1] == "main"),
        }
        build = self._run(folder, scenario)
        self.previous[job] = commit
        if build.result == "SUCCESS":
            self.released[job] = commit
        return build

    def run_elsewhere(self, text: str, environment: dict[str, str], may_build: str) -> Build:
        """Run the pipeline of another repository, whose user may build one job, a pipeline of this repository.

        Args:
            text: of the pipeline; it has no agents.
            environment: what it has found out before.
            may_build: the path of the job, from the root.
        """
        folder = self._new_folder()
        source = folder / "source"
        support.git("clone", "-q", self.remote, str(source), cwd=folder)
        file = folder / "Jenkinsfile"
        file.write_text(text, encoding="utf-8")
        none: dict[str, Any] = {"previous": {}, "causes": [], "params": {}, "approve": False}
        job = self._scenario(folder, source, source / "jenkins" / f"{Path(may_build).name}.Jenkinsfile") | {
            **none,
            "commit": support.git("rev-parse", "origin/main", cwd=source),
            "refs": {"main": "main"},
            "environment": self._environment("main"),
            **_trusted(source, main=True),
        }
        caller = none | {
            "jenkinsfile": str(file),
            "environment": self._environment("main") | environment,
            "jobs": {may_build: job},
            "pods": {},
            "clouds": {},
            "credentials": [],
        }
        return self._run(folder, caller)

    def _new_folder(self) -> Path:
        self.builds += 1
        folder = self.folder / "builds" / str(self.builds)
        folder.mkdir(parents=True)
        return folder

    def _environment(self, branch: str) -> dict[str, str]:
        return {"BUILD_NUMBER": str(self.builds), "BRANCH_NAME": branch}

    def _scenario(self, folder: Path, source: Path, file: Path) -> dict[str, Any]:
        return {
            "jenkinsfile": str(file),
            "workspaces": str(folder / "agents"),
            "origin": self.remote,
            "jobs": {},
            "pods": {
                path.relative_to(source).as_posix(): self._pod(yaml.safe_load(path.read_text(encoding="utf-8")))
                for path in (source / "jenkins" / "agents").glob("*.yaml")
            },
        }

    def _run(self, folder: Path, scenario: dict[str, Any]) -> Build:
        (folder / "scenario.json").write_text(json.dumps(scenario), encoding="utf-8")
        self.java.run_pipeline(folder / "scenario.json", folder / "events.json")
        return Build(**json.loads((folder / "events.json").read_text(encoding="utf-8")))

    def _pod(self, pod: Pod) -> dict[str, Any]:
        spec = pod["spec"]
        containers = {}
        for container in spec["containers"]:
            mounts = {mount["mountPath"]: f"@pod@/{mount['name']}" for mount in container.get("volumeMounts", [])}
            given = {entry["name"]: entry["value"] for entry in container.get("env", [])}
            inside = self.inside(pod, container)
            given = {name: mounts.get(value, value) for name, value in given.items() if name != "HOME"}
            containers[container["name"]] = {"path": inside["PATH"], "environment": given | inside}
        return {"containers": containers, "serviceAccount": spec.get("serviceAccountName", "default")}


def _trusted(source: Path, *, main: bool) -> dict[str, Any]:
    """Return the clouds of the README, with the service accounts in the namespace of each, and the credentials.

    All but one of the clouds, and the credentials, are there in the folder that runs main alone.
    """
    made = (source / "terraform" / "gitops" / "jenkins.tf").read_text(encoding="utf-8")
    accounts = re.findall(r'^    (\w+) += "(jenkins-\w+)"$', made, re.MULTILINE)
    accounts += re.findall(r'\{ name = "(\w+)", namespace = "(jenkins-\w+)" \}', made)
    readme = (source / "README.md").read_text(encoding="utf-8")
    clouds = {
        cloud: {
            "namespace": namespace,
            "allowed": main or who.startswith("every job"),
            "accounts": ["default", *[account for account, place in accounts if place == namespace]],
        }
        for cloud, namespace, who in re.findall(
            r"^\| `(\w+)` \| `(jenkins-\w+)` \| `\w+` \| (.*) \|$", readme, re.MULTILINE
        )
    }
    return {"clouds": clouds, "credentials": _documented_credentials(source / "README.md") if main else []}


def _documented_credentials(readme: Path) -> list[str]:
    """Return the credentials that a person makes who follows the README."""
    section = readme.read_text(encoding="utf-8").partition("| credential |")[2].partition("\n\n")[0]
    return re.findall(r"^\| `([\w-]+)` \|", section, re.MULTILINE)
