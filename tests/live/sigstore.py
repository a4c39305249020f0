"""Sigstore on this machine: cosign signs as a workflow does, and whoever verifies finds the roots of trust by TUF.

A timestamp stands for the entry in the transparency log, which only the public Sigstore has.
"""

from __future__ import annotations

import base64
import hashlib
import http.server
import json
import threading
from pathlib import Path
from typing import Any

from tests.signatures.conftest import Cosign

_VALID = "start-time=2020-01-01T00:00:00Z"
_ROLES = ("root", "timestamp", "snapshot", "targets")
_TIMESTAMPS = """\
[tsa]
default_tsa = here
[here]
serial = serial
signer_cert = tsa.pem
certs = tsa-ca.pem
signer_key = tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
ess_cert_id_alg = sha256
"""
_EXTENSIONS = """\
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=critical,timeStamping
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
"""


class Sigstore(Cosign):
    """cosign with a certificate authority and a timestamp authority, whose certificates are in a TUF repository.

    Attributes:
        tuf: what a verifier is told of the TUF repository, as Kyverno's policies have it.
    """

    def __init__(self, cosign: Path, folder: Path, registry: str) -> None:
        """Make keys and certificates, and serve the repository until `stop`."""
        super().__init__(cosign, folder, registry)
        self._make_timestamp_authority()
        repository = folder / "tuf"
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler(repository))
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{self._server.server_port}"
        timestamps = ("--tsa", f"url={url},api-version=1,{_VALID},operator=here", "--tsa-config", "ANY")
        self._run(cosign, "signing-config", "create", *timestamps, "--out", "signing.json")
        for name in ("rekor", "ctfe"):
            self._new_key(name)
            self._run("openssl", "ec", "-in", f"{name}.pem.key", "-pubout", "-out", f"{name}.pub")
        roots = {
            "fulcio": "certificate-chain=ca.pem",
            "tsa": "certificate-chain=tsa-chain.pem",
            "rekor": f"public-key=rekor.pub,{_VALID}",
            "ctfe": f"public-key=ctfe.pub,{_VALID}",
        }
        arguments = [f"--{name}=url=https://{name}.example,{root}" for name, root in roots.items()]
        self._run(cosign, "trusted-root", "create", *arguments, "--out", "root.json")
        root = self._publish(repository, (self._here / "root.json").read_bytes())
        self.tuf = {"mirror": url, "root": {"data": base64.b64encode(root).decode()}}

    def stop(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def public_key(self, name: str) -> str:
        """The public half of a key that `key` has made."""
        return Path(self.key(name)).with_suffix(".pub").read_text()

    def _make_timestamp_authority(self) -> None:
        new = ("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        authority = ("-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign")
        name = "/O=here/CN=timestamps"
        self._run(*new, "-x509", "-subj", "/CN=tsa", *authority, "-keyout", "tsa-ca.key", "-out", "tsa-ca.pem")
        self._run(*new, "-subj", name, "-keyout", "tsa.key", "-out", "tsa.csr")
        (self._here / "tsa.ext").write_text(_EXTENSIONS)
        issue = ("-CA", "tsa-ca.pem", "-CAkey", "tsa-ca.key", "-CAcreateserial", "-extfile", "tsa.ext")
        self._run("openssl", "x509", "-req", "-in", "tsa.csr", *issue, "-out", "tsa.pem")
        chain = [(self._here / f"{name}.pem").read_text() for name in ("tsa", "tsa-ca")]
        (self._here / "tsa-chain.pem").write_text("".join(chain))
        (self._here / "tsa.cnf").write_text(_TIMESTAMPS)
        (self._here / "serial").write_text("01")

    def _handler(self, repository: Path) -> type[http.server.BaseHTTPRequestHandler]:
        timestamp = self._timestamp

        class Handler(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *arguments: Any) -> None:
                super().__init__(*arguments, directory=str(repository))

            def do_POST(self) -> None:
                answer = timestamp(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(201)
                self.send_header("Content-Type", "application/timestamp-reply")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                pass

        return Handler

    def _timestamp(self, query: bytes) -> bytes:
        (self._here / "query.tsq").write_bytes(query)
        self._run("openssl", "ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query.tsq", "-out", "answer.tsr")
        return (self._here / "answer.tsr").read_bytes()

    def _publish(self, repository: Path, trusted_root: bytes) -> bytes:
        """Write a TUF repository of one file; its first root. https://theupdateframework.github.io/specification."""
        self._run("openssl", "genpkey", "-algorithm", "ed25519", "-out", "tuf.key")
        self._run("openssl", "pkey", "-in", "tuf.key", "-pubout", "-outform", "DER", "-out", "tuf.der")
        public = (self._here / "tuf.der").read_bytes()[-32:].hex()
        key = {"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": public}}
        keyid = _digest(_canonical(key))
        roles = {name: {"keyids": [keyid], "threshold": 1} for name in _ROLES}

        def write(name: str, **content: Any) -> bytes:
            signed = {"spec_version": "1.0.31", "version": 1, "expires": "2036-01-01T00:00:00Z", **content}
            (self._here / "tuf.txt").write_bytes(_canonical(signed))
            self._run("openssl", "pkeyutl", "-sign", "-rawin", "-inkey", "tuf.key", "-in", "tuf.txt", "-out", "tuf.sig")
            signature = {"keyid": keyid, "sig": (self._here / "tuf.sig").read_bytes().hex()}
            text = json.dumps({"signatures": [signature], "signed": signed}).encode()
            (repository / name).write_bytes(text)
            return text

        targets = repository / "targets"
        targets.mkdir(parents=True)
        (targets / f"{_digest(trusted_root)}.trusted_root.json").write_bytes(trusted_root)
        root = write("1.root.json", _type="root", consistent_snapshot=True, keys={keyid: key}, roles=roles)
        listed = write("1.targets.json", _type="targets", targets={"trusted_root.json": _described(trusted_root)})
        snapshot = write("1.snapshot.json", _type="snapshot", meta={"targets.json": _described(listed, version=1)})
        write("timestamp.json", _type="timestamp", meta={"snapshot.json": _described(snapshot, version=1)})
        return root


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _described(content: bytes, **more: int) -> dict[str, Any]:
    return {"length": len(content), "hashes": {"sha256": _digest(content)}, **more}
