"""The goals page, and the way from the browser to the backend."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import server

PORT = 3000
VERSION = os.environ.get("APP_VERSION", "dev")
STATIC = Path(__file__).parent / "static"
MAX_BODY_BYTES = 64 * 1024
TIMEOUT = httpx2.Timeout(connect=2, read=10, write=5, pool=2)
# Idle connections are given up well within the time that a stopping backend goes on serving.
LIMITS = httpx2.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=2)

# Headers that are about one connection (RFC 9110, section 7.6.1), not about the message.
HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
# Those that the client library sets itself.
REQUEST_ONLY = frozenset({"host", "content-length", "accept-encoding", "expect"})
# The body is passed on decoded and whole, and this server sets its own date.
RESPONSE_ONLY = frozenset({"content-length", "content-encoding", "date", "server"})

# No Strict-Transport-Security: whoever ends TLS in front of this service knows whether it applies.
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def create_app(
    backend_url: str, transport: httpx2.AsyncBaseTransport | None = None
) -> SecurityHeaders:
    """The application; `transport` stands in for the network to the backend in tests."""
    client = httpx2.AsyncClient(
        base_url=backend_url, timeout=TIMEOUT, limits=LIMITS, transport=transport, trust_env=False
    )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with client:
            yield

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def version(_: Request) -> Response:
        return JSONResponse({"version": VERSION})

    async def forward(request: Request) -> Response:
        if not {".", ".."}.isdisjoint(request.scope["path"].split("/")):
            return _error(404, "not found")
        body = await _read_body(request)
        if body is None:
            return _error(413, f"the body is larger than {MAX_BODY_BYTES} bytes")
        url = client.base_url.copy_with(raw_path=_target(client.base_url, request))
        headers = _end_to_end(request.headers.items(), REQUEST_ONLY)
        outgoing = client.build_request(request.method, url, headers=headers, content=body)
        try:
            answer = await _send(client, outgoing)
        except (httpx2.ConnectTimeout, httpx2.PoolTimeout):
            return _error(502, "the backend can't be reached")
        except httpx2.TimeoutException:
            return _error(504, "the backend did not answer in time")
        except httpx2.RequestError as error:
            logging.getLogger("frontend").warning("%s %s: %r", request.method, url, error)
            return _error(502, "the backend can't be reached")
        response = Response(answer.content, answer.status_code)
        for name, value in _end_to_end(answer.headers.multi_items(), RESPONSE_ONLY):
            response.headers.append(name, value)
        return response

    return SecurityHeaders(
        Starlette(
            routes=[
                Route("/health", health),
                Route("/version", version),
                Route("/api/{path:path}", forward, methods=["GET", "POST", "PUT", "DELETE"]),
                Mount("/", StaticFiles(directory=STATIC, html=True)),
            ],
            lifespan=lifespan,
        )
    )


async def _send(client: httpx2.AsyncClient, request: httpx2.Request) -> httpx2.Response:
    """Send a request, and once more where the first time had no effect.

    Without a connection it had none, and a GET never has. Any other method may have had its effect
    before the connection broke.
    """
    try:
        return await client.send(request)
    except (httpx2.ConnectError, httpx2.ConnectTimeout):
        return await client.send(request)
    except (httpx2.ReadError, httpx2.RemoteProtocolError):
        if request.method != "GET":
            raise
        return await client.send(request)


async def _read_body(request: Request) -> bytes | None:
    """The body, or None when it is too large."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            return None
    return bytes(body)


def _target(base_url: httpx2.URL, request: Request) -> bytes:
    """Path and query as the browser sent them, below the path of `base_url`."""
    path: bytes = base_url.raw_path.rstrip(b"/") + request.scope["raw_path"]
    query: bytes = request.scope["query_string"]
    return path + b"?" + query if query else path


def _end_to_end(
    headers: list[tuple[str, str]], also_dropped: frozenset[str]
) -> list[tuple[str, str]]:
    """The headers to pass on: neither hop-by-hop by standard, nor named so in Connection."""
    named = {
        token.strip().lower()
        for name, value in headers
        if name.lower() == "connection"
        for token in value.split(",")
    }
    dropped = HOP_BY_HOP | also_dropped | named
    return [(name, value) for name, value in headers if name.lower() not in dropped]


def _error(status: int, message: str) -> JSONResponse:
    return JSONResponse({"error": message}, status)


class SecurityHeaders:
    """Add the security headers to every response, errors included."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(SECURITY_HEADERS)
                # Browsers ask again each time, so that a new release shows at once.
                headers.setdefault("Cache-Control", "no-cache")
            await send(message)

        await self.app(scope, receive, send_with_headers if scope["type"] == "http" else send)


def main() -> None:
    backend_url = os.environ.get("BACKEND_URL", "http://localhost:8080")
    if not backend_url.startswith(("http://", "https://")):
        sys.exit(f"BACKEND_URL is {backend_url!r}: it must begin with http:// or https://")
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    server.run(create_app(backend_url), PORT)


if __name__ == "__main__":
    main()
