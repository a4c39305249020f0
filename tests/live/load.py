"""Constant load on a URL, in a process of its own: `python -m tests.live.load URL --rate 150 [--reuse]`.

Sends GET requests until SIGTERM and then prints one JSON object: how many, how many failed, the first reasons, and the
slowest. A request is failed when it gets no answer or one that is not 200; nothing is sent a second time.
"""

from __future__ import annotations

import argparse
import http.client
import json
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

_TIMEOUT = 10.0


@dataclass
class _Tally:
    requests: int = 0
    failed: int = 0
    slowest: float = 0.0
    reasons: list[str] = field(default_factory=list)

    def add(self, seconds: float, reason: str | None) -> None:
        self.requests += 1
        self.slowest = max(self.slowest, seconds)
        if reason is not None:
            self.failed += 1
            self.reasons.append(f"{time.strftime('%H:%M:%S')} {reason}")


def _send(connection: http.client.HTTPConnection, path: str, reuse: bool) -> str | None:
    try:
        connection.request("GET", path, headers={} if reuse else {"Connection": "close"})
        response = connection.getresponse()
        body = response.read()
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        return f"{type(error).__name__}: {error}"
    if not reuse:
        connection.close()
    return None if response.status == 200 else f"{response.status}: {body[:100]!r}"


def _worker(url: str, interval: float, reuse: bool, stop: threading.Event, tally: _Tally) -> None:
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port or 80, timeout=_TIMEOUT)
    due = time.monotonic()
    while not stop.is_set():
        started = time.monotonic()
        reason = _send(connection, address.path or "/", reuse)
        tally.add(time.monotonic() - started, reason)
        due = max(due + interval, started)
        stop.wait(max(0.0, due - time.monotonic()))
    connection.close()


def main() -> None:
    """Run until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--rate", type=float, default=150, help="requests a second")
    parser.add_argument("--threads", type=int, default=12)
    parser.add_argument("--reuse", action="store_true", help="keep connections open")
    arguments = parser.parse_args()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    tallies = [_Tally() for _ in range(arguments.threads)]
    interval = arguments.threads / arguments.rate
    threads = [
        threading.Thread(target=_worker, args=(arguments.url, interval, arguments.reuse, stop, tally))
        for tally in tallies
    ]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(
        json.dumps(
            {
                "requests": sum(tally.requests for tally in tallies),
                "failed": sum(tally.failed for tally in tallies),
                "slowest": round(max(tally.slowest for tally in tallies), 3),
                "seconds": round(time.monotonic() - started, 1),
                "reasons": [reason for tally in tallies for reason in tally.reasons][:10],
            }
        )
    )


class Load:
    """Load from two processes, one that reuses connections and one that does not, as a context manager.

    After the block, `results` holds the report of each.
    """

    def __init__(self, url: str, rate: float = 300) -> None:
        self._url = url
        self._rate = rate
        self._processes: list[subprocess.Popen[str]] = []
        self.results: list[dict[str, Any]] = []

    def __enter__(self) -> Load:
        for extra in ([], ["--reuse"]):
            command = [sys.executable, "-m", "tests.live.load", self._url, f"--rate={self._rate / 2}", *extra]
            self._processes.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.terminate()
        self.results = [json.loads(process.communicate(timeout=60)[0]) for process in self._processes]

    @property
    def failed(self) -> list[str]:
        """The reasons of the failed requests."""
        return [reason for result in self.results for reason in result["reasons"]]

    def __str__(self) -> str:
        kinds = ("new connections", "reused connections")
        return "; ".join(
            f"{kind}: {result['requests']} requests in {result['seconds']} s "
            f"({result['requests'] / result['seconds']:.0f}/s), {result['failed']} failed, "
            f"slowest {result['slowest'] * 1000:.0f} ms"
            for kind, result in zip(kinds, self.results, strict=True)
        )


if __name__ == "__main__":
    main()
