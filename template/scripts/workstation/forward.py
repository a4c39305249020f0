"""Keeps public services reachable on this machine, by `kubectl port-forward`, until `.local` is gone.

Runs by itself in the background: `python3 -m workstation.forward NAMESPACE SERVICE=PORT …`. A pod that ends takes its
connection along; it is made again to the newest pod that is ready, and at once on SIGHUP.
"""

import contextlib
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from .commands import LocalError, Object, wait_until
from .place import FOLDER, KUBECONFIG, Place, get

_PROCESS = FOLDER / "forward.json"
_LOG = FOLDER / "forward.log"
_FIRST_PORT = 8080


def _target(namespace: str, service: str) -> tuple[str, int] | None:
    """Return the newest pod of a service that is ready, and the port that it listens on."""
    for found in get("--namespace", namespace, "service", service):
        selector = ",".join(f"{key}={value}" for key, value in found["spec"]["selector"].items())
        pods = [pod for pod in get("--namespace", namespace, "pods", "--selector", selector) if _ready(pod)]
        if pods:
            newest = max(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))
            return newest["metadata"]["name"], _port(found, newest)
    return None


def _ready(pod: Object) -> bool:
    conditions = pod["status"].get("conditions", [])
    ready = any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)
    return ready and "deletionTimestamp" not in pod["metadata"]


def _port(service: Object, pod: Object) -> int:
    first = service["spec"]["ports"][0]
    wanted = first.get("targetPort", first["port"])
    for container in pod["spec"]["containers"]:
        for port in container.get("ports", []):
            if port.get("name") == wanted:
                return int(port["containerPort"])
    return int(wanted)


def _keep(namespace: str, ports: dict[str, int]) -> None:
    """Forward until told to end, or until the folder is gone."""
    children: dict[str, subprocess.Popen[bytes]] = {}
    generation, again, ended = 0, False, False

    def note(number: int, _frame: object) -> None:
        nonlocal again, ended
        again, ended = again or number == signal.SIGHUP, ended or number == signal.SIGTERM

    for number in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, note)
    try:
        while not ended and FOLDER.is_dir():
            if again:
                again, generation = False, generation + 1
                _stop(children)
            for service, port in ports.items():
                if service in children and children[service].poll() is None:
                    continue
                with contextlib.suppress(LocalError):  # The cluster may be out of reach for a while.
                    target = _target(namespace, service)
                    if target:
                        children[service] = _forward(namespace, target, port)
            if len(children) == len(ports):
                _remember(namespace, ports, generation)
            time.sleep(0.3)
    finally:
        _stop(children)


def _forward(namespace: str, target: tuple[str, int], port: int) -> subprocess.Popen[bytes]:
    command = ["kubectl", "--kubeconfig", str(KUBECONFIG), "--namespace", namespace, "port-forward"]
    with _LOG.open("a", encoding="utf-8") as log:  # Opened anew: the lock is this process' own.
        return subprocess.Popen(
            [*command, f"pod/{target[0]}", f"{port}:{target[1]}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
        )


def _stop(children: dict[str, subprocess.Popen[bytes]]) -> None:
    for child in children.values():
        child.kill()
        child.wait()
    children.clear()


def _remember(namespace: str, ports: dict[str, int], generation: int) -> None:
    new = _PROCESS.with_suffix(".new")
    content = {"pid": os.getpid(), "namespace": namespace, "ports": ports, "generation": generation}
    with contextlib.suppress(FileNotFoundError):
        new.write_text(json.dumps(content), encoding="utf-8")
        new.replace(_PROCESS)


def _running() -> Object | None:
    """Return what the process has written, while it runs: it holds a lock on its log."""
    if not _LOG.exists():
        return None
    with _LOG.open("a", encoding="utf-8") as log:
        try:
            fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            written: Object | None = json.loads(_PROCESS.read_text(encoding="utf-8")) if _PROCESS.exists() else None
            return written
    return None


def _free(port: int) -> bool:
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def stop() -> None:
    """End the process."""
    running = _running()
    if running:
        with contextlib.suppress(ProcessLookupError):
            os.kill(running["pid"], signal.SIGTERM)
        wait_until("the port-forward has ended", lambda: _running() is None, 15)
    _PROCESS.unlink(missing_ok=True)


def renew(place: Place, public: list[str]) -> dict[str, str]:
    """Forward to the newest pods; the address of each public service, once it answers.

    Raises:
        LocalError: no answer comes.
    """
    running = _running()
    if running and (running["namespace"], sorted(running["ports"])) == (place.namespace, sorted(public)):
        before = running["generation"]
        os.kill(running["pid"], signal.SIGHUP)
        wait_until("the port-forward is renewed", lambda: (_running() or running)["generation"] > before, 30)
        ports = running["ports"]
    else:
        stop()
        ports = _start(place, public)
    addresses = {service: f"http://localhost:{port}" for service, port in ports.items()}
    for service, address in addresses.items():
        wait_until(f"{service} answers at {address} (see .local/forward.log)", lambda a=address: _answers(a), 60)  # type: ignore[misc]
    return addresses


def _start(place: Place, public: list[str]) -> dict[str, int]:
    ports: dict[str, int] = {}
    candidate = _FIRST_PORT
    for service in public:
        while not _free(candidate):
            candidate += 1
        ports[service] = candidate
        candidate += 1
    arguments = [f"{service}={port}" for service, port in ports.items()]
    with _LOG.open("w", encoding="utf-8") as log:
        fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
        subprocess.Popen(
            [sys.executable, "-m", __name__, place.namespace, *arguments],
            cwd=Path(__file__).parents[1],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    wait_until("the port-forward runs (see .local/forward.log)", lambda: _running() is not None, 60)
    return ports


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5):  # noqa: S310 - of this machine
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


if __name__ == "__main__":
    _keep(sys.argv[1], {name: int(port) for name, _, port in (one.partition("=") for one in sys.argv[2:])})
