"""Is the repository where Argo CD looks for it, and is the main branch pushed?"""

import os
import re
import shutil
from collections.abc import Iterator
from urllib.parse import quote

from gitops.process import CommandError, output
from gitops.repository import REMOTE, ROOT, is_folder, main_branch, watched_by_argocd, web_page

from .report import Line, Pool, failure, ok, warning

_BRANCH = main_branch()
_REF = f"refs/heads/{_BRANCH}"


def _plain(address: str) -> str:
    """Return host, owner and name, however the address is written."""
    return web_page(address).rpartition("://")[2].lower()


def _git(*arguments: str) -> str | None:
    try:
        return output("git", *arguments, timeout=30).strip()
    except CommandError:
        return None


def check(pool: Pool) -> Iterator[Line]:
    """Check the remote, what is pushed, and that Argo CD can read it."""
    if not shutil.which("git"):
        yield Line("skipped", "repository: git is not on PATH")
        return
    watched = watched_by_argocd("repoURL")
    ssh = os.environ.get("GIT_SSH_COMMAND") or _git("config", "--get", "core.sshCommand") or "ssh"
    quiet = {"GIT_TERMINAL_PROMPT": "0", "GIT_SSH_COMMAND": f"{ssh} -o BatchMode=yes"}
    remote = pool.ask("git", "ls-remote", "--symref", REMOTE, "HEAD", _REF, **quiet)
    # As Argo CD would, with nobody's credential: in .netrc or as another address, a person may have one at home.
    bare = ["-c", "credential.helper=", "-c", "core.askPass=", "-c", f"http.{watched}.extraHeader="]
    for name in ("http.proxy", "http.sslCAInfo"):
        if value := _git("config", "--get", name):
            bare += ["-c", f"{name}={value}"]
    nowhere = {"HOME": os.devnull, "GIT_CONFIG_GLOBAL": os.devnull, **quiet}
    anonymous = pool.ask("git", *bare, "ls-remote", watched, _REF, **nowhere)

    if _git("rev-parse", "--git-dir") is None:
        cure = f"git init -b {_BRANCH} && git add --all && git commit -m Begin"
        yield failure("repository: this is no Git repository yet", cure)
        return
    address = _git("config", "--get", f"remote.{REMOTE}.url")
    if address is None:
        yield failure(f"repository: there is no remote {REMOTE}", f"git remote add {REMOTE} {watched}")
        return
    if folder := _git("rev-parse", "--show-prefix"):
        yield failure(f"repository: {folder} is a folder of another one", "run git init in it, and push it by itself")
        return
    # As it is written, or as git reads it (`insteadOf`).
    if _plain(watched) not in (_plain(address), _plain(_git("remote", "get-url", REMOTE) or "")):
        cure = f"git remote set-url {REMOTE} {watched}, or make Argo CD watch the other"
        yield warning(f"repository: {REMOTE} is {address}, but Argo CD watches {watched}", cure)
    try:
        pushed = re.search(rf"^(\w+)\t{re.escape(_REF)}$", remote.result(), re.MULTILINE)
        default = re.search(r"^ref: refs/heads/(\S+)\tHEAD$", remote.result(), re.MULTILINE)
    except CommandError as error:
        cure = f"make it on its host, check your access, then git push -u {REMOTE} {_BRANCH}"
        yield failure(f"repository: {address} can't be reached ({error})", cure)
        return
    if not pushed:
        yield failure(f"repository: {address} has no branch {_BRANCH}", f"git push -u {REMOTE} {_BRANCH}")
        return
    yield ok(f"repository: {address} has {_BRANCH}")
    yield _pushed(pushed[1])
    if default and default[1] != _BRANCH:
        what = f"repository: the default branch of {address} is {default[1]}: schedules and runs by hand begin there"
        yield warning(what, f"make {_BRANCH} the default branch on its host")
    if _git("status", "--porcelain"):
        yield warning(
            "repository: there are changes that are not committed", "commit them: Argo CD sees what is pushed"
        )
    try:
        anonymous.result()
        yield ok("repository: Argo CD can read it, it is public")
    except CommandError:
        cure = "if it is private, give Argo CD a credential: A private repository, in README.md"
        yield warning(f"repository: {watched} can't be read without signing in", cure)


def template() -> Iterator[Line]:
    """Check that pipelines find the template, too."""
    origin = ROOT / "scripts/updates/origin.yaml"
    found = (
        re.search(r"^_src_path: *(.*)", origin.read_text(encoding="utf-8"), re.MULTILINE) if origin.exists() else None
    )
    if found and is_folder(address := found[1].strip("'\" ")):
        what = f"template: {address} is a folder of one machine, no pipeline can update from it"
        yield warning(what, "write the address of its server into .copier-answers.yml and scripts/updates/origin.yaml")


def owners(pool: Pool) -> Iterator[Line]:
    """Check that changes to what rules the cluster have owners, and that GitHub asks for their review."""
    # In the root, in docs/, or in the folder of the host.
    if not (ROOT / "CODEOWNERS").exists() and not any(ROOT.glob("*/CODEOWNERS")):
        what = "repository: nobody owns clusters/, terraform/ and scripts/: whoever may merge rules the cluster"
        yield warning(what, "add a file CODEOWNERS: Who may do what, in README.md")
        return
    host, _, name = _plain(watched_by_argocd("repoURL")).partition("/")
    if host != "github.com" or not shutil.which("gh"):
        return
    rules = pool.ask(
        *("gh", "api", f"repos/{name}/rules/branches/{quote(_BRANCH, safe='')}"),
        *("--jq", 'any(.[]; .type == "pull_request" and .parameters.require_code_owner_review)'),
    )
    classic = pool.ask(
        *("gh", "api", f"repos/{name}/branches/{quote(_BRANCH, safe='')}/protection"),
        *("--jq", ".required_pull_request_reviews.require_code_owner_reviews // false"),
    )
    answers = []
    for asked in (rules, classic):
        try:
            answers.append(asked.result().strip())
        except CommandError:
            answers.append("")
    if "true" in answers:
        yield ok(f"repository: {_BRANCH} requires the review of code owners")
    elif answers[0]:
        what = f"repository: {_BRANCH} takes changes without the review of their code owners"
        yield warning(what, "require it: Who may do what, in README.md")
    else:
        yield Line("skipped", f"repository: GitHub does not say whether {_BRANCH} requires the review of code owners")


def _pushed(remote: str) -> Line:
    local = _git("rev-parse", "--verify", "--quiet", _REF)
    if local == remote:
        return ok(f"repository: {_BRANCH} is pushed")
    if local is None:
        return warning(f"repository: there is no {_BRANCH} here", f"git switch {_BRANCH}")
    if _git("merge-base", "--is-ancestor", local, remote) is not None:
        return warning(f"repository: {_BRANCH} here is behind {REMOTE}", "git pull")
    if _git("merge-base", "--is-ancestor", remote, local) is not None:
        return failure(f"repository: {_BRANCH} has commits that are not pushed", f"git push {REMOTE} {_BRANCH}")
    return warning(f"repository: {_BRANCH} here and on {REMOTE} differ", "git pull --rebase")
