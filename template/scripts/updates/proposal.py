"""The update as a proposal: a commit on a branch, then a pull request."""

import json
import re
import shutil
import subprocess

from gitops import proposals, publish
from gitops.publish import PublishError, git
from gitops.repository import BRANCH as MAIN
from gitops.repository import ROOT

from .merge import Merge

BRANCH = "template-update"
VERSION = "Template-Version"
_WORKFLOWS = ".github/workflows/"
_TOKEN = "TEMPLATE_UPDATE_TOKEN"  # noqa: S105, the name of one


def message(result: Merge, version: str, news: str) -> str:
    """Return the message of the commit; it is the text of the pull request too."""
    conflicts = result.conflicts()
    subject = f"Update the template to {version}"
    if conflicts:
        subject += f" (conflicts in {len(conflicts)} file{'s' if len(conflicts) > 1 else ''})"
    lines = [subject, "", news]
    if conflicts:
        lines += [
            "",
            "**Changed here and in the template.** Check this branch out, choose in each file between `<<<<<<<`",
        ]
        lines += ["and `>>>>>>>`, commit and push; until then its checks fail:", ""]
        lines += [f"- `{path}`" for path in conflicts]
    if result.removed:
        lines += ["", "**Removed, though changed here:**", "", *[f"- `{path}`" for path in result.removed]]
    if result.answers:
        lines += ["", "Answers:", "", "```diff", *result.answers, "```"]
    if result.problems:
        lines += ["", "**Merged but not valid:**", "", "```text", result.problems, "```"]
    return "\n".join([*lines, "", f"{VERSION}: {version}", ""])


def prepare(result: Merge, current: str, version: str, news: str) -> str:
    """Put the result on the branch of this clone, and say so."""
    if result.tree == git("rev-parse", f"{result.base}^{{tree}}").strip():
        return f"{current}: nothing changes"
    # The first line of what is new is the subject already.
    text = message(result, version, news.partition("\n")[2].strip())
    commit = publish.commit_tree(result.tree, result.base, text)
    git("update-ref", f"refs/heads/{BRANCH}", commit)
    return f"{BRANCH}: {commit[:12]} (scripts/template-propose makes a pull request of it)"


def propose() -> str:
    """Push the branch and open its pull request, or renew both; return a line that says what became of it.

    Raises:
        PublishError: the server refuses it.
    """
    try:
        commit = git("rev-parse", "--verify", "--quiet", f"refs/heads/{BRANCH}").strip()
    except PublishError:
        return f"nothing to propose: there is no branch {BRANCH}, which `scripts/template-update --branch` makes"
    text = git("show", "--no-patch", "--format=%B", commit)
    title, _, body = text.partition("\n")
    body = re.sub(rf"^{VERSION}: .*\n", "", body, flags=re.MULTILINE).strip()
    declined = _declined(title)
    if declined:
        return f"{title}: declined before, at {declined}; reopen that to have it again"
    draft = "(conflicts in " in title
    try:
        opened = publish.push_proposal(BRANCH, publish.remote_tip(), commit, VERSION, draft=draft)
    except publish.OthersWorkError as error:
        return f"left alone: {error}"
    except PublishError as error:
        raise _explained(error, commit) from error
    return f"proposed {opened}" if opened else proposals.request(BRANCH, title, body, draft=draft, renew=True)


def _explained(error: PublishError, commit: str) -> PublishError:
    """Add what to allow where a token may not change workflows, which GitHub wants a right of its own for."""
    touched = git("diff", "--name-only", f"{commit}^", commit, "--", _WORKFLOWS).split()
    if not touched or "workflow" not in str(error):
        return error
    return PublishError(
        f"this update changes {', '.join(touched)}, which the token of a workflow may never do: give the secret "
        f"{_TOKEN} as the README says, or run `make template-update` and push {MAIN} yourself"
    )


def _declined(title: str) -> str:
    """Return the address of a pull request for the same version that a person has closed unmerged, or nothing."""
    if not shutil.which("gh"):
        return ""
    done = subprocess.run(
        ["gh", "pr", "list", "--head", BRANCH, "--state", "closed", "--json", "title,mergedAt,url"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    closed = json.loads(done.stdout or "[]") if done.returncode == 0 else []
    version = title.partition(" (")[0]
    return next(
        (str(one["url"]) for one in closed if not one["mergedAt"] and one["title"].partition(" (")[0] == version), ""
    )
