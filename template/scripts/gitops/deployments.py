"""Deployments: commits that set image tags of an environment; by their trailers Git is the audit trail.

They land as a commit of the main branch, or as a proposal where the server refuses that. A proposal holds what was
proposed already, as long as nobody has decided on it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from . import imagetags, publish, signatures
from .git import git, is_ancestor, make_commit, need_history, read, remote_tip
from .imagetags import Version
from .process import CommandError
from .repository import imagetags_path, main_branch, plain, services

ENVIRONMENT = "Deploy-Environment"
IMAGE = "Deploy-Image"
PROMOTED_FROM = "Deploy-Promoted-From"
ROLLBACK_OF = "Deploy-Rollback-Of"


@dataclass(frozen=True)
class Deployment:
    """What a deployment does.

    Attributes:
        images: the version of each service that changes; none where there is nothing to do.
        verb: stands before the images in the subject, as `promote dev:`.
        trailers: further ones, key and value.
    """

    environment: str
    images: dict[str, Version]
    verb: str = ""
    trailers: Iterable[tuple[str, str]] = ()

    def subject(self) -> str:
        """Return the first line of its message."""
        images = ", ".join(f"{name} {version.tag}" for name, version in self.images.items())
        return f"deploy({self.environment}): " + f"{self.verb} {images}".lstrip()

    def message(self) -> str:
        """Return the message of its commit."""
        trailers = [(ENVIRONMENT, self.environment), *self.trailers]
        trailers += [(IMAGE, f"{name}={version}") for name, version in self.images.items()]
        return "\n".join([self.subject(), "", *(f"{key}: {value}" for key, value in trailers), ""])


Edit = Callable[[str], Deployment]
"""Given a commit, which may be of a proposal: what to deploy on top of it."""


def versions(commit: str, environment: str) -> dict[str, Version]:
    """Return the image versions of an environment in a commit."""
    path = imagetags_path(environment)
    return imagetags.parse(read(commit, path) or "", path)


def readable(commit: str, environment: str) -> dict[str, Version]:
    """Return the same, and nothing where the file can't be read."""
    try:
        return versions(commit, environment)
    except ValueError:
        return {}


def before(commit: str, environment: str) -> dict[str, Version]:
    """Return the versions that a commit has found: those of the newest one before it that can be read."""
    path = imagetags_path(environment)
    older = git("rev-list", "--first-parent", "--skip=1", "--max-count=100", commit, "--", path).split()
    return next(filter(None, (readable(name, environment) for name in older)), {})


def deploys(commit: str, environment: str) -> bool:
    """Tell whether a commit sets an image to another version: updates and formatters only write the file anew."""
    found, none = before(commit, environment), Version(imagetags.UNRELEASED)
    return any(found.get(name, none) != version for name, version in readable(commit, environment).items())


def is_older_build(new: str, current: str) -> bool:
    """Tell whether a tag is of a build before the current one: by ancestry of the commits that tags name."""
    prefix = imagetags.BUILD_PREFIX
    if not (new.startswith(prefix) and current.startswith(prefix)) or new == current:
        return False
    need_history()
    return is_ancestor(new.removeprefix(prefix), current.removeprefix(prefix))


def _commit(parent: str, deployment: Deployment, now: dict[str, Version]) -> str:
    # What is no service and was not there before goes: others set its tag.
    none, known = Version(imagetags.UNRELEASED), services()
    gone = {name for name, version in deployment.images.items() if version == none and name not in known}
    kept = {name: version for name, version in (now | deployment.images).items() if name not in gone}
    text = imagetags.render(deployment.environment, kept)
    return make_commit(parent, imagetags_path(deployment.environment), text, deployment.message())


def land(environment: str, branch: str, edit: Edit, *, signed: bool, otherwise: str) -> str:
    """Deploy by a commit of the main branch, else by a proposal; print what became of it.

    Args:
        environment: the one that is deployed to.
        branch: that of the proposal.
        edit: gives the deployment.
        signed: whether what is proposed already must be signed by its build.
        otherwise: what to say where there is nothing to do.

    Returns:
        The commit of the main branch, or nothing.
    """
    done = Deployment(environment, {})

    def make(tip: str) -> str | None:
        nonlocal done
        done = edit(tip)
        return _commit(tip, done, readable(tip, environment)) if done.images else None

    try:
        commit = publish.publish(make)
    except publish.RefusedError as refusal:
        print(plain(f"the server refuses direct pushes to {main_branch()}, so this is proposed ({refusal})"))
        try:
            print(plain(propose(environment, branch, edit, signed=signed)))
        except publish.RefusedError as error:
            cure = f"allow this identity to push to {main_branch()}, or to {branch} for a proposal"
            if "signature" in str(error):  # GitHub's and GitLab's word where commits must be signed.
                cure = "sign its commits: git config commit.gpgSign true, with a key that the server knows"
            raise CommandError(f"{refusal}; {cure}") from error
        return ""
    if commit is None:
        print(f"{environment}: {otherwise}")
        return ""
    what = "back to " if done.verb else ""
    print(f"{environment}: {what}{', '.join(f'{n} {v.tag}' for n, v in done.images.items())} in {commit[:12]}")
    return commit


