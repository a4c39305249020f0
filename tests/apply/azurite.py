"""Azurite, Microsoft's own stand-in for Blob Storage, behind the accounts of a world; and rclone."""

import base64
import http.client
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

from tests.apply.world import Answer, Request
from tests.terraform import tools

# https://www.npmjs.com/package/azurite, the newest that Node.js 20 runs.
PACKAGE = "azurite@3.35.0"
RCLONE = Path(__file__).parent / "modules" / "rclone"


def rclone() -> Path:
    """Return rclone with what the CronJob of backups uses of it, built once."""
    return tools.built("rclone", ".", module=RCLONE)


def installed() -> Path:
    """Return Azurite's command, installed once without running any script of a package.

    Raises:
        ToolMissingError: there is no npm, or no registry for it.
    """

    def install(folder: Path) -> None:
        if shutil.which("npm") is None:
            raise tools.ToolMissingError("Azurite comes from npm, which isn't on PATH: install Node.js")
        options = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--prefix", str(folder)]
        tools.run(["npm", "install", *options, PACKAGE], folder)

    return tools.cached("azurite", [PACKAGE.encode()], install) / "node_modules" / ".bin" / "azurite-blob"


class Azurite:
    """A running Azurite with one account, which takes signed tokens alone."""

    def __init__(self, port: int, account: str) -> None:
        """Remember where it is."""
        self._port, self._account = port, account

    def __call__(self, request: Request) -> Answer:
        """Hand a request on that somebody may make; what is said comes back as it is."""
        # Its certificate is that of Azure's hosts.
        context = ssl._create_unverified_context()  # noqa: S323
        connection = http.client.HTTPSConnection("127.0.0.1", self._port, context=context, timeout=30)
        hop = ("connection", "host", "transfer-encoding", "content-length", "accept-encoding")
        headers = {name: text for name, text in request.headers.items() if name not in hop}
        path = f"/{self._account}{request.path}?{urlencode(request.query)}"
        connection.request(request.method, path, request.raw, headers)
        response = connection.getresponse()
        kept = {name.title(): text for name, text in response.getheaders() if name.lower() not in hop[:3]}
        return Answer(response.status, response.read(), kept)


@contextmanager
def running(account: str, pem: Path, folder: Path) -> Iterator[Azurite]:
    """Run Azurite with an account until the end of the context."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(installed()), "--blobPort", str(port), "--location", str(folder), "--silent", "--oauth", "basic"]
    options = ["--cert", str(pem), "--key", str(pem), "--skipApiVersionCheck", "--disableTelemetry"]
    key = base64.b64encode(b"not used: no shared keys").decode()
    environment = {"AZURITE_ACCOUNTS": f"{account}:{key}", "PATH": "/usr/local/bin:/usr/bin:/bin"}
    with subprocess.Popen([*command, *options], env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            for _ in range(200):
                with socket.socket() as reach:
                    if reach.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.1)
            yield Azurite(port, account)
        finally:
            process.terminate()
