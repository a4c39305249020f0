"""The pages of the site, put together in build/docs: those of docs/ and an example product, rendered at that moment.

Usage: python -m docs.tools.example
"""

import shutil
import tempfile
from pathlib import Path, PurePosixPath

from tests import support

PAGES = support.ROOT / "build" / "docs"

_LANGUAGES = {".json": "json", ".hcl": "hcl", ".tf": "hcl", ".tfvars": "hcl", ".py": "python", ".md": "markdown"}
_LANGUAGES |= {".yaml": "yaml", ".yml": "yaml", ".toml": "toml", ".js": "javascript", ".html": "html", ".css": "css"}


def page_of(path: PurePosixPath) -> str:
    """Return where a file of the product has its page. Web servers tend to hide names that begin with a dot."""
    return str(PurePosixPath("example", *(part.lstrip(".") for part in path.parts))) + ".md"


def language(path: PurePosixPath, text: str) -> str:
    """Return how the site colours a file."""
    if text.startswith("#!"):
        return "python" if "python" in text.splitlines()[0] else "sh"
    return {"Dockerfile": "docker", "Makefile": "make"}.get(path.name, _LANGUAGES.get(path.suffix, "text"))


def tree(paths: list[PurePosixPath]) -> str:
    """Return the product as a nested list with a link for each file."""
    lines = ["# An example product", "", "What `copier copy --defaults` writes, file by file.", ""]
    shown: tuple[str, ...] = ()
    for path in paths:
        folders = path.parts[:-1]
        for depth, folder in enumerate(folders):
            if shown[: depth + 1] != folders[: depth + 1]:
                lines.append("    " * depth + f"- **{folder}/**")
        shown = folders
        lines.append("    " * len(folders) + f"- [{path.name}]({PurePosixPath(page_of(path)).relative_to('example')})")
    return "\n".join(lines) + "\n"


def write_pages() -> None:
    """Write all pages anew."""
    shutil.rmtree(PAGES, ignore_errors=True)
    shutil.copytree(support.ROOT / "docs", PAGES, ignore=shutil.ignore_patterns("tools", "*.py", "__pycache__"))
    paths = []
    with tempfile.TemporaryDirectory() as folder:
        product = support.render(support.export_template(Path(folder) / "template"), Path(folder) / "product", {})
        for file in support.files(product):
            path = PurePosixPath(file.relative_to(product).as_posix())
            text = file.read_text(encoding="utf-8")
            page = PAGES / page_of(path)
            page.parent.mkdir(parents=True, exist_ok=True)
            page.write_text(f"# {path.name}\n\n`{path}`\n\n~~~~{language(path, text)}\n{text}~~~~\n", encoding="utf-8")
            paths.append(path)
    (PAGES / "example" / "index.md").write_text(tree(paths), encoding="utf-8")


if __name__ == "__main__":
    write_pages()
