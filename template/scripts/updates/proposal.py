"""The update as a proposal: a commit on a branch, then a pull request."""

import re
from pathlib import Path

from gitops import proposals, publish
from gitops.publish import PublishError, git
from gitops.repository import BRANCH as MAIN
from gitops.repository import plain

from .merge import Merge

BRANCH = "template-update"
VERSION = "Template-Version"
_TITLE = re.compile(r"Update the template to ([\w.:+-]+)(?: \(conflicts in \d+ files?\))?")
_WORKFLOWS = ".github/workflows/"
# One commit on another, and what `git bundle` writes of that: see gitformat-bundle.
_HEADER = re.compile(rb"# v2 git bundle\n-[0-9a-f]{40}[^\n]*\n([0-9a-f]{40}) refs/heads/template-update\n\n")
_LARGEST = 20_000_000
# Words of a commit that keep GitHub and GitLab from checking it.
# https://docs.github.com/actions/how-tos/manage-workflow-runs/skip-workflow-runs
_UNCHECKED = re.compile(r"(?<=\[)(?=(?:skip|ci|no|actions)[ -])|^(?=skip-checks:)", re.IGNORECASE)
_TOKEN = "PROPOSALS_KEY"  # noqa: S105, the name of one


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
    if result.notes:
        lines += ["", "**Look twice:**", "", *[f"- {line}" for line in result.notes]]
    if result.removed:
        lines += ["", "**Removed, though changed here:**", "", *[f"- `{path}`" for path in result.removed]]
    if result.answers:
        lines += ["", "Answers:", "", "```diff", *result.answers, "```"]
    if result.problems:
        lines += ["", "**Merged but not valid:**", "", "```text", result.problems, "```"]
    return "\n".join([*lines, "", f"{VERSION}: {version}", ""])


def prepare(result: Merge, current: str, version: str, news: str, bundle: Path | None) -> str:
    """Put the result on the branch of this clone and, where one is wanted, into a bundle; say so."""
    if result.tree == git("rev-parse", f"{result.base}^{{tree}}").strip():
        return f"{current}: nothing changes"
    # The first line of what is new is the subject already.
    text = message(result, version, news.partition("\n")[2].strip())
    commit = publish.commit_tree(result.tree, result.base, text)
    git("update-ref", f"refs/heads/{BRANCH}", commit)
    if bundle:
        git("bundle", "create", "--quiet", str(bundle), f"{result.base}..refs/heads/{BRANCH}")
    return f"{BRANCH}: {commit[:12]} (scripts/template-propose makes a pull request of it)"


def propose(bundle: Path | None) -> str:
    """Push the update and open its pull request, or renew both; return a line that says what became of it.

    Of a bundle, which the template's code may have written, one tree and words are taken and nothing is run or trusted.

    Raises:
        PublishError: the server refuses it, or it is no update of the main branch.
    """
    tip = publish.remote_tip()
    publish.need_history()
    try:
        made = _unpack(bundle) if bundle else git("rev-parse", "--verify", "--quiet", f"refs/heads/{BRANCH}").strip()
    except PublishError:
        if bundle:
            raise
        return f"nothing to propose: there is no branch {BRANCH}, which `scripts/template-update --branch` makes"
    parents, tree, text = git("show", "--no-patch", "--format=%P%x00%T%x00%B", made).split("\0")
    title, *lines = (plain(line) for line in text.rstrip().split("\n"))
    version = _TITLE.fullmatch(title)
    if not version or not (parents == tip or publish.is_ancestor(parents, tip)):
        raise PublishError(
            f"{made[:12]} is no update of a commit of {MAIN}: run `scripts/template-update --branch` again"
        )
    # A line that begins with a slash is a command to GitLab, such as /merge.
    lines = [rf"\{line}" if line.lstrip().startswith("/") else line for line in lines if f"{VERSION}: " not in line]
    body = "\n".join(_UNCHECKED.sub(r"\\", line) for line in lines).strip()
    commit = publish.commit_tree(tree, parents, f"{title}\n\n{body}\n\n{VERSION}: {version[1]}\n")
    git("update-ref", f"refs/heads/{BRANCH}", commit)
    declined = _declined(title)
    if declined:
        return f"{title}: declined before, at {declined}; reopen that to have it again"

    def make(earlier: str) -> proposals.Proposal:
        if earlier and proposals.has_work_of_others(tip, earlier, VERSION):
            raise proposals.OthersWorkError(
                f"branch {BRANCH} holds commits of somebody else: merge or delete it, then try again"
            )
        return proposals.Proposal(commit, title, body, draft="(conflicts in " in title)

    try:
        return proposals.propose(BRANCH, make)
    except proposals.OthersWorkError as error:
        return f"left alone: {error}"
    except PublishError as error:
        raise _explained(error, commit) from error


def _unpack(bundle: Path) -> str:
    """Take the objects of a bundle, and return its commit."""
    with bundle.open("rb") as file:
        content = file.read(_LARGEST + 1)
    header = _HEADER.match(content)
    if not header or len(content) > _LARGEST:
        raise PublishError(f"{bundle} is no bundle of {BRANCH} alone: make it by `scripts/template-update --bundle`")
    git("index-pack", "--strict", "--fix-thin", "--stdin", stdin=content[header.end() :])
    return header[1].decode()


def _explained(error: PublishError, commit: str) -> PublishError:
    """Add what to allow where a token may not change workflows, which GitHub wants a right of its own for."""
    touched = git("diff", "-z", "--name-only", f"{commit}^", commit, "--", _WORKFLOWS).split("\0")[:-1]
    if not touched or "workflow" not in str(error):
        return error
    return PublishError(
        f"this update changes {', '.join(touched)}, which the token of a workflow may never do: give the secret "
        f"{_TOKEN} as the README says, or run `make template-update` and push {MAIN} yourself"
    )


def _declined(title: str) -> str:
    """Return the address of a pull request for the same version that a person has closed unmerged, or nothing."""
    version = title.partition(" (")[0]
    closed = [one for one in proposals.pull_requests(BRANCH, "title,state,url") if one["state"] == "CLOSED"]
    return next((str(one["url"]) for one in closed if one["title"].partition(" (")[0] == version), "")
