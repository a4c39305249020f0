"""The stand-in for Azure on the network: a proxy on the loopback that answers for Azure's hosts, with its own certificate."""

import json
import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, urlsplit

from tests.apply import ids, programs, tokens
from tests.apply.world import Answer, RefusedError, Request, World

PERSON = programs.PERSON
_HOSTS = ("management.azure.com", "login.microsoftonline.com", "*.vault.azure.net", "*.blob.core.windows.net")


def certificate(folder: Path) -> Path:
    """Make a certificate for Azure's hosts that is its own authority, with its key in the same file."""
    path = folder / "azure.pem"
    names = ",".join(f"DNS:{host}" for host in _HOSTS)
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    options = ["-days", "2", "-subj", "/CN=azure.test", "-addext", f"subjectAltName={names}", "-keyout", "-"]
    made = subprocess.run([*command, *options], capture_output=True, text=True, check=True)
    path.write_text(made.stdout, encoding="utf-8")
    return path


_PROGRAM = """\
#!{python} -IS
import http.client, json, os, sys
server = http.client.HTTPConnection("127.0.0.1", {port})
server.request("POST", "/programs", json.dumps([os.path.basename(sys.argv[0]), sys.argv[1:]]))
status, said, errors = json.load(server.getresponse())
sys.stdout.write(said)
sys.stderr.write(errors)
sys.exit(status)
"""


class Azure:
    """A world that answers on a port; use as a context."""

    def __init__(self, world: World, pem: Path) -> None:
        """Prepare to listen; nothing does before `with`."""
        self.world, self.pem = world, pem
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)

        class Handler(_Handler):
            azure, tls = self, context

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.log: list[str] = []
        self.watch: Callable[[str], object] = lambda _: None
        """Is told of each request before it is answered."""

    def __enter__(self) -> "Azure":
        """Begin to answer."""
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()

    def environment(self) -> dict[str, str]:
        """Return the variables with which a program meets this Azure instead of the real one, as a person."""
        return {
            "HTTPS_PROXY": f"http://127.0.0.1:{self._server.server_port}",
            "NO_PROXY": "",
            "SSL_CERT_FILE": str(self.pem),
            "AZURE_STAND_IN": f"http://127.0.0.1:{self._server.server_port}",
            "ARM_TENANT_ID": ids.TENANT,
            "ARM_SUBSCRIPTION_ID": ids.SUBSCRIPTION,
            "ARM_CLIENT_ID": PERSON,
            "ARM_CLIENT_SECRET": "not-a-secret",
            "ARM_DISABLE_TERRAFORM_PARTNER_ID": "true",
        }

    def programs(self, folder: Path) -> dict[str, str]:
        """Write az, gh, kubectl and kubelogin; return the variables with which a person who is signed in uses them."""
        folder.mkdir()
        for name in programs.NAMES:
            (folder / name).write_text(_PROGRAM.format(python=sys.executable, port=self._server.server_port))
            (folder / name).chmod(0o755)
        kept = {name: text for name, text in self.environment().items() if not name.startswith("ARM_CLIENT_")}
        return kept | {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}

    def pipeline(
        self, client: str, subject: str, issuer: str = "https://token.actions.githubusercontent.com"
    ) -> dict[str, str]:
        """Return the variables for a run of a pipeline, which has a signed token that names it."""
        token = tokens.signed({"iss": issuer, "sub": subject, "aud": "api://AzureADTokenExchange"})
        mine = {"ARM_CLIENT_ID": client, "ARM_CLIENT_SECRET": "", "ARM_USE_OIDC": "true", "ARM_OIDC_TOKEN": token}
        return self.environment() | mine


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    azure: Azure
    tls: ssl.SSLContext
    host = ""

    def do_CONNECT(self) -> None:
        self.host = self.path.split(":")[0]
        self.send_response(200)
        self.end_headers()
        self.connection = self.request = self.tls.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", 0)
        self.close_connection = False

    def _any(self) -> None:
        raw = self._raw()
        split = urlsplit(self.path)
        self.azure.watch(f"{self.command} {self.host}{self.path}")
        if not self.host:
            return self._send(self._beside(raw))
        if self.host == "login.microsoftonline.com":
            return self._send(self._login(split.path, raw))
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if not token:
            challenge = f'Bearer authorization="https://login.microsoftonline.com/{ids.TENANT}", resource="https://vault.azure.net"'
            return self._send(Answer(401, {"error": {"code": "Unauthorized"}}, {"WWW-Authenticate": challenge}))
        query, headers = dict(parse_qsl(split.query)), {name.lower(): value for name, value in self.headers.items()}
        principal = str(tokens.claims(token)["oid"])
        path = split.path.replace("//", "/")
        request = Request(self.command, self.host, path, query, headers, raw, principal)
        answer = self.azure.world.answer(request)
        self.azure.log.append(f"{answer.status} {self.command} https://{self.host}{self.path}")
        return self._send(answer)

    def _beside(self, raw: bytes) -> Answer:
        """Answer those who know that this is none but a stand-in."""
        world = self.azure.world
        if self.path == "/clock":
            # A provider says that a pause is over.
            world.clock += float(raw)
            return Answer(200)
        if self.path == "/programs":
            name, arguments = json.loads(raw)
            self.azure.watch(" ".join([name, *arguments]))
            return Answer(200, programs.run(world, name, arguments))
        _, _, server, release = self.path.split("/")
        return Answer(programs.release(world, self.command, server.partition(":")[0], release))

    do_GET = do_HEAD = do_PUT = do_PATCH = do_POST = do_DELETE = _any  # noqa: N815

    def _raw(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "") == "chunked":
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _login(self, path: str, raw: bytes) -> Answer:
        if "/.well-known/" in path or "/discovery/" in path:
            tenant = f"https://login.microsoftonline.com/{ids.TENANT}"
            places = {one: f"{tenant}/oauth2/v2.0/{one[:5]}" for one in ("authorization_endpoint", "token_endpoint")}
            return Answer(
                200, places | {"issuer": f"{tenant}/v2.0", "tenant_discovery_endpoint": tenant, "metadata": []}
            )
        form = {name: values[0] for name, values in parse_qs(raw.decode()).items()}
        principal = form["client_id"]
        if form["grant_type"] != "client_credentials":
            return Answer(400, {"error": "unsupported_grant_type"})
        if assertion := form.get("client_assertion"):
            if form["client_assertion_type"] != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer":
                return Answer(400, {"error": "invalid_request"})
            try:
                principal = self.azure.world.workload(principal, tokens.claims(assertion))
            except RefusedError as refusal:
                return Answer(refusal.status, {"error": "invalid_client", "error_description": str(refusal)})
        token, ends = tokens.access(principal, form["client_id"], form["scope"].split()[0].removesuffix("/.default"))
        return Answer(200, {"access_token": token, "token_type": "Bearer", "expires_in": 3600, "expires_on": ends})

    def _send(self, answer: Answer) -> None:
        raw = (
            answer.body
            if isinstance(answer.body, bytes)
            else b""
            if answer.body is None
            else json.dumps(answer.body).encode()
        )
        self.send_response(answer.status)
        # The provider's own tests use it: what would be polled every ten seconds is polled at once.
        always = {"X-Go-Azure-Sdk-Skip-Polling-Delay": "true", "Retry-After": "0"}
        always |= {"Content-Type": "application/json; charset=utf-8", "Content-Length": str(len(raw))}
        for name, value in (always | answer.headers).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(raw)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
