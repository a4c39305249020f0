"""The pages of the site, put together in build/docs: README.md, docs/ and an example product, rendered at that moment.

Usage: python -m docs.tools.example
"""

import html
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from tests import support

PAGES = support.ROOT / "build" / "docs"

_LANGUAGES = {".json": "json", ".hcl": "hcl", ".tf": "hcl", ".tfvars": "hcl", ".py": "python"}
_LANGUAGES |= {".yaml": "yaml", ".yml": "yaml", ".toml": "toml", ".js": "javascript", ".html": "html", ".css": "css"}
# What browsers show as it is.
_SHOWN = (".md", ".svg")


def page_of(path: PurePosixPath) -> str:
    """Return where a file of the product has its page. Web servers hide names with a dot, and look for index.html."""
    shown = str(PurePosixPath("example", *(part.lstrip(".") for part in path.parts))).replace(
        "index.html", "index_html"
    )
    return shown if path.suffix in _SHOWN else f"{shown}.md"


def language(path: PurePosixPath, text: str) -> str:
    """Return how the site colours a file."""
    if text.startswith("#!"):
        return "python" if "python" in text.splitlines()[0] else "sh"
    return {"Dockerfile": "docker", "Makefile": "make"}.get(path.name, _LANGUAGES.get(path.suffix, "text"))


def _anchor(folder: PurePosixPath) -> str:
    return "-".join(part.lstrip(".") for part in folder.parts)


def _branch(paths: list[PurePosixPath], folder: PurePosixPath) -> Iterator[str]:
    """Give the list of a folder: its folders, which can be opened, then its files."""
    inside = [path for path in paths if path.is_relative_to(folder)]
    depth = len(folder.parts)
    yield "<ul>"
    for name in sorted({path.parts[depth] for path in inside if len(path.parts) > depth + 1}):
        below = folder / name
        # The first level is open, so that a page is an overview.
        yield f'<li><details id="{_anchor(below)}"{" open" * (depth == 0)}><summary>{html.escape(name)}/</summary>'
        yield from _branch(inside, below)
        yield "</details></li>"
    for path in inside:
        if len(path.parts) == depth + 1:
            page = page_of(path).removeprefix("example/")
            yield f'<li><a href="{page}">{html.escape(path.name)}</a></li>'
    yield "</ul>"


def tree(paths: list[PurePosixPath]) -> str:
    """Return the page that shows the product as folders which open, with a link for each file."""
    told = "What `copier copy --defaults` writes, file by file. [Its README](README.md) says what is where."
    return "\n".join(
        ["# Files of the example", "", told, "", '<div class="tree">', *_branch(paths, PurePosixPath()), "</div>", ""]
    )


def file_page(path: PurePosixPath, text: str) -> str:
    """Return the page of a file: the way back to the tree, then its text. Searches leave it out."""
    up = "../" * len(path.parts[:-1])
    way = [f"[Example]({up}files.md)"]
    way += [f"[{folder.name}]({up}files.md#{_anchor(folder)})" for folder in reversed(path.parents) if folder.name]
    head = f"---\ntitle: {path.name}\nsearch:\n  exclude: true\n---\n\n{' / '.join(way)}\n\n# {path.name}\n\n"
    return f"{head}~~~~{language(path, text)}\n{text}~~~~\n"


def linked(path: PurePosixPath, text: str, paths: list[PurePosixPath]) -> str:
    """Return a page of the product whose links to other files lead to the pages of these."""

    def lead(link: re.Match[str]) -> str:
        target = (support.ROOT / path.parent / link[1]).resolve().relative_to(support.ROOT)
        known = PurePosixPath(target)
        return f"]({link[1]}.md" if known in paths and known.suffix not in _SHOWN else link[0]

    return re.sub(r"\]\(([\w./-]+)(?=[)#])", lead, text)


def moved(text: str) -> str:
    """Return a page of ours whose links lead to where the site has the pages: all in one folder, beside the example."""
    return re.sub(r"\]\((?:docs/|\.\./)(?=\w)", "](", text)


def write_pages() -> None:
    """Write all pages anew."""
    shutil.rmtree(PAGES, ignore_errors=True)
    shutil.copytree(support.ROOT / "docs", PAGES, ignore=shutil.ignore_patterns("tools", "*.py", "__pycache__"))
    for name in ("README.md", "ARCHITECTURE.md", "CHANGELOG.md"):
        shutil.copy(support.ROOT / name, PAGES)
    for page in PAGES.glob("*.md"):
        page.write_text(moved(page.read_text(encoding="utf-8")), encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        product = support.render(support.export_template(Path(folder) / "template"), Path(folder) / "product", {})
        paths = [PurePosixPath(file.relative_to(product).as_posix()) for file in support.files(product)]
        for path in paths:
            text = (product / path).read_text(encoding="utf-8")
            page = PAGES / page_of(path)
            page.parent.mkdir(parents=True, exist_ok=True)
            if path.suffix not in _SHOWN:
                text = file_page(path, text)
            elif path.suffix == ".md":
                text = linked(path, text, paths)
            page.write_text(text, encoding="utf-8")
    (PAGES / "example" / "files.md").write_text(tree(paths), encoding="utf-8")


if __name__ == "__main__":
    write_pages()
