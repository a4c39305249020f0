"""The steps of docs/tutorial.md that are done in the product: what is typed, and what is edited."""

import re
from pathlib import Path

from tests import support

PAGE = (support.ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
# (sh or diff, text)
STEPS: list[tuple[str, str]] = re.findall(r"```(sh|diff)\n(.*?)```", PAGE, re.DOTALL)


def edit(product: Path, diff: str) -> None:
    """Make an edit of the page in a product."""
    (product.parent / "edit.diff").write_text(diff, encoding="utf-8")
    support.git("apply", "--recount", "../edit.diff", cwd=product)
