"""The merge: it happens in a working tree of its own, so that this one never sees half of it."""

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gitops.git import git, succeeds
from gitops.process import CommandError
from gitops.repository import ROOT

from . import copier
from .template import ANSWERS, Template

# Says to the template's hook where to write how the merge ended; see `_ended`.
_REPORT = "TEMPLATE_UPDATE_REPORT"
# Before a line that the hook has for people, however the merge ended.
_NOTE = "Look twice: "
_FOLDER = "template-update-"
# Variables come before settings, also those that are empty.
_WHO = {f"GIT_{role}_{key}": "template-update" for role in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")}


@dataclass(frozen=True)
class Merge:
    """The result of an update, in Git objects: nothing of it is in the working tree.

    Attributes:
        base: the commit that was updated.
        tree: the result; files in conflict hold both sides between markers.
        stages: what the index says of files in conflict, an entry for each side, each ended by a NUL.
        removed: files that are gone although they were changed here.
        answers: the lines of the answers file that changed.
        problems: what the checks of the merged tree say; nothing where they pass.
        notes: what is sound and may yet surprise, as an address that leads elsewhere.
    """

    base: str
    tree: str
    stages: str
    removed: list[str]
    answers: list[str]
    problems: str
    notes: list[str]

    def conflicts(self) -> list[str]:
        """Return the files in conflict."""
        return sorted({entry.partition("\t")[2] for entry in self.stages.split("\0")[:-1]})

    def changed(self) -> list[str]:
        """Return the files that differ from before."""
        return _differences(self.base, self.tree)


def require_clean_tree() -> None:
    """Refuse to update beside work that is not committed, files that Git does not know included.

    Raises:
        CommandError: there is some.
    """
    changed = git("status", "--porcelain").split("\n")[:-1]
    if changed:
        more = f" (and {len(changed) - 1} more)" if len(changed) > 1 else ""
        raise CommandError(f"{changed[0][3:]}{more} is not committed: commit it, or `git stash --include-untracked`")


def merge(template: Template, version: str, arguments: list[str]) -> Merge:
    """Update the newest commit of this clone to a version of the template.

    Args:
        template: where the version is.
        version: a tag or commit of the template.
        arguments: further ones of `copier update`.

    Raises:
        CommandError: Copier or the template refused, or failed; nothing has changed.
    """
    base = git("rev-parse", "HEAD").strip()
    program = copier.command(template)
    with _working_tree(base, template.address) as folder:
        _pin(folder, template.here)
        report = folder.with_suffix(".report")
        status, output = copier.run(
            program,
            [
                "update", "--trust", "--defaults", "--conflict=inline",
                # More than any file has: every edit is merged three-way. With Copier's own three lines of context, an
                # edit may land in a similar block of the same file.
                "--context-lines=99999", f"--vcs-ref={template.commit(version)}", *arguments,
            ],
            folder,
            {**os.environ, _REPORT: str(report)},
        )  # fmt: skip
        ended = _ended(report, status)
        if ended == "failed" and "git-tracked templates" in output:
            where = f"{template.address}: write git+ before it in {ANSWERS} and scripts/updates/origin.yaml"
            raise CommandError(f"Copier takes the template for no Git repository, {where}")
        if ended == "failed":
            reason = copier.message(output).replace(f"{folder}/", "")
            raise CommandError(f"{reason}. Nothing has changed here")
        stages = _in(folder, "ls-files", "-z", "--unmerged")
        _in(folder, "add", "--all", "--force")
        _keep(folder, base, [])
        tree = _in(folder, "write-tree").strip()
        gone, no_text = _differences(base, tree, "--diff-filter=D"), _no_text(base, tree)
        edited = _edited([*gone, *no_text], base, template, program) if gone or no_text else []
        if kept := [path for path in edited if path in no_text]:
            _keep(folder, base, kept)
            tree = _in(folder, "write-tree").strip()
        return Merge(
            base,
            tree,
            stages,
            removed=[path for path in edited if path in gone],
            answers=_answers(base, tree),
            problems=_problems(output) if ended == "invalid" else "",
            notes=[
                *re.findall(rf"^{_NOTE}(.*)$", output, re.MULTILINE),
                *[f"{path}, changed here, is no text: it stays, without what is new in the template" for path in kept],
            ],
        )


def _keep(folder: Path, base: str, paths: list[str]) -> None:
    """Leave files as they were, and submodules: Copier takes the empty folder of one for files that were deleted."""
    entries = [entry.partition("\t") for entry in git("ls-tree", "-r", "-z", base).split("\0")[:-1]]
    kept = "".join(f"{what}\t{path}\0" for what, _, path in entries if what.startswith("160000 ") or path in paths)
    _in(folder, "update-index", "--replace", "-z", "--index-info", stdin=kept)


def _no_text(base: str, tree: str) -> list[str]:
    """Return the changed files that git merges as no text, whatever attributes say: Copier drops edits of those."""
    lines = git("diff-tree", "-r", "-z", "--numstat", "--no-renames", "--diff-filter=MT", base, tree).split("\0")
    paths = [line.removeprefix("-\t-\t") for line in lines if line.startswith("-\t-\t")]
    return [path for path in paths if any("\0" in git("show", f"{side}:{path}")[:8000] for side in (base, tree))]


def take_over(result: Merge) -> None:
    """Bring the result into the working tree and the index, files in conflict as such.

    Raises:
        CommandError: something changed here meanwhile; nothing was brought.
    """
    if git("rev-parse", "HEAD").strip() != result.base:
        raise CommandError("there is a new commit here since the update began: run it again")
    require_clean_tree()
    if way := _in_the_way(result):
        raise CommandError(f"{way} is ignored by git and in the way of a new file: move it away, then update again")
    # In a session of its own: killed half-way, git would leave the index locked.
    done = subprocess.run(
        ["git", "read-tree", "-m", "-u", result.base, result.tree],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
    )
    if done.returncode:
        raise CommandError(f"{' '.join(done.stderr.split())}: move it away, then update again")
    if result.stages:
        forget = "".join(f"0 {'0' * 40}\t{path}\0" for path in result.conflicts())
        git("update-index", "-z", "--index-info", stdin=forget + result.stages)


def _in_the_way(result: Merge) -> str:
    """Return a path here that git would write over without a word, as it does where it ignores what is there."""
    gone = _differences(result.base, result.tree, "--diff-filter=D")
    for path in _differences(result.base, result.tree, "--diff-filter=A"):
        for place in (Path(path), *Path(path).parents):
            there = ROOT / place
            if os.path.lexists(there) and str(place) not in gone and (place == Path(path) or not there.is_dir()):
                return str(place)
    return ""


def _differences(one: str, other: str, *options: str) -> list[str]:
    """Return the paths in which two trees differ."""
    return git("diff-tree", "-r", "-z", "--name-only", "--no-renames", *options, one, other).split("\0")[:-1]


def _ended(report: Path, status: int) -> str:
    """Tell how an update ended: `merged`, `conflicts`, `invalid`, or `failed` before there was a merged tree.

    The template's hook writes it, which runs when everything is merged and at no other time.
    """
    with contextlib.suppress(FileNotFoundError):
        return report.read_text(encoding="utf-8").strip()
    return "failed" if status else "merged"


def _problems(output: str) -> str:
    """Return what the checks have said, without Copier's own lines."""
    lines = output.partition("post_generation.py']")[2].splitlines()
    return "\n".join(line for line in lines if not line.startswith(("Task ", "The update is merged", _NOTE))).strip()


@contextlib.contextmanager
def _working_tree(commit: str, address: str) -> Iterator[Path]:
    """Check a commit out into a folder of its own for a while."""
    _sweep()
    # A template that is named by a relative path is found from a folder beside this one only.
    beside = ROOT.parent if address.startswith(".") else None
    scratch = Path(tempfile.mkdtemp(prefix=f"{_FOLDER}{os.getpid()}-", dir=beside))
    folder = scratch if beside else scratch / "tree"
    try:
        git("worktree", "add", "--quiet", "--detach", str(folder), commit, **copier.unset(os.environ))
        yield folder
    finally:
        _remove(str(folder))
        shutil.rmtree(scratch, ignore_errors=True)
        folder.with_suffix(".report").unlink(missing_ok=True)
        git("worktree", "prune")


def _pin(folder: Path, commit: str) -> None:
    """Let a working tree's answers name the template's commit itself: its tag may be gone, or move meanwhile."""
    path = folder / ANSWERS
    # By every line break that YAML knows.
    lines = path.read_text(encoding="utf-8").splitlines()
    lines = [f'_commit: "{commit}"' if line.startswith("_commit:") else line for line in lines]
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    _in(folder, "commit", "--all", "--quiet", "--allow-empty", "--no-gpg-sign", "--message=Pin")


def _sweep() -> None:
    """Remove what runs that were killed have left."""
    for path in re.findall(r"^worktree (.*)$", git("worktree", "list", "--porcelain"), re.MULTILINE):
        found = re.search(rf"/{_FOLDER}(\d+)-[^/]*(/tree)?$", path)
        if found and not _alive(int(found[1])):
            _remove(path)
            shutil.rmtree(Path(path).parent if found[2] else path, ignore_errors=True)
    git("worktree", "prune")


def _remove(tree: str) -> None:
    """Remove a working tree, also one that git was killed over: that is locked, and `prune` leaves it alone."""
    succeeds("worktree", "remove", "--force", "--force", tree)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _in(folder: Path, *arguments: str, stdin: str = "") -> str:
    """Run git in the other working tree."""
    at = (f"--git-dir={_git_folder(folder)}", f"--work-tree={folder}")
    return git(*at, *arguments, stdin=stdin, **_WHO, **copier.unset(os.environ))


def _git_folder(folder: Path) -> str:
    return (folder / ".git").read_text(encoding="utf-8").removeprefix("gitdir:").strip()


def _answers(base: str, tree: str) -> list[str]:
    lines = git("diff-tree", "--unified=0", base, tree, "--", ANSWERS).split("\n")
    return [line for line in lines if re.match(r"[-+](?!_commit|--|\+\+)", line)]


def edits(template: Template) -> str:
    """Return what people have changed in files of the template up to the newest commit, as a patch of these files.

    Files of their own and image tags are no part of it.

    Raises:
        CommandError: Copier failed.
    """
    base = git("rev-parse", "HEAD").strip()
    with _working_tree(base, template.address) as folder:
        status, output = _make(template, base, copier.command(template), folder)
        if status:
            raise CommandError(copier.message(output))
        _in(folder, "add", "--all")
        # Not `git diff`: what people set for that, such as colours, would make a patch that nothing can apply.
        return _in(folder, "diff-index", "--cached", "--binary", "-R", base, "--", ".", f":!{ANSWERS}")


def _make(template: Template, base: str, program: list[str], folder: Path) -> tuple[int, str]:
    """Make in a folder what the template made of this repository's answers; return Copier's status and words."""
    with tempfile.TemporaryDirectory() as scratch:
        answers = Path(scratch, "answers.yml")
        stored = git("show", f"{base}:{ANSWERS}")
        answers.write_text(re.sub(r"^_.*\n", "", stored, flags=re.MULTILINE), encoding="utf-8")
        return copier.run(
            program,
            [
                "copy", "--skip-tasks", "--defaults", "--quiet", "--overwrite", f"--vcs-ref={template.here}",
                f"--data-file={answers}", template.address, str(folder),
            ],
            ROOT,
            dict(os.environ),
        )  # fmt: skip


def _edited(gone: list[str], base: str, template: Template, program: list[str]) -> list[str]:
    """Return which of the files that the update removes were changed here since the template made them."""
    with tempfile.TemporaryDirectory() as scratch:
        if _make(template, base, program, made := Path(scratch, "made"))[0]:
            return gone  # Not known: better one too many.
        return [path for path in gone if not _same(base, path, made / path)]


def _same(commit: str, path: str, file: Path) -> bool:
    """Tell whether a file is what a commit has under a path."""
    try:
        return file.exists() and git("rev-parse", f"{commit}:{path}") == git("hash-object", f"--path={path}", str(file))
    except CommandError:
        return False
