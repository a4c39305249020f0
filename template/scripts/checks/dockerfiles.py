"""Images are built from bases that do not change under their tag, and do not run as root."""

import re
from collections.abc import Iterator

from .documents import Problem, Repository

_FROM = re.compile(r"FROM(?:\s+--\S+)*\s+(?P<image>\S+)(?:\s+AS\s+(?P<name>\S+))?\s*(?:#.*)?", re.IGNORECASE)
_COPY = re.compile(r"COPY\s+.*--from=(?P<image>\S+).*", re.IGNORECASE)
_USER = re.compile(r"USER\s+[\"']?(?P<user>[^\s:\"']+).*", re.IGNORECASE)


def inspect(repository: Repository) -> Iterator[Problem]:
    """Look at every Dockerfile of src/."""
    for path in repository.files:
        if re.fullmatch(r"src/.*/Dockerfile", path):
            yield from _inspect_one(repository, path)


def _inspect_one(repository: Repository, path: str) -> Iterator[Problem]:
    stages: set[str] = set()
    user: tuple[str, int] = ("", 0)
    count = 0
    lines = repository.text(path).splitlines()
    for number, line in enumerate(lines, 1):
        if match := _FROM.fullmatch(line.strip()):
            yield from _inspect_image(path, number, match["image"], stages)
            stages.add((match["name"] or str(count)).lower())
            count, user = count + 1, ("", 0)
        elif match := _COPY.fullmatch(line.strip()):
            if "/" in match["image"] or ":" in match["image"]:
                yield from _inspect_image(path, number, match["image"], stages)
            elif match["image"].lower() not in stages and not match["image"].isdigit():
                yield Problem(
                    path, number, f"copies from the stage {match['image']}, which is not above: mend the name"
                )
        elif match := _USER.fullmatch(line.strip()):
            user = (match["user"], number)
        elif re.fullmatch(r"[<>=]{7}.*", line):
            return
    if not count:
        yield Problem(path, 0, "has no FROM: name the image that this one is built from")
    elif user[0] in ("root", "0"):
        yield Problem(path, user[1], "runs as root, which the cluster refuses: name another user, as USER 65532:65532")


def _inspect_image(path: str, line: int, image: str, stages: set[str]) -> Iterator[Problem]:
    own = image.lower() in stages or image == "scratch" or "$" in image
    if not own and "@sha256:" not in image:
        yield Problem(path, line, f"the base {image} may change under its tag: add @sha256:… behind it")
