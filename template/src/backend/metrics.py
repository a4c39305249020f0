"""What Prometheus asks for: how many requests were answered, how, and within what time.

Written as text, whose format is small and does not change, rather than by a library:
https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Container
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Upper bounds, in seconds, by which answers are counted.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
# Clients may send any word as a method; each would be a series of its own, for ever.
METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})


class Metrics:
    """Counts since this process began."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, int]] = Counter()
        self._within: Counter[float] = Counter()
        self._seconds = 0.0

    def count(self, method: str, code: int, seconds: float) -> None:
        """Count an answer."""
        with self._lock:
            self._requests[method if method in METHODS else "other", code] += 1
            self._within.update(bound for bound in BUCKETS if seconds <= bound)
            self._seconds += seconds

    def text(self) -> str:
        """All counts, as Prometheus reads them."""
        name = "http_request_duration_seconds"
        with self._lock:
            total = sum(self._requests.values())
            lines = [
                "# HELP http_requests_total Requests that were answered.",
                "# TYPE http_requests_total counter",
            ]
            for (method, code), number in sorted(self._requests.items()):
                lines.append(f'http_requests_total{{method="{method}",code="{code}"}} {number}')
            lines.append(f"# HELP {name} Time from a request to the end of its answer.")
            lines.append(f"# TYPE {name} histogram")
            for bound in BUCKETS:
                lines.append(f'{name}_bucket{{le="{bound}"}} {self._within[bound]}')
            lines.append(f'{name}_bucket{{le="+Inf"}} {total}')
            lines.append(f"{name}_sum {self._seconds}")
            lines.append(f"{name}_count {total}")
        return "\n".join(lines) + "\n"


METRICS = Metrics()


def measured(app: ASGIApp, not_of: Container[str], into: Metrics = METRICS) -> ASGIApp:
    """`app`, with what it answers counted, but not on the paths `not_of`."""

    async def counting(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in not_of:
            await app(scope, receive, send)
            return
        code, begin = 500, time.perf_counter()

        async def send_and_see(message: Message) -> None:
            nonlocal code
            if message["type"] == "http.response.start":
                code = message["status"]
            await send(message)

        try:
            await app(scope, receive, send_and_see)
        finally:
            into.count(scope["method"], code, time.perf_counter() - begin)

    return counting


def serve(port: int, of: Metrics = METRICS) -> ThreadingHTTPServer:
    """Answer on a port of its own, which no Service leads to, until the process ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.path == "/metrics"
            body = of.text().encode() if known else b""
            self.send_response(200 if known else 404)
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: it is asked every minute."""

    server = ThreadingHTTPServer(("", port), Handler)
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server
