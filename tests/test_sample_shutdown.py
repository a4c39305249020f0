"""The sample application's real processes, stopped as Kubernetes stops them."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


class Process:
    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self.connections: list[HTTPConnection] = []
        self.popen = subprocess.Popen(
            [sys.executable, "app.py"],
            cwd=folder,
            env=os.environ | {"PORT": str(self.port), "STORE": "memory"},
        )
        deadline = time.monotonic() + 20
        while True:
            try:
                self.connect()
                break
            except OSError:
                assert self.popen.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.02)
        self.connections.pop().close()

    def connect(self) -> HTTPConnection:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.connect()
        self.connections.append(connection)
        return connection

    def end(self) -> None:
        for connection in self.connections:
            connection.close()
        self.popen.kill()
        self.popen.wait()


@pytest.fixture(params=["backend", "frontend"])
def process(request: pytest.FixtureRequest, rendered: Callable[[str], Path]) -> Iterator[Process]:
    process = Process(rendered("defaults") / "src" / request.param)
    yield process
    process.end()


def get(connection: HTTPConnection) -> str | None:
    """Ask for /health; the answer's Connection header."""
    connection.request("GET", "/health")
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (200, b'{"status":"ok"}')
    return answer.getheader("connection")


def test_after_sigterm_open_connections_get_one_more_answer_that_closes_them(
    process: Process,
) -> None:
    connection = process.connect()
    assert get(connection) is None
    process.popen.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    assert get(connection) == "close"
    assert process.popen.wait(timeout=2) == 0


def test_after_sigterm_new_connections_are_served_while_others_drain(process: Process) -> None:
    get(process.connect())
    process.popen.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    assert get(process.connect()) == "close"


def test_an_idle_connection_does_not_hold_up_the_stop_for_long(process: Process) -> None:
    get(process.connect())
    process.popen.send_signal(signal.SIGTERM)
    assert process.popen.wait(timeout=10) == 0


def test_without_connections_it_stops_at_once(process: Process) -> None:
    process.popen.send_signal(signal.SIGTERM)
    assert process.popen.wait(timeout=2) == 0
