"""The product that the pages are made from, rendered by Copier itself from this checkout."""

import contextlib
import io
import warnings
from pathlib import Path
from typing import Any

import copier
import yaml
from copier.errors import DirtyLocalWarning

ROOT = Path(__file__).resolve().parents[2]


def render(destination: Path, data: dict[str, Any] | None = None) -> Path:
    """Render a product with default answers but those given, without its hook."""
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore", DirtyLocalWarning)
        copier.run_copy(
            str(ROOT), destination, data=data, defaults=True, unsafe=True, quiet=True, skip_tasks=True, vcs_ref="HEAD"
        )
    return destination


def answers(product: Path) -> dict[str, Any]:
    """Return what a product remembers of its answers."""
    loaded: dict[str, Any] = yaml.safe_load((product / ".copier-answers.yml").read_text(encoding="utf-8"))
    return loaded


def files(product: Path) -> list[Path]:
    """Return every file of a product, sorted."""
    return sorted(path for path in product.rglob("*") if path.is_file())
