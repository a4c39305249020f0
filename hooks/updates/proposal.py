"""The update as a commit on a branch, which scripts/template-propose of the product makes a pull request of."""

from gitops.git import commit_tree, git, succeeds
from gitops.process import CommandError
from gitops.publish import has_work_of_others

from .merge import Merge

# scripts/template-propose of every version knows these two, and the subject of the commit.
BRANCH = "template-update"
VERSION = "Template-Version"


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


def prepare(result: Merge, current: str, version: str, news: str, bundle: str | None) -> str:
    """Put the result on the branch of this clone and, where one is wanted, into a bundle; say so."""
    if result.tree == git("rev-parse", f"{result.base}^{{tree}}").strip():
        return f"{current}: nothing changes"
    here = f"refs/heads/{BRANCH}"
    if succeeds("rev-parse", "--verify", here) and has_work_of_others(result.base, here, VERSION):
        raise CommandError(f"the branch {BRANCH} holds commits of somebody else: merge or delete it, then try again")
    # The first line of what is new is the subject already.
    text = message(result, version, news.partition("\n")[2].strip())
    commit = commit_tree(result.tree, result.base, text)
    # Unlike update-ref, it refuses the branch that is checked out.
    git("branch", "--force", "--no-track", BRANCH, commit)
    if bundle:
        git("bundle", "create", "--quiet", bundle, f"{result.base}..{here}")
    return f"{BRANCH}: {commit[:12]} (scripts/template-propose makes a pull request of it)"
