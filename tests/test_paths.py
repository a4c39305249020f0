"""Paths are an API: Copier deletes what a newer version does not have, and what people have written there with it."""

from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests import paths, support

RELEASED = paths.read(paths.FILE.read_text(encoding="utf-8"))


def test_no_path_of_the_last_release_is_renamed_or_gone(product: Path, request: pytest.FixtureRequest) -> None:
    gone = RELEASED.get(request.node.callspec.params["product"], set()) - set(support.relative(product))
    unexplained = [path for path in sorted(gone) if not any(fnmatch(path, pattern) for pattern in paths.REMOVED)]
    assert unexplained == [], "name each in tests/paths.py, with what becomes of it in products that have edited it"


def test_every_removal_that_is_explained_is_one() -> None:
    for pattern, reason in paths.REMOVED.items():
        assert any(fnmatch(path, pattern) for known in RELEASED.values() for path in known), pattern
        assert reason


def test_the_list_of_paths_is_read_as_it_is_written() -> None:
    known = {"one": {"a", "b c"}, "two": {"b c"}}
    assert paths.read(paths.render("v1", known)) == known
