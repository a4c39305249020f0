"""A git server over http on this machine: `git http-backend` behind a small server. Anyone may push."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

from tests import support

PushListener = Callable[[str, str, str, str, list[str]], object]
"""Called after a push with the repository's URL, the branch, its commit before and after, and the changed paths."""

Trouble = Callable[[str], int | None]
"""Called with the path of each request; a status ends it with that error, None lets it through."""

ZERO: Final = "0" * 40


class GitServer:
    """Serves bare repositories from a temporary directory, as a context manager.

    Attributes:
        url: the address; a repository made with `create(name)` is at `{url}/{name}.git`.
        on_push: called in a thread after each push that changed a branch, as a host's webhook would be;
            `ArgoCD.push_event` fits. None: nothing is sent.
        trouble: see `Trouble`. None: no request fails.
    """

    def __init__(self, folder: Path | None = None, address: str = "127.0.0.1") -> None:
        """Serve at an address of this machine, from a new directory in `folder` or in the system's temporary one."""
        self.on_push: PushListener | None = None
        self.trouble: Trouble | None = None
        self.root = Path(tempfile.mkdtemp(prefix="git-", dir=folder))
        self._server = _Server(self, address)
        self.url = f"http://{address}:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, name="git server", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        shutil.rmtree(self.root, ignore_errors=True)

    def create(self, name: str, branch: str = "main") -> str:
        """Make an empty repository; its URL. `name` may have slashes (`owner/name`)."""
        path = self.root / f"{name}.git"
        support.git("init", "--quiet", "--bare", f"--initial-branch={branch}", str(path), cwd=self.root)
        support.git("config", "http.receivepack", "true", cwd=path)
        return f"{self.url}/{name}.git"

    def branches(self, path: Path) -> dict[str, str]:
        """Branch → commit of a bare repository."""
        listed = support.git("for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads", cwd=path)
        return dict(line.split(" ", 1) for line in listed.splitlines())

    def pushed(self, path: Path, before: dict[str, str], after: dict[str, str]) -> None:
        """Tell the listener about each branch that a push changed."""
        if self.on_push is None:
            return
        url = f"{self.url}/{path.relative_to(self.root)}"
        for branch, commit in after.items():
            old = before.get(branch, ZERO)
            if old == commit:
                continue
            names = ("ls-tree", "-r", "--name-only", commit) if old == ZERO else ("diff", "--name-only", old, commit)
            try:
                self.on_push(url, branch, old, commit, support.git(*names, cwd=path).splitlines())
            except OSError as error:
                print(f"webhook after the push of {commit[:8]} failed: {error}", flush=True)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    # Many may push at once.
    request_queue_size = 128

    def __init__(self, git: GitServer, address: str) -> None:
        self.git = git
        super().__init__((address, 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    """One request of the smart http protocol, handed to `git http-backend` as CGI (RFC 3875)."""

    server: _Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Advertisement of references, and files of the dumb protocol."""
        self._serve(b"")

    def do_POST(self) -> None:
        """Fetch and push."""
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            body = self._chunks()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._serve(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class' name)
        """No log: what git prints at the other end says enough."""

    def _chunks(self) -> bytes:
        parts: list[bytes] = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _serve(self, body: bytes) -> None:
        git, url = self.server.git, urlsplit(self.path)
        if git.trouble and (status := git.trouble(self.path)):
            self.close_connection = True
            self.send_error(status)
            return
        repository = git.root / url.path.split(".git", 1)[0].lstrip("/")
        repository = repository.with_name(repository.name + ".git")
        push = git.on_push is not None and url.path.endswith("/git-receive-pack") and repository.is_dir()
        before = git.branches(repository) if push else {}
        result = subprocess.run(
            ["git", "http-backend"],
            input=body,
            env=self._cgi(url.path, url.query, len(body)),
            capture_output=True,
        )
        head, _, content = result.stdout.partition(b"\r\n\r\n")
        headers = [line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line]
        answer = next((value for name, value in headers if name == "Status"), "200 OK")
        self.send_response(int(answer.split()[0]))
        for name, value in headers:
            if name != "Status":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # The client may have been killed.
            self.wfile.write(content)
            self.wfile.flush()
        if push:
            git.pushed(repository, before, git.branches(repository))

    def _cgi(self, path: str, query: str, length: int) -> dict[str, str]:
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
            "GIT_PROJECT_ROOT": str(self.server.git.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_COUNT": "2",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "GIT_CONFIG_KEY_1": "receive.autoGC",
            "GIT_CONFIG_VALUE_1": "false",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(length),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "HTTP_GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REMOTE_USER": "live",
            "REMOTE_ADDR": "127.0.0.1",
        }
