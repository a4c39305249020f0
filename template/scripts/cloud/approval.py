"""The word that a person gives before something is changed or removed."""

import sys

from gitops.repository import fail


def confirm(word: str, given: str | None, otherwise: str) -> None:
    """Go on only when a word was given beforehand, or is typed now."""
    if given is None:
        print(f"Type {word} to go on: ", end="", flush=True)
        given = sys.stdin.readline().strip()
    if given != word:
        fail(f"{f'{given!r} is not {word}' if given else 'no answer was given'}, {otherwise}")
