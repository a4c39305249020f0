"""A repository that is lived in: what bots and people do to it, and what must be left of that after an update."""

import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import copier
import yaml

from tests import support


@dataclass
class Life:
    """A clone of a repository, and its server.

    Attributes:
        product: the clone.
        edits: texts that must stay, by path; None for a file that must stay away.
        tags: of each environment, as they were before the update.
        running: the images that these give.
    """

    product: Path
    edits: dict[str, str | None] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    running: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    @property
    def app(self) -> Path:
        """The folder with base and overlays."""
        return next((self.product / "apps").iterdir())

    def git(self, *arguments: str) -> str:
        """Run git here."""
        return support.git(*arguments, cwd=self.product)

    def commit(self, message: str = "Mine") -> str:
        """Commit and push everything that changed."""
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)
        self.git("push", "-q", "origin", "HEAD:main")
        return self.git("rev-parse", "HEAD")

    def run(self, *arguments: str | Path, **environment: str) -> CompletedProcess[str]:
        """Run one of the repository's scripts, with the clock that takes no time."""
        return support.run(sys.executable, *arguments, cwd=self.product, PYTHONPATH=str(support.CLOCK), **environment)

    def update(self, *arguments: str | Path, **environment: str) -> CompletedProcess[str]:
        """Run the repository's own command."""
        return self.run("scripts/template-update", *arguments, **environment)

    def conflicts(self) -> list[str]:
        """Return the files that Git says are in conflict."""
        return self.git("diff", "--name-only", "--diff-filter=U").splitlines()

    def bump_everywhere(self) -> None:
        """Let the pipeline deploy every service to every environment, each a commit on the server."""
        for path in sorted(self.app.glob("overlays/*/imagetags/kustomization.yaml")):
            environment = path.parents[1].name
            images = yaml.safe_load(path.read_text(encoding="utf-8"))["images"]
            names = [image["name"].rpartition("/")[2] for image in images]
            versions = [f"{name}=sha-{environment}{number}" for number, name in enumerate(names)]
            done = self.run("scripts/bump-image", environment, *versions)
            assert done.returncode == 0, done.stderr
        self.git("pull", "-q", "--ff-only", "origin", "main")
        self.remember_tags()

    def remember_tags(self) -> None:
        """Note the tags of all environments."""
        self.running = self.images()
        for path in self.app.glob("overlays/*/imagetags/kustomization.yaml"):
            self.tags[path.relative_to(self.product).as_posix()] = path.read_text(encoding="utf-8")

    def images(self) -> dict[tuple[str, str], list[str]]:
        """Return the images of each Deployment of each environment, as kustomize gives them."""
        return {
            (overlay.name, item["metadata"]["name"]): [
                container["image"] for container in item["spec"]["template"]["spec"]["containers"]
            ]
            for overlay in sorted((self.app / "overlays").iterdir())
            for item in support.kustomize(overlay)
            if item["kind"] == "Deployment"
        }

    def replace(self, path: Path, old: str, new: str) -> None:
        """Edit a file as a person does, and expect that to stay."""
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{path} has no {old!r}"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        self.edits[path.relative_to(self.product).as_posix()] = new

    def edit_everything(self) -> None:
        """Change a limit, add a variable, add an object, delete a file, and add a service by hand."""
        service = next(folder for folder in sorted(self.app.glob("base/*")) if (folder / "deployment.yaml").exists())
        self.replace(service / "deployment.yaml", "memory: 256Mi", "memory: 250Mi")
        self.replace(self.product / "README.md", "\n## Begin\n", "\nA paragraph of ours.\n\n## Begin\n")
        deployment = sorted(self.app.glob("base/*/deployment.yaml"))[-1]
        variable = '            - name: OURS\n              value: "yes"\n'
        if "          env:\n" not in deployment.read_text(encoding="utf-8"):
            variable = f"          env:\n{variable}"
        self.replace(deployment, "          resources:\n", f"{variable}          resources:\n")
        self._add_object(service)
        self._add_service(service)
        (service / "poddisruptionbudget.yaml").unlink()
        self.edits[(service / "poddisruptionbudget.yaml").relative_to(self.product).as_posix()] = None
        kustomization = service / "kustomization.yaml"
        text = kustomization.read_text(encoding="utf-8")
        kustomization.write_text(text.replace("  - poddisruptionbudget.yaml\n", ""), encoding="utf-8")
        self.commit()
        self.remember_tags()

    def _add_object(self, service: Path) -> None:
        text = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ours\ndata:\n  ours: "yes"\n'
        (service / "configmap.yaml").write_text(text, encoding="utf-8")
        self.edits[(service / "configmap.yaml").relative_to(self.product).as_posix()] = text
        self.replace(service / "kustomization.yaml", "resources:\n", "resources:\n  - configmap.yaml\n")

    def _add_service(self, like: Path) -> None:
        worker = shutil.copytree(like, like.parent / "worker", ignore=shutil.ignore_patterns("configmap.yaml"))
        for path in worker.iterdir():
            text = path.read_text(encoding="utf-8").replace(f'"{like.name}"', '"worker"')
            text = re.sub(r'image: "[^"]*/[^"]*"', 'image: "example.org/worker"', text)
            text = text.replace("  - configmap.yaml\n", "")
            path.write_text(text, encoding="utf-8")
            self.edits[path.relative_to(self.product).as_posix()] = re.split(r"image: |.*Tag and", text, flags=re.I)[0]
        self.replace(
            self.app / "base" / "kustomization.yaml", f'  - "{like.name}"\n', f'  - "{like.name}"\n  - worker\n'
        )
        policy = self.app / "base" / "database" / "networkpolicy.yaml"
        caller = (
            f'        - podSelector:\n            matchLabels:\n              app.kubernetes.io/name: "{like.name}"\n'
        )
        if policy.exists() and caller in policy.read_text(encoding="utf-8"):
            self.replace(policy, caller, caller + caller.replace(like.name, "worker"))
        for overlay in sorted((self.app / "overlays").iterdir()):
            # Up to 0.13 overlays named the repositories.
            above, tags = overlay / "kustomization.yaml", overlay / "imagetags" / "kustomization.yaml"
            text = above.read_text(encoding="utf-8")
            entry = "images:\n  - name: worker\n    newName: example.org/worker\n"
            above.write_text(text.replace("images:\n", entry), encoding="utf-8")
            name = "worker" if "images:\n" in text else "example.org/worker"
            tags.write_text(
                tags.read_text(encoding="utf-8") + f'  - name: "{name}"\n    newTag: "v1"\n', encoding="utf-8"
            )

    def lost(self) -> list[str]:
        """Return the edits and image tags that are not there any more."""
        images = self.images() if self.running else {}
        lost = [f"{service} in {where}" for (where, service), ran in self.running.items() if images.get((where, service)) != ran]  # fmt: skip
        for path, text in self.edits.items():
            file = self.product / path
            there = file.read_text(encoding="utf-8") if file.exists() else None
            if (text is None) != (there is None) or (text is not None and text not in (there or "")):
                lost.append(path)
        return lost


