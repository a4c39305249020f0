"""The repository as the cluster sees it, and its images, which the scripts of the pipeline build and roll out.

What is in the working tree, committed or not, is committed to a clone of its own, with the layer over it: the person's
repository, its index and its remote are only read.
"""

import contextlib
import secrets
import urllib.error
import urllib.request
from pathlib import Path

from gitops import imagetags
from gitops.deployments import Deployment
from gitops.process import CommandError
from gitops.repository import ROOT, imagetags_path, main_branch, services

from . import argocd, layer
from .commands import run, show, step, succeeds, wait_until
from .place import CLONE, FOLDER, KUBECONFIG, Place, apply, get, make_namespace

_IDENTITY = {"user.name": "make local", "user.email": "local@localhost", "commit.gpgsign": "false"}


def git(*arguments: str | Path) -> str:
    """Run git in the clone."""
    return run("git", *arguments, cwd=CLONE, env={"GIT_TERMINAL_PROMPT": "0"}).strip()


def prepare() -> None:
    """Make the clone, empty at first."""
    # Left by a run that was killed: no other one is at work now.
    for lock in (CLONE / ".git" / "index.lock", CLONE / ".git" / "snapshot.lock"):
        lock.unlink(missing_ok=True)
    # Written last: without it, the clone is not complete.
    excluded, line = CLONE / ".git" / "info" / "exclude", f"/{FOLDER.name}/\n"
    if excluded.exists() and excluded.read_text(encoding="utf-8") == line:
        return
    run("git", "init", "--quiet", f"--initial-branch={main_branch()}", CLONE)
    settings = {**_IDENTITY, "core.hooksPath": "/dev/null", "protocol.ext.allow": "always"}
    for name, value in {**settings, "remote.origin.url": argocd.git_remote()}.items():
        git("config", name, value)
    excluded.parent.mkdir(exist_ok=True)
    excluded.write_text(line, encoding="utf-8")


def built() -> list[str]:
    """Return the services that have sources here."""
    found = [name for name in services() if (ROOT / "src" / name / "Dockerfile").is_file()]
    if not found:
        raise CommandError(f"there is no source to run: add src/{services()[0]}/Dockerfile")
    return found


def take(place: Place) -> layer.Layer:
    """Commit the working tree as it is now, with the layer over it; image tags stay as they were here."""
    ours = ("--git-dir", CLONE / ".git", "--work-tree", ROOT)
    index = {"GIT_INDEX_FILE": str(CLONE / ".git" / "snapshot")}
    run("git", *ours, "add", "--all", cwd=ROOT, env=index)
    tree = run("git", *ours, "write-tree", cwd=ROOT, env=index).strip()
    git("read-tree", "--reset", "-u", tree)
    if succeeds("git", "rev-parse", "--verify", "--quiet", "HEAD", cwd=CLONE):
        git("checkout", "--quiet", "HEAD", "--", imagetags_path(place.environment))
    made = layer.write(CLONE, place, argocd.git_url(), built())
    git("add", "--all")
    if not succeeds("git", "diff", "--cached", "--quiet", "HEAD", cwd=CLONE):
        git("commit", "--quiet", "--no-verify", "--message", "What is in the working tree")
    return made


def state() -> str:
    """Return what tells one state of the working tree from another: each file's name, size and time."""
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT).split("\0")
    seen = []
    for path in sorted(filter(None, listed)):
        with contextlib.suppress(OSError):
            found = (ROOT / path).lstat()
            seen.append(f"{path} {found.st_size} {found.st_mtime_ns}")
    return "\n".join(seen)


def tag(service: str) -> str:
    """Return the tag of a service's image: a name of what is under src/ now."""
    return f"local-{git('rev-parse', f'HEAD:src/{service}')[:16]}"


def stale(place: Place) -> dict[str, str]:
    """Return the services whose image is of other sources, with the tag that it is to have."""
    path = imagetags_path(place.environment)
    versions = imagetags.parse((CLONE / path).read_text(encoding="utf-8"), path)
    wanted = {name: tag(name) for name in built()}
    return {name: new for name, new in wanted.items() if name not in versions or versions[name].tag != new}


def build(place: Place) -> list[str]:
    """Build and push the images whose sources have changed; `SERVICE=TAG@DIGEST` of each."""
    images: list[str] = []
    for service, tag in stale(place).items():
        with step(f"image of {service}"):
            registry = {"LOCAL_REGISTRY": place.registry}
            images += run("scripts/build-images", tag, service, cwd=CLONE, timeout=1800, env=registry).split()
    return images


def _script(name: str, *arguments: str) -> None:
    show(f"scripts/{name}", *arguments, cwd=CLONE, env={"KUBECONFIG": str(KUBECONFIG)})


def commit(place: Place, images: list[str]) -> str:
    """Set the tags of images, and bring all to the cluster; the commit of the tags, or nothing without images."""
    if images:
        _script("bump-image", "--no-push", place.environment, *images)
        versions = {
            name: imagetags.parse_version(version) for name, _, version in (image.partition("=") for image in images)
        }
        message = Deployment(place.environment, versions).message()
        git("commit", "--quiet", "--no-verify", "--all", "--message", message)
    git("push", "--quiet", "--force", "origin", f"HEAD:refs/heads/{main_branch()}")
    return git("rev-parse", "HEAD") if images else ""


def wait(place: Place) -> None:
    """Tell Argo CD to look now, and wait until it is healthy; longer than after a push, since every image is pulled."""
    _script("refresh", place.environment)
    _script("wait-healthy", place.environment, "--timeout", "900")


def roll_out(place: Place, commit: str) -> None:
    """Roll out as the pipeline does after a push, which puts back the tags of a commit that does not start."""
    _script("roll-out", "--unsigned", place.environment, *filter(None, [commit]))


def make_secrets(place: Place, made: layer.Layer) -> None:
    """Make the Secrets that Key Vault would fill, with random values; what is there stays."""
    make_namespace(place.namespace)
    for name, keys in made.secrets.items():
        there = next(iter(get("--namespace", place.namespace, "secret", name)), {}).get("data", {})
        values = {key: secrets.token_urlsafe(24) for key in keys if key not in there}
        if values:
            metadata = {"name": name, "namespace": place.namespace}
            apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": there, "stringData": values})


def print_addresses(place: Place, public: list[str]) -> None:
    """Print how each public service is reached, once it answers."""
    for service, port in zip(public, place.ports, strict=False):
        address = f"http://localhost:{port}"
        wait_until(f"{service} answers at {address}", lambda a=address: _answers(a), 60)  # type: ignore[misc]
        print(f"{service}: {address}")
    for service in public[len(place.ports) :]:
        [found] = get("--namespace", place.namespace, "service", service)
        port = found["spec"]["ports"][0]["port"]
        where = f"--kubeconfig .local/kubeconfig --namespace {place.namespace}"
        print(f"{service}: kubectl {where} port-forward service/{service} 8080:{port}")


def _answers(address: str) -> bool:
    try:
        # No proxy has a way to this machine's own ports.
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(address, timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True
