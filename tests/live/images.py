"""Images: built by buildah from the Dockerfiles under test, pushed to the local registry.

No registry of the world is reached. A `FROM` line, whatever tag and digest it has, gets a stand-in of the same name
(`base_images.py`). buildah's storage is in the cache, so that unchanged layers are not built again.
"""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from .processes import LiveError, program, run
from .settings import CACHE, COREDNS_IMAGE, PAUSE_IMAGE, REGISTRY

_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_FROM = re.compile(r"^(?P<head>\s*FROM\s+(?:--platform=\S+\s+)?)(?P<image>\S+)(?P<rest>.*)$", re.I | re.M)
_COPY_FROM = re.compile(r"(?P<head>--from=|\bfrom=)(?P<image>[^\s,]+)", re.I)


def buildah(*args: str | Path, timeout: float = 1800) -> str:
    """Run buildah on the storage in the cache; its output."""
    storage = (
        "--root",
        CACHE / "buildah",
        "--runroot",
        "/run/gitops-live-buildah",
        "--storage-driver",
        "overlay",
    )
    return run(program("buildah"), *storage, *args, timeout=timeout)


def exists(image: str) -> bool:
    """Whether the storage has this image."""
    return any(line.strip() == image for line in buildah("images", "--format", "{{.Name}}:{{.Tag}}").splitlines())


def repository(image: str) -> tuple[str, str]:
    """Where the local registry keeps an image, whatever registry its name begins with: (path, tag or digest).

    `myregistry.azurecr.io/shop/web:1` is `shop/web`, `1`; `postgres:18@sha256:…` is `library/postgres`, `sha256:…`.
    """
    name, _, digest = image.partition("@")
    first, slash, rest = name.partition("/")
    # A first part with a dot or a port is a registry; this is how Docker has always told them apart.
    host, path = (first, rest) if slash and ("." in first or ":" in first or first == "localhost") else ("", name)
    path, _, tag = path.partition(":")
    if "/" not in path and host in ("", "docker.io"):
        path = f"library/{path}"
    return path, digest or tag or "latest"


def build(
    context: Path, image: str, dockerfile: str = "Dockerfile", build_args: Mapping[str, str] | None = None
) -> None:
    """Build an image from a Dockerfile, on stand-in base images. `image` is the full name that it gets.

    Package indexes that pip is configured with on this machine are used in the build, and trusted as here, without
    leaving a trace in the image.

    Raises:
        LiveError: the build failed (says the end of its output), or a base image has no stand-in.
    """
    with tempfile.TemporaryDirectory() as temporary:
        rewritten = Path(temporary) / "Dockerfile"
        text = on_stand_ins((context / dockerfile).read_text())
        rewritten.write_text(with_arguments(text, build_args or {}))
        pip = Path(temporary) / "pip.conf"
        pip.write_text(pip_configuration())
        ignore = context / ".dockerignore"
        buildah(
            "build",
            "--isolation=chroot",
            "--network=host",
            "--layers",
            "--format=docker",
            f"--volume={_CERTIFICATES}:{_CERTIFICATES}:ro",
            f"--volume={pip}:/etc/pip.conf:ro",
            *(f"--build-arg={name}={value}" for name, value in (build_args or {}).items()),
            *([f"--ignorefile={ignore}"] if ignore.exists() else []),
            f"--tag={image}",
            f"--file={rewritten}",
            context,
        )


def on_stand_ins(dockerfile: str) -> str:
    """The text of a Dockerfile with each base image replaced by its stand-in. Stages and `scratch` stay."""
    from .base_images import stand_in

    stages = {
        match["rest"].split()[-1].lower() for match in _FROM.finditer(dockerfile) if " as " in match["rest"].lower()
    }

    def replace(match: re.Match[str]) -> str:
        image = match["image"]
        ours = image.lower() in stages or image == "scratch" or image.isdigit()
        rest = match.groupdict().get("rest") or ""
        return f"{match['head']}{image if ours else stand_in(image)}{rest}"

    # buildah 1.28 does not know `--link`, which changes how a layer is cached and not what is in it.
    known = re.sub(r"^(\s*(?:COPY|ADD)\s.*?)--link\s+", r"\1", dockerfile, flags=re.I | re.M)
    return _COPY_FROM.sub(replace, _FROM.sub(replace, known))


