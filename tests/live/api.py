"""A small client of the Kubernetes API.

Loops and waits of the harness use it instead of `kubectl`: starting `kubectl` costs a fifth of a second of a core,
which would show in every time that is measured.
"""

from __future__ import annotations

import base64
import copy
import http.client
import json
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import yaml

from .processes import LiveError

Object = dict[str, Any]
"""A Kubernetes object, or a part of one, as it is in JSON."""

MERGE_PATCH: Final = "application/merge-patch+json"
STRATEGIC_PATCH: Final = "application/strategic-merge-patch+json"
APPLY_PATCH: Final = "application/apply-patch+yaml"


class ApiError(LiveError):
    """The API server answered with an error; `status` is the HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"API server: {status}: {message}")
        self.status = status


class Api:
    """Requests with the current context of a kubeconfig. Safe to use from several threads: a connection per call."""

    def __init__(self, kubeconfig: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        context = _named(config["contexts"], config["current-context"])["context"]
        cluster = _named(config["clusters"], context["cluster"])["cluster"]
        user = _named(config["users"], context["user"])["user"]
        self._url = urlsplit(cluster["server"])
        self._headers = {"Accept": "application/json"}
        if "token" in user:
            self._headers["Authorization"] = f"Bearer {user['token']}"
        ca = base64.b64decode(cluster["certificate-authority-data"]).decode()
        self._tls = ssl.create_default_context(cadata=ca)
        if "client-certificate-data" in user:
            with tempfile.NamedTemporaryFile() as pem:
                pem.write(base64.b64decode(user["client-certificate-data"]))
                pem.write(b"\n" + base64.b64decode(user["client-key-data"]))
                pem.flush()
                self._tls.load_cert_chain(pem.name)

    def acting_as(self, user: str) -> Api:
        """A client whose every request is another user's, as an administrator may ask for."""
        other = copy.copy(self)
        other._headers = self._headers | {"Impersonate-User": user}
        return other

    def _open(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 30,
    ) -> tuple[http.client.HTTPSConnection, http.client.HTTPResponse]:
        host = self._url.hostname or ""
        connection = http.client.HTTPSConnection(host, self._url.port or 443, context=self._tls, timeout=timeout)
        payload = body if body is None or isinstance(body, bytes) else json.dumps(body)
        json_headers = {**self._headers, "Content-Type": "application/json"}
        connection.request(method, path, payload, {**json_headers, **(headers or {})})
        response = connection.getresponse()
        if response.status >= 300:
            text = response.read().decode(errors="replace")
            connection.close()
            raise ApiError(response.status, _message(text))
        return connection, response

    def request(self, method: str, path: str, body: Any = None, content_type: str = "application/json") -> Any:
        """Send one request; the answer's JSON.

        Raises:
            ApiError: the server refused it.
            OSError: it can't be reached.
        """
        connection, response = self._open(method, path, body, {"Content-Type": content_type})
        try:
            return json.loads(response.read() or b"null")
        finally:
            connection.close()

    def get(self, path: str) -> Any:
        """GET `path`."""
        return self.request("GET", path)

    def text(self, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> str:
        """What a path answers that is no object, such as the proxy to a Service: to GET, or to POST of a body."""
        connection, response = self._open("GET" if body is None else "POST", path, body, headers)
        try:
            return response.read().decode()
        finally:
            connection.close()

    def find(self, path: str) -> Any:
        """GET `path`, or None if it does not exist."""
        try:
            return self.get(path)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def patch(self, path: str, body: Any) -> Any:
        """A JSON merge patch."""
        return self.request("PATCH", path, body, MERGE_PATCH)

    def healthy(self, path: str = "/readyz") -> bool:
        """Whether a health endpoint of the server answers with success. Never raises for "not yet"."""
        try:
            connection, response = self._open("GET", path, timeout=2)
            response.read()
            connection.close()
        except (OSError, ApiError, http.client.HTTPException):
            return False
        return True

    def watch(self, path: str, seconds: int = 240) -> Iterator[tuple[str, Object]]:
        """Every object of a collection as `("ADDED", object)`, then each change as it happens.

        Ends when the server ends the watch (after `seconds`) or the connection breaks; the caller starts again. It begins
        with whatever the server has in its cache: the newest state it would wait for, which this etcd tells it of only
        when something of the kind changes.
        """
        query = f"watch=true&resourceVersion=0&timeoutSeconds={seconds}"
        connection, response = self._open("GET", f"{path}?{query}", timeout=300)
        try:
            for line in response:
                event = json.loads(line)
                if event["type"] in ("ADDED", "MODIFIED", "DELETED"):
                    yield event["type"], event["object"]
        finally:
            connection.close()


def _named(entries: list[Object], name: str) -> Object:
    return next(entry for entry in entries if entry["name"] == name)


def _message(text: str) -> str:
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return text[:500]