Begun = Callable[..., Life]
Done = CompletedProcess[str]


def begin(made: Path, folder: Path) -> Life:
    """Put a generated product on a server of its own."""
    product = shutil.copytree(made, folder / "product")
    support.git("init", "-q", "--bare", "-b", "main", str(folder / "remote.git"), cwd=folder)
    support.git("init", "-q", "-b", "main", cwd=product)
    support.git("config", "user.name", "Test", cwd=product)
    support.git("config", "user.email", "test@example.com", cwd=product)
    support.git("remote", "add", "origin", str(folder / "remote.git"), cwd=product)
    life = Life(product)
    life.commit("Begin")
    return life


def generate(template: Path, version: str, destination: Path, data: dict[str, Any]) -> Path:
    """Generate a product from a version of the template."""
    copier.run_copy(
        str(template), destination, data=data, defaults=True, unsafe=True, quiet=True, skip_tasks=True, vcs_ref=version
    )
    return destination


def difference(one: Path, other: Path) -> list[str]:
    """Return the paths that two products do not share, or differ in; the answers file is no part of it."""
    left, right = (
        {path for path in support.relative(folder) if path != ".copier-answers.yml"} for folder in (one, other)
    )
    return sorted(
        left ^ right | {path for path in left & right if (one / path).read_bytes() != (other / path).read_bytes()}
    )
