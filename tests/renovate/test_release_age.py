"""Renovate proposes images of registries that tell no dates: asked about a registry on this machine that tells none."""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests import support
from tests.renovate import program

OLD, NEW = (f"sha256:{hashlib.sha256(tag.encode()).hexdigest()}" for tag in ("1.0.0", "1.1.0"))
DIGESTS = {"1.0.0": OLD, "1.1.0": NEW, "stable": NEW}


class Registry(BaseHTTPRequestHandler):
    """Tags and digests, as the registries' own protocol has them: without dates."""

    def do_GET(self) -> None:
        tag = self.path.rpartition("/manifests/")[2]
        body = {"name": "tool", "tags": [*DIGESTS]} if self.path.partition("?")[0].endswith("/tags/list") else {}
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        if tag in DIGESTS:
            self.send_header("Docker-Content-Digest", DIGESTS[tag])
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(json.dumps(body).encode())

    do_HEAD = do_GET  # noqa: N815 - the server looks for this name

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def registry() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Registry) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


def updates(node_modules: Path, folder: Path, config: str, registry: str) -> list[dict[str, Any]]:
    """Return what Renovate would propose for two images, by tag and by tag that moves."""
    (folder / "src").mkdir()
    (folder / "renovate.json5").write_text(config, encoding="utf-8")
    (folder / "src" / "Dockerfile").write_text(
        f"FROM {registry}/tool:1.0.0@{OLD} AS build\nFROM {registry}/tool:stable@{OLD}\n", encoding="utf-8"
    )
    rules = json.dumps([{"matchHost": registry, "insecureRegistry": True}])
    found = []
    for record in program.records(node_modules, folder, "lookup", RENOVATE_HOST_RULES=rules):
        for file in (record.get("config") or {}).get("dockerfile", []) if "with updates" in record["msg"] else []:
            found += [update for dep in file["deps"] for update in dep["updates"]]
    return found


def proposed(found: list[dict[str, Any]]) -> list[str]:
    return [update["updateType"] for update in found if not update.get("pendingChecks")]


def configurations(rendered: Callable[[str], Path]) -> list[str]:
    folders = (support.ROOT, rendered("defaults"))
    return [(folder / "renovate.json5").read_text(encoding="utf-8") for folder in folders]


@pytest.mark.parametrize("number", [0, 1], ids=["template", "product"])
def test_images_without_dates_are_proposed(
    number: int, node_modules: Path, rendered: Callable[[str], Path], registry: str, tmp_path: Path
) -> None:
    config = configurations(rendered)[number]
    assert proposed(updates(node_modules, tmp_path, config, registry)) == ["minor", "digest"]


def test_they_would_stay_pending_by_default(
    node_modules: Path, rendered: Callable[[str], Path], registry: str, tmp_path: Path
) -> None:
    config = configurations(rendered)[1].replace('"timestamp-optional"', '"timestamp-required"')
    found = updates(node_modules, tmp_path, config, registry)
    assert len(found) == 2
    assert proposed(found) == []
