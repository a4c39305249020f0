"""What people have looked at and leave as it is: findings that a comment or an entry silences, each with its reason."""

import fnmatch
import re
from collections.abc import Iterable

from .documents import Map, Problem, Repository

FILE = ".gitops-ignore.yaml"
# At the end of the line that a finding names, or alone on the line above.
_COMMENT = re.compile(r"(?P<before>.*?)(?:[#]|//|<!--) *gitops:ignore\b[ :]*(?P<reason>.*?)(?: *-->)?\s*$")


class Ignored:
    """The comments and entries of a repository, and which of them have silenced a finding."""

    def __init__(self, repository: Repository) -> None:
        """Read them; one without a reason is a finding itself."""
        self.problems: list[Problem] = []
        self.silenced: set[Problem] = set()
        self._unused: dict[tuple[str, int], str] = {}
        self._comments: dict[tuple[str, int], tuple[str, int]] = {}
        self._entries: list[Map] = []
        for path in repository.files:
            # What is written about comments is none: in documents, and in the checks.
            if not path.endswith(".md") and not re.match(r"scripts/(checks/|validate$)", path):
                self._read_comments(path, repository.text(path))
        for listed in [
            *repository.lists.get(FILE, []),
            *([repository.documents[FILE]] if repository.documents.get(FILE) else []),
        ]:
            for entry in listed:
                self._read_entry(entry if isinstance(entry, Map) else Map.of((FILE, 1), {}))

    def _read_comments(self, path: str, text: str) -> None:
        for number, line in enumerate(text.splitlines(), 1) if "gitops:ignore" in text else ():
            if match := _COMMENT.match(line):
                place = (path, number)
                if not match["reason"]:
                    self.problems.append(Problem(*place, "gitops:ignore gives no reason: write it behind"))
                    continue
                self._unused[place] = "gitops:ignore"
                self._comments[place] = place
                if not match["before"].strip():
                    self._comments[path, number + 1] = place

    def _read_entry(self, entry: Map) -> None:
        missing = [key for key in ("path", "reason") if not entry.text(key).strip()]
        if missing or set(entry) - {"path", "reason", "finding"}:
            what = f"an entry has no {missing[0]}" if missing else "an entry has more than path, reason and finding"
            self.problems.append(Problem(*entry.place, f"{what}: write path and reason, and finding with words of it"))
            return
        self._entries.append(entry)
        self._unused[entry.place] = entry.text("path")

    def keep(self, problems: Iterable[Problem]) -> list[Problem]:
        """Return the findings that nothing silences."""
        kept = []
        for problem in problems:
            used = self._comments.get((problem.path, problem.line)) or self._comments.get((problem.path, 0))
            for entry in self._entries:
                said = "\n".join([problem.what, *problem.details])
                if fnmatch.fnmatchcase(problem.path, entry.text("path")) and entry.text("finding") in said:
                    used = entry.place
                    self._unused.pop(used, None)
            if used:
                self.silenced.add(problem)
                self._unused.pop(used, None)
            else:
                kept.append(problem)
        return kept

    def unused(self) -> list[str]:
        """Return a line for each comment and entry that has silenced nothing."""
        return [
            f"{path}:{line}: {what} silences no finding: remove it"
            for (path, line), what in sorted(self._unused.items())
        ]
