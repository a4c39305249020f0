"""A stand-in for GitHub's API: it lists the open pull requests of a repository, as Argo CD's generator asks for them.

https://docs.github.com/rest/pulls/pulls#list-pull-requests
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit


@dataclass
class PullRequest:
    """A pull request; `owner` is whose repository its branch is in."""

    number: int
    branch: str
    commit: str
    owner: str
    labels: list[str] = field(default_factory=list)

    def told(self, repository: str) -> dict[str, Any]:
        """What GitHub says of it, in its API and in the event that begins a workflow."""
        name = repository.partition("/")[2]
        return {
            "number": self.number,
            "title": "A change",
            "labels": [{"name": label} for label in self.labels],
            "head": {"ref": self.branch, "sha": self.commit, "repo": {"full_name": f"{self.owner}/{name}"}},
            "base": {"ref": "main"},
            "user": {"login": self.owner},
        }


class Forge:
    """Serves the pull requests of a repository, OWNER/NAME, that are open, at an address of this machine; a context manager."""

    def __init__(self, repository: str, address: str) -> None:
        self.repository = repository
        self.open: dict[int, PullRequest] = {}
        self.asked = 0
        """How often it was asked for them."""
        self._server = ThreadingHTTPServer((address, 0), self._handler())
        self.url = f"http://{address}:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, name="forge", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        forge = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                known = urlsplit(self.path).path == f"/api/v3/repos/{forge.repository}/pulls"
                forge.asked += known
                told = [one.told(forge.repository) for one in forge.open.values()]
                body = json.dumps(told if known else {"message": "Not Found"}).encode()
                self.send_response(200 if known else 404)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class' name)
                """No log."""

        return Handler
