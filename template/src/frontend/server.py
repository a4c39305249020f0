"""Serve an ASGI application so that a rolling update loses no request."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
from types import FrameType

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# The side that closes an idle connection first must be the client: were it the server, a request
# could already be on its way. Proxies and load balancers commonly keep one for 60 seconds.
KEEP_ALIVE_SECONDS = 75

# After SIGTERM: time for open connections to see "Connection: close" or to go idle and be closed
# by the client, then time for requests still being answered. The sum, and the preStop sleep of
# the Deployment, must stay below its terminationGracePeriodSeconds.
DRAIN_SECONDS = 5.0
IN_FLIGHT_SECONDS = 4

PROBE_PATHS = frozenset({"/health", "/ready"})


class DrainingServer(uvicorn.Server):
    """A uvicorn server that goes on serving for a moment after SIGTERM.

    uvicorn alone closes idle keep-alive connections at once, and with them any request that a
    client sends in the same instant. Ctrl+C (SIGINT) still stops it right away.
    """

    draining = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.draining = sig == signal.SIGTERM
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        clock = asyncio.get_running_loop().time
        deadline = clock() + DRAIN_SECONDS
        while self.draining and self.server_state.connections and clock() < deadline:
            await asyncio.sleep(0.05)
        await super().shutdown(sockets)


def run(app: ASGIApp, default_port: int) -> None:
    """Serve `app` on PORT, on all addresses, until SIGTERM or SIGINT."""
    # Without a handler the kernel drops a SIGTERM sent to process 1, as one during start-up is.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stdout,
    )
    logging.getLogger("uvicorn.access").addFilter(_not_a_probe)

    async def closing_app(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_closing(message: Message) -> None:
            if server.draining and message["type"] == "http.response.start":
                headers = [*message.get("headers", []), (b"connection", b"close")]
                message = {**message, "headers": headers}
            await send(message)

        await app(scope, receive, send_closing if scope["type"] == "http" else send)

    server = DrainingServer(
        uvicorn.Config(
            closing_app,
            host="0.0.0.0",
            port=int(os.environ.get("PORT", default_port)),
            http="h11",
            ws="none",
            lifespan="on",
            log_config=None,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=IN_FLIGHT_SECONDS,
        )
    )
    server.run()


def _not_a_probe(record: logging.LogRecord) -> bool:
    """Keep the kubelet's probes out of the access log, which has the path as third argument."""
    args = record.args
    return not (isinstance(args, tuple) and len(args) > 2 and args[2] in PROBE_PATHS)
