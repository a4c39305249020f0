"""Changes that a person decides on: a branch, and a pull request where the forge's CLI can open one."""

import shutil
import subprocess
from collections.abc import Callable

from .addresses import request_page, web_page
from .publish import Change, PublishError, RefusedError, git, push_branch, remote_tip
from .repository import BRANCH, REMOTE, ROOT, plain


def web_address() -> str:
    """Return the https address of the repository, without `.git`."""
    return web_page(git("remote", "get-url", REMOTE))


def propose(branch: str, tip: str, change: Change, body: str) -> str:
    """Push a change of the newest commit as a branch and open a pull request; return a line as `request` does."""
    opened = push_branch(branch, tip, change)
    return f"proposed {opened}" if opened else request(branch, change.message.partition("\n")[0], body)


def request(branch: str, title: str, body: str, *, draft: bool = False, renew: bool = False) -> str:
    """Open a pull request for a branch that is on the server, which has not done so by itself.

    Args:
        branch: its name.
        title: of the pull request.
        body: the same.
        draft: whether it can't be merged as it is.
        renew: whether one that is open already gets the title and the body.

    Returns:
        One line that says where it is, or how to open it by hand where `gh` is missing or not signed in.
    """
    by_hand = request_page(web_address(), branch, BRANCH)
    if not shutil.which("gh"):
        return f"pushed {branch}: open the pull request at {by_hand}"
    create = ["create", "--base", BRANCH, "--head", branch, "--title", title, "--body", body]
    opened = _gh(*create, *(["--draft"] if draft else []))
    if draft and "draft" in opened.stderr.lower():  # Private repositories of a free plan have none.
        opened = _gh(*create)
    if opened.returncode == 0:
        return f"proposed {opened.stdout.strip()}"
    if "already exists" in opened.stderr:
        if renew:
            opened = _gh("edit", branch, "--title", title, "--body", body)
        if not renew or opened.returncode == 0:
            return f"pushed {branch}: its pull request is open already, at {by_hand}"
    return f"pushed {branch}: open the pull request at {by_hand} (gh: {' '.join(opened.stderr.split())})"


def _gh(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["gh", "pr", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def propose_instead(refusal: RefusedError, branch: str, make_change: Callable[[str], Change | None]) -> None:
    """After a refused push to the main branch, propose the change; say what to allow for a direct push.

    Raises:
        PublishError: the branch is refused too.
    """
    tip = remote_tip()
    change = make_change(tip)
    if change is None:
        return
    advice = f"the server refuses direct pushes to {BRANCH}: allow them for this identity, or merge the proposal"
    print(plain(f"{advice} ({refusal})"))
    try:
        print(plain(propose(branch, tip, change, advice)))
    except PublishError as error:
        raise PublishError(
            f"{refusal}; allow this identity to push to {BRANCH}, or to {branch} for a proposal"
        ) from error
