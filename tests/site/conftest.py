"""Fixtures: the site that `make docs` has built, and what Chromium sees of it."""

import functools
import json
import queue
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests import support

SITE = support.ROOT / "build" / "site"
PHONE = 375
# Words that people search for, and the page that they look for.
SEARCHES = {
    "add a secret": "/example/docs/services/#add-a-secret",
    "troubleshooting": "/example/docs/troubleshooting/",
    "cost": "/cost/",
    "private cluster": "/faq/#can-the-cluster-be-private",
    "rollback": "/faq/#how-does-a-rollback-work",
}


class _Handler(SimpleHTTPRequestHandler):
    """The site, the page that looks at it, and what it asks and reports."""

    def __init__(self, *arguments: Any, asked: dict[str, Any], seen: "queue.Queue[dict[str, Any]]") -> None:
        self._asked, self._seen = asked, seen
        super().__init__(*arguments, directory=str(SITE))

    def do_GET(self) -> None:
        given = {
            "/look.html": Path(__file__).with_name("look.html").read_bytes(),
            "/asked": json.dumps(self._asked).encode(),
        }
        if self.path not in given:
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(given[self.path])

    def do_POST(self) -> None:
        self._seen.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="session")
def site() -> Path:
    """The folder of the site."""
    if not (SITE / "index.html").exists():
        pytest.fail("there is no site: run `make docs`", pytrace=False)
    return SITE


def _pages(site: Path) -> Iterator[str]:
    """Give the addresses of all pages; of those that are made alike, that of the longest."""
    longest: dict[tuple[str, ...], Path] = {}
    for page in site.rglob("index.html"):
        where = page.parent.relative_to(site)
        alike: tuple[str, ...] = where.parts
        if alike[:1] in (("example",), ("decisions",)) and alike[:2] != ("example", "docs") and len(alike) > 1:
            alike = (alike[0], where.suffix)
        if alike not in longest or page.stat().st_size > longest[alike].stat().st_size:
            longest[alike] = page
    for page in longest.values():
        yield f"/{page.relative_to(site).as_posix().removesuffix('index.html')}"


@pytest.fixture(scope="session")
def seen(site: Path) -> Iterator[dict[str, Any]]:
    """What Chromium sees."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium:
        pytest.fail("chromium is missing: apt-get install chromium", pytrace=False)
    asked = {
        "width": PHONE,
        "pages": sorted(_pages(site)),
        "diagrams": ["/architecture.svg", "/example/docs/loop.svg"],
        "searches": list(SEARCHES),
    }
    reports: queue.Queue[dict[str, Any]] = queue.Queue()
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Handler, asked=asked, seen=reports))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as profile:
        options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"]
        # No page may need anything but this machine.
        options += ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
        address = f"http://127.0.0.1:{server.server_port}/look.html"
        browser = subprocess.Popen([chromium, *options, address], stderr=subprocess.DEVNULL)
        try:
            yield reports.get(timeout=600)
        finally:
            browser.kill()
            browser.wait()
            server.shutdown()
