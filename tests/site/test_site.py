"""The site in a real browser and by its files: nothing is broken, it fits a phone, and searches lead somewhere."""

import tomllib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import pytest

from tests import support

from .conftest import SEARCHES


class Page(HTMLParser):
    """Where a page leads to, and the places in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.places: set[str] = set()
        self.fetched: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.places |= {given[name] for name in ("id", "name") if name in given}
        if tag in ("a", "link") and "href" in given and given.get("rel") != "canonical":
            self.links.add(given["href"])
        if "src" in given:
            self.links.add(given["src"])
            self.fetched.add(given["src"])


def test_no_link_is_broken_and_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    pages = {
        "/" + path.relative_to(site).as_posix().removesuffix("index.html"): Page(path.read_text(encoding="utf-8"))
        for path in site.rglob("index.html")
    }
    assert len(pages) > 200
    broken = []
    for address, page in pages.items():
        broken += [f"{address}: fetches {link}" for link in page.fetched if urlsplit(link).netloc]
        for link in page.links:
            parts = urlsplit(urljoin(address, link))
            if parts.scheme or parts.netloc:
                continue
            path, place = unquote(parts.path), unquote(parts.fragment)
            known = pages.get(path)
            if not ((site / path.lstrip("/")).is_file() if known is None else not place or place in known.places):
                broken.append(f"{address}: {link}")
    assert broken == []


def test_every_page_that_people_write_is_in_the_navigation() -> None:
    config = tomllib.loads((support.ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]
    pages = support.ROOT / config["docs_dir"]
    written = [path.relative_to(pages).as_posix() for path in [*pages.glob("*.md"), *pages.glob("example/docs/*.md")]]
    assert [path for path in written if f"'{path}'" not in str(config["nav"])] == []


def test_the_browser_looks_at_everything(seen: dict[str, Any]) -> None:
    assert "error" not in seen, seen["error"]
    assert len(seen["pages"]) > 30


def test_every_page_fits_a_phone_and_draws_its_pictures(seen: dict[str, Any]) -> None:
    assert {page: wrong for page, wrong in seen["pages"].items() if wrong} == {}


def test_every_text_of_a_diagram_fits_its_box(seen: dict[str, Any]) -> None:
    assert len(seen["diagrams"]) == 2
    assert {diagram: wrong for diagram, wrong in seen["diagrams"].items() if wrong} == {}


def test_there_is_a_light_and_a_dark_mode(seen: dict[str, Any]) -> None:
    assert {scheme for scheme, _ in seen["schemes"]} == {"default", "slate"}
    assert len({colour for _, colour in seen["schemes"]}) == 2


@pytest.mark.parametrize("words", SEARCHES)
def test_a_search_leads_where_a_person_expects(seen: dict[str, Any], words: str) -> None:
    assert SEARCHES[words] in seen["searches"][words][:3]