def propose(environment: str, branch: str, edit: Edit, *, signed: bool) -> str:
    """Propose a deployment with what the branch proposes already; return a line as `publish.propose` does."""

    def make(earlier: str) -> publish.Proposal | None:
        tip = remote_tip()
        now = readable(tip, environment)
        parent, waiting = _waiting(environment, branch, tip, earlier, signed=signed)
        new = edit(_commit(tip, waiting, now) if waiting.images else tip)
        images = {name: version for name, version in (waiting.images | new.images).items() if now.get(name) != version}
        if not images:
            return None
        trailers = dict.fromkeys([*waiting.trailers, *new.trailers])
        whole = Deployment(environment, images, new.verb, trailers)
        said = parent == earlier and now | images == versions(earlier, environment)
        commit = earlier if said else _commit(parent, whole, now)
        return publish.Proposal(commit, whole.subject(), _body(whole, now))

    return publish.propose(branch, make)


def _waiting(environment: str, branch: str, tip: str, earlier: str, *, signed: bool) -> tuple[str, Deployment]:
    """Return the commit to build a proposal on, and what is proposed already and nobody has decided on.

    Args:
        environment: the one that is deployed to.
        branch: that of the proposal.
        tip: the newest commit of the main branch.
        earlier: that of the proposal, or nothing.
        signed: whether an image must be signed by its build: whoever may write can push that branch.

    Raises:
        OthersWorkError: all that is left of it is the work of others.
    """
    nothing = Deployment(environment, {})
    if not earlier or any(
        one["headRefOid"] == earlier and one["state"] != "OPEN"
        for one in publish.pull_requests(branch, "headRefOid,state")[:1]
    ):
        return tip, nothing
    need_history()
    base = git("merge-base", tip, earlier).strip()
    before, now = readable(base, environment), readable(tip, environment)
    log = git("log", "--format=%H", f"{base}..{tip}", "--", imagetags_path(environment))
    since = [readable(commit, environment) for commit in log.split()]
    images = {}
    for name, version in versions(earlier, environment).items():
        # Merged in whatever way, it has been on the main branch, which may have gone back from it.
        if before.get(name) == version or any(one.get(name) == version for one in since):
            continue
        there = now.get(name)
        if there and there != before.get(name) and not is_older_build(there.tag, version.tag):
            print(plain(f"{environment}: {name} is {there.tag} on {main_branch()} by now: {version.tag} is left out"))
            continue
        try:
            if signed:
                signatures.verify(name, version)
        except signatures.UnsignedError as error:
            print(plain(f"{environment}: {name} is left out of the proposal: {error}"))
            continue
        images[name] = version
    trailers = git("log", "--format=%(trailers:only,unfold)", f"{base}..{earlier}").splitlines()
    kept = (ROLLBACK_OF, PROMOTED_FROM)
    pairs = [(key, value) for key, _, value in (line.partition(": ") for line in trailers) if key in kept]
    waiting = Deployment(environment, images, trailers=pairs) if images else nothing
    if not publish.has_work_of_others(tip, earlier, ENVIRONMENT):
        return tip, waiting
    if not images:
        raise publish.OthersWorkError(
            f"branch {branch} holds commits of somebody else: merge or delete it, then try again"
        )
    return earlier, waiting


def _body(deployment: Deployment, now: dict[str, Version]) -> str:
    """Return the text of a proposal: all that merging it changes, and by which commits."""
    none = Version("-")
    rows = [f"| {name} | `{now.get(name, none)}` | `{then}` |" for name, then in deployment.images.items()]
    lines = ["| service | now | then |", "| --- | --- | --- |", *rows]
    for name, then in deployment.images.items():
        if commits := _commits_between(name, now.get(name, none).tag, then.tag):
            lines += ["", f"### {name}", "", *[f"- {line}" for line in commits]]
    end = f"Merging it deploys all of it to {deployment.environment}. What is deployed until then is added here. To"
    return "\n".join([*lines, "", f"{end} decline it, close it and delete its branch.", ""])


def _commits_between(service: str, old: str, new: str) -> list[str]:
    """Return a line for each commit of a service's source between two builds, where both are known here."""
    if not is_older_build(old, new):
        return []
    older, newer = old.removeprefix(imagetags.BUILD_PREFIX), new.removeprefix(imagetags.BUILD_PREFIX)
    log = git("log", "-z", "--format=%h %s (%an)", "--end-of-options", f"{older}..{newer}", "--", f"src/{service}")
    return [plain(line) for line in log.split("\0")[:-1]]