def with_arguments(dockerfile: str, build_args: Mapping[str, str]) -> str:
    """The text of a Dockerfile with a label after each build argument that a stage declares.

    buildah 1.28 takes a layer from its cache although an argument that it uses has another value; it looks at the
    texts of the instructions alone, and the label makes them differ.
    """
    lines: list[str] = []
    in_stage = False
    for line in dockerfile.splitlines():
        lines.append(line)
        in_stage = in_stage or _FROM.match(line) is not None
        declared = re.match(r"\s*ARG\s+(\w+)", line, re.I)
        if in_stage and declared and declared[1] in build_args:
            lines.append(f"LABEL live.argument.{declared[1].lower()}={json.dumps(build_args[declared[1]])}")
    return "\n".join(lines) + "\n"


def push(image: str, source: str | None = None) -> str:
    """Push `source`, by default the built image of the same name, as `image`; the digest in the registry."""
    path, tag = repository(image)
    with tempfile.NamedTemporaryFile("r") as digest:
        target = f"docker://{REGISTRY}/{path}:{tag}"
        buildah("push", "--tls-verify=false", f"--digestfile={digest.name}", source or image, target)
        return digest.read().strip()


def copy(image: str, *others: str) -> str:
    """Give an image of the local registry further names there, without sending its layers again; its digest."""
    path, tag = repository(image)
    _, manifest, headers = _registry("GET", f"/v2/{path}/manifests/{tag}")
    listed = json.loads(manifest)
    for other in others:
        target, tag = repository(other)
        for digest in (part["digest"] for part in (listed["config"], *listed["layers"])):
            status, _, _ = _registry("POST", f"/v2/{target}/blobs/uploads/?mount={digest}&from={path}")
            assert status == 201, f"{digest} of {path} can't be mounted in {target}: {status}"
        status, _, _ = _registry("PUT", f"/v2/{target}/manifests/{tag}", manifest, headers["Content-Type"])
        assert status == 201, f"{other}: {status}"
    return str(headers["Docker-Content-Digest"])


def _registry(method: str, path: str, body: bytes = b"", kind: str = "") -> tuple[int, bytes, http.client.HTTPMessage]:
    connection = http.client.HTTPConnection(REGISTRY, timeout=10)
    types = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json"
    try:
        connection.request(method, path, body, {"Accept": types, **({"Content-Type": kind} if kind else {})})
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers
    finally:
        connection.close()


def push_base(image: str) -> str:
    """Push the stand-in of a base image under the tag of `image` (`postgres:18@sha256:…`: under `18`); its digest.

    The digest is another than the real image's: a manifest that pins the real one has to be given this one.
    """
    from .base_images import stand_in

    return push(image.partition("@")[0], stand_in(image))


def registry_ready(registry: str) -> bool:
    """Whether the registry answers."""
    connection = http.client.HTTPConnection(registry, timeout=2)
    try:
        connection.request("GET", "/v2/")
        return connection.getresponse().status == 200
    finally:
        connection.close()


def pause_archive(binaries: Path) -> Path:
    """An image that holds a pod's namespaces."""
    return _static("pause", PAUSE_IMAGE, binaries / "pause")


def coredns_archive(binaries: Path) -> Path:
    """An image of CoreDNS."""
    return _static("coredns", COREDNS_IMAGE, binaries / "coredns")


def _static(name: str, image: str, binary: Path) -> Path:
    """An archive of an image that holds nothing but one static program; made once for each build of the program."""
    real = binary.resolve()
    archive = CACHE / f"image-{real.parent.name}.tar"
    if archive.exists():
        return archive
    container = buildah("from", "scratch").strip()
    try:
        buildah("copy", container, real, f"/{name}")
        buildah("config", "--entrypoint", f'["/{name}"]', container)
        buildah("commit", "--rm", container, image)
    except LiveError:
        buildah("rm", container)
        raise
    new = archive.with_suffix(".new")
    new.unlink(missing_ok=True)
    buildah("push", image, f"docker-archive:{new}:{image}")
    new.rename(archive)
    return archive


def pip_configuration() -> str:
    """The package indexes that pip is configured with here, as a pip.conf for a build."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    ).stdout
    lines = [
        "[global]",
        f"cert = {_CERTIFICATES}",
        "disable-pip-version-check = true",
        "root-user-action = ignore",
    ]
    for key in ("index-url", "extra-index-url", "trusted-host", "timeout"):
        found = re.findall(rf"^\S*\.{key}='(.*)'$", listed, re.M)
        if found:
            lines.append(f"{key} = {found[-1]}")
    return "\n".join(lines) + "\n"
