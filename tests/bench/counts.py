"""How much there is to read: files and lines of the default product, and of the template behind it."""

import re
from pathlib import Path

from tests import support

_JINJA = re.compile(r"#%|#\{|#\|")
_CONDITION = re.compile(r"#% if\b")


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        return []


def counts(product: Path) -> tuple[dict[str, str], dict[str, float]]:
    """Return each count, and by its name each that there is an aim for."""
    files = list(support.files(product))
    scripts = [path for path in files if path.is_relative_to(product / "scripts")]
    code = [path for path in scripts if path.suffix == ".py" or "python" in "".join(_lines(path)[:1])]
    checks = [path for path in scripts if path.is_relative_to(product / "scripts" / "checks")]
    sources = list(support.files(support.ROOT / "template"))
    # Folders of includes/ hold texts of the product, which its files take in.
    parts = [
        path for folder in (support.ROOT / "includes").iterdir() if folder.is_dir() for path in support.files(folder)
    ]
    rendered = [
        line for path in [*sources, *parts] if path.suffix == ".jinja" or path in parts for line in _lines(path)
    ]
    jinja = [line for line in rendered if _JINJA.search(line)]
    conditions = [line for line in rendered if _CONDITION.search(line)]
    tests = [path for path in support.files(support.ROOT / "tests") if path.suffix == ".py"]

    def total(paths: list[Path]) -> str:
        return f"{sum(len(_lines(path)) for path in paths):,}"

    measured = {
        "files": len(files),
        "scripts": sum(len(_lines(path)) for path in code),
        "jinja": 100 * len(jinja) / len(rendered),
        "conditionals": len(conditions),
    }
    return {
        "files of the default product": str(len(files)),
        "lines of the default product": total(files),
        "lines of Python in its `scripts/`": total(code),
        "lines of its `scripts/checks/`": total(checks),
        "files of the template": str(len(sources)),
        "lines of the template": total(sources),
        "lines with Jinja in what it renders": f"{len(jinja):,} of {len(rendered):,}",
        "conditionals in it": str(len(conditions)),
        "lines of Python in `tests/`": total(tests),
    }, measured
