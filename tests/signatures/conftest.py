"""cosign, a registry on this machine, and a certificate authority that stands for Fulcio.

Without the transparency log, which only the public Sigstore has; what certificates and signatures claim is as there.
"""

import hashlib
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import signing
from tests.terraform import tools

MODULE = Path(__file__).parent / "modules" / "cosign"
# https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md
_FULCIO = "1.3.6.1.4.1.57264.1"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_EXTENSIONS = """\
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=codeSigning
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
subjectAltName=critical,URI:{identity}
"""
_WRAPPER = """\
#!/bin/sh
# The pipeline's own arguments, with what makes up for the public services.
verb=$1
shift
case $verb in
sign) exec {cosign} sign --signing-config {here}/signing.json --trusted-root {here}/root.json --allow-http-registry \
  ${{SIGN_AS:+--key "$SIGN_AS.key" --certificate "$SIGN_AS.pem"}} "$@" ;;
verify)
  # With the public key.
  set -- $(printf '%s ' "$@" | sed 's/[.]key /.pub /')
  exec {cosign} verify --trusted-root {here}/root.json --insecure-ignore-tlog --insecure-ignore-sct \
  --allow-http-registry "$@"
  ;;
esac
"""


class Cosign:
    """cosign itself."""

    def __init__(self, cosign: Path, folder: Path, registry: str) -> None:
        self.folder = folder
        self.registry = registry
        self._cosign = cosign
        self._here = folder / "keys"
        self._here.mkdir(parents=True)
        self._new_key("ca")
        authority = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign"]
        extensions = [part for extension in authority for part in ("-addext", extension)]
        self._run(
            "openssl",
            "req",
            "-x509",
            "-new",
            "-key",
            "ca.pem.key",
            "-subj",
            "/CN=fulcio",
            "-out",
            "ca.pem",
            *extensions,
        )
        self._run(cosign, "signing-config", "create", "--out", "signing.json")
        fulcio = "--fulcio=url=https://fulcio.example,certificate-chain=ca.pem"
        self._run(cosign, "trusted-root", "create", fulcio, "--out", "root.json")
        program = folder / "cosign"
        program.write_text(_WRAPPER.format(cosign=cosign, here=self._here), encoding="utf-8")
        program.chmod(0o755)

    def push(self, image: str, content: str) -> str:
        """As `Signer` says: an image without layers."""
        registry, _, name = image.partition("/")
        address = f"http://{registry}/v2/{name}"
        config = json.dumps(
            {"architecture": "amd64", "os": "linux", "config": {"Labels": {"content": content}}}
        ).encode()
        with _request("POST", f"{address}/blobs/uploads/") as answer:
            upload = answer.headers["Location"]
        _request("PUT", f"{upload}&digest={_digest(config)}", config, "application/octet-stream").close()
        described = {"mediaType": _CONFIG, "digest": _digest(config), "size": len(config)}
        manifest = json.dumps({"schemaVersion": 2, "mediaType": _MANIFEST, "config": described, "layers": []}).encode()
        _request("PUT", f"{address}/manifests/{_digest(manifest)}", manifest, _MANIFEST).close()
        return _digest(manifest)

    def key(self, name: str) -> str:
        """As `Signer` says: the key pair has no password."""
        if not (self._here / f"{name}.key").exists():
            self._run(self._cosign, "generate-key-pair", "--output-key-prefix", name)
        return str(self._here / f"{name}.key")

    def certificate(self, claims: signing.Claims) -> dict[str, str]:
        """As `Signer` says: with the extensions that Fulcio writes for a run of GitHub Actions."""
        name = hashlib.sha256(json.dumps(claims, sort_keys=True).encode()).hexdigest()[:16]
        values = {1: signing.ISSUER, 3: claims["sha"], 5: claims["repository"], 6: claims["ref"]}
        lines = [f"{_FULCIO}.{number}=DER:{value.encode().hex()}" for number, value in values.items()]
        lines.append(f"{_FULCIO}.8=ASN1:UTF8String:{signing.ISSUER}")
        text = _EXTENSIONS.format(identity=claims["identity"]) + "\n".join(lines)
        (self._here / f"{name}.cnf").write_text(text, encoding="utf-8")
        self._new_key(name)
        self._run("openssl", "req", "-new", "-key", f"{name}.pem.key", "-subj", "/", "-out", f"{name}.csr")
        issue = ["-req", "-CA", "ca.pem", "-CAkey", "ca.pem.key", "-CAcreateserial", "-days", "1"]
        self._run("openssl", "x509", *issue, "-in", f"{name}.csr", "-extfile", f"{name}.cnf", "-out", f"{name}.pem")
        if not (self._here / f"{name}.key").exists():
            self._run(self._cosign, "import-key-pair", "--key", f"{name}.pem.key", "--output-key-prefix", name)
        return {"SIGN_AS": str(self._here / name), "COSIGN_PASSWORD": ""}

    def _new_key(self, name: str) -> None:
        if not (self._here / f"{name}.pem.key").exists():
            self._run("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", f"{name}.pem.key")

    def _run(self, *command: str | Path) -> None:
        environment = {"COSIGN_PASSWORD": "", "HOME": str(self._here), "PATH": "/usr/bin:/bin"}
        done = subprocess.run(
            [str(part) for part in command],
            cwd=self._here,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _request(method: str, url: str, content: bytes | None = None, kind: str = "text/plain") -> Any:
    request = urllib.request.Request(url, data=content, method=method, headers={"Content-Type": kind})  # noqa: S310
    return urllib.request.urlopen(request, timeout=10)  # noqa: S310


@pytest.fixture(scope="session")
def cosign() -> Path:
    """The command, built once into the user's cache."""
    return tools.built("cosign", "github.com/sigstore/cosign/v3/cmd/cosign", module=MODULE)


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A registry on this machine: HOST:PORT."""
    program = shutil.which("docker-registry") or pytest.fail(
        "docker-registry isn't on PATH: apt-get install docker-registry"
    )
    folder = tmp_path_factory.mktemp("registry")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    storage = {"filesystem": {"rootdirectory": str(folder / "storage")}}
    log = {"level": "error", "accesslog": {"disabled": True}}
    configuration = folder / "config.json"
    configuration.write_text(json.dumps({"version": 0.1, "log": log, "storage": storage, "http": {"addr": address}}))
    with subprocess.Popen([program, "serve", str(configuration)], stderr=subprocess.DEVNULL) as process:
        for _ in range(100):
            try:
                _request("GET", f"http://{address}/v2/").close()
                break
            except urllib.error.URLError:
                time.sleep(0.1)
        yield address
        process.terminate()


@pytest.fixture
def signer(cosign: Path, registry: str, tmp_path: Path) -> signing.Signer:
    """Who signs images: cosign."""
    return Cosign(cosign, tmp_path / "signer", registry)
