"""Stand-ins for base images, made of Debian packages, for machines that reach package registries only.

Each carries the name of an official image and keeps the part of its contract that Dockerfiles and manifests rely on.
The versions are Debian's: `python` is Python 3.11 whatever tag was asked for, `postgres` is PostgreSQL 15.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .images import buildah, exists
from .processes import LiveError, program, run, step
from .settings import CACHE, HERE

_RELEASE = "bookworm"


@dataclass(frozen=True)
class Base:
    """A stand-in: Debian packages, shell commands in the unpacked system, and the image's configuration."""

    packages: tuple[str, ...]
    before: str
    """Shell, run with `$1` = the root directory, before the packages are configured."""
    after: str
    """Shell, run with `$1` = the root directory, at the end."""
    environment: Mapping[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    """Arguments of `buildah config`."""
    files: str = ""
    """A directory in `bases/`, copied to /usr/local/bin."""


BASES: Mapping[str, Base] = {
    "python": Base(
        ("python3", "python3-pip", "python3-venv", "ca-certificates"),
        "",
        # The official image has its Python in /usr/local, and lets pip install there.
        """
        rm -f "$1"/usr/lib/python3*/EXTERNALLY-MANAGED
        for name in python python3; do ln -sf /usr/bin/python3 "$1/usr/local/bin/$name"; done
        ln -sf /usr/bin/pip3 "$1/usr/local/bin/pip"
        """,
        {"PATH": "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"},
        ("--cmd", "python3"),
    ),
    "argocd-base": Base(
        ("git", "tini", "ca-certificates", "gpg", "gpg-agent", "openssh-client"),
        "",
        # What Argo CD's Dockerfile makes: its user, the folders that its manifests mount into.
        """
        chroot "$1" groupadd -g 999 argocd
        chroot "$1" useradd -r -u 999 -g argocd -m -d /home/argocd argocd
        chown argocd:0 "$1/home/argocd" 2>/dev/null || chown 999:0 "$1/home/argocd"
        chmod g=u "$1/home/argocd"
        mkdir -p "$1/app/config/ssh" "$1/app/config/tls" "$1/app/config/gpg/source" "$1/app/config/gpg/keys"
        touch "$1/app/config/ssh/ssh_known_hosts"
        ln -s /app/config/ssh/ssh_known_hosts "$1/etc/ssh/ssh_known_hosts"
        chown 999 "$1/app/config/gpg/keys"
        chmod 0700 "$1/app/config/gpg/keys"
        """,
        {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "USER": "argocd"},
        ("--user", "999", "--workingdir", "/home/argocd"),
    ),
    "redis": Base(
        ("redis-server",),
        "",
        """
        ln -sf /usr/bin/redis-server "$1/usr/local/bin/redis-server"
        """,
        {"PATH": "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"},
        ("--entrypoint", '["docker-entrypoint.sh"]', "--cmd", "redis-server", "--port", "6379"),
        "redis",
    ),
    "postgres": Base(
        ("postgresql", "postgresql-client"),
        # No cluster is made at install.
        """
        mkdir -p "$1/etc/postgresql-common"
        echo "create_main_cluster = false" >"$1/etc/postgresql-common/createcluster.conf"
        """,
        # The user gets the number that it has in the official image.
        """
        chroot "$1" groupmod --gid 999 postgres
        chroot "$1" usermod --uid 999 --gid 999 postgres
        chown -R 999:999 "$1"/var/lib/postgresql "$1"/etc/postgresql
        sed -i "s/^#listen_addresses = .*/listen_addresses = '*'/" "$1"/usr/share/postgresql/*/postgresql.conf.sample
        mkdir -p "$1/var/run/postgresql" "$1/var/lib/postgresql" "$1/docker-entrypoint-initdb.d"
        chown 999:999 "$1/var/run/postgresql" "$1/var/lib/postgresql"
        chmod 3777 "$1/var/run/postgresql"
        for file in "$1"/usr/lib/postgresql/*/bin/*; do ln -sf "${file#"$1"}" "$1/usr/local/bin/"; done
        """,
        {"PGDATA": "/var/lib/postgresql/18/docker", "LANG": "C.UTF-8", "PG_MAJOR": "18"},
        (
            "--entrypoint",
            '["docker-entrypoint.sh"]',
            "--cmd",
            "postgres",
            "--port",
            "5432",
            "--stop-signal",
            "SIGINT",
        ),
        "postgres",
    ),
}
"""Name of the official image → its stand-in."""


def stand_in(image: str) -> str:
    """The local name of the stand-in for an image reference, made first if it is not in the cache.

    Raises:
        LiveError: there is none for this image; names those there are.
    """
    name = image.partition("@")[0].rpartition("/")[2].partition(":")[0]
    if name not in BASES:
        raise LiveError(f"no stand-in for base image {image}; there are {', '.join(BASES)} (tests/live/base_images.py)")
    base = BASES[name]
    key = hashlib.sha256(repr(base).encode())
    for file in _files(base):
        key.update(file.read_bytes())
    local = f"localhost/stand-in/{name}:{key.hexdigest()[:12]}"
    if not exists(local):
        with step(f"stand-in base image {name}"):
            _make(name, base, local)
    return local


def make_all() -> None:
    """Make every stand-in that is not in the cache."""
    for name in BASES:
        stand_in(name)


def _files(base: Base) -> list[Path]:
    return sorted((HERE / "bases" / base.files).iterdir()) if base.files else []


def _make(name: str, base: Base, local: str) -> None:
    root = CACHE / f"root-{name}.tar"
    run(
        program("mmdebstrap"),
        "--quiet",
        "--mode=root",
        "--variant=minbase",
        '--aptopt=APT::Install-Recommends "false"',
        "--dpkgopt=path-exclude=/usr/share/doc/*",
        "--dpkgopt=path-exclude=/usr/share/man/*",
        "--dpkgopt=path-exclude=/usr/share/locale/*",
        f"--include={','.join(base.packages)}",
        *([f"--essential-hook=set -e\n{base.before}"] if base.before else []),
        f"--customize-hook=set -e\n{base.after}",
        _RELEASE,
        root,
        *_sources(),
        timeout=1200,
    )
    container = buildah("from", "scratch").strip()
    try:
        buildah("add", container, root, "/")
        for file in _files(base):
            buildah("copy", "--chmod=0755", container, file, f"/usr/local/bin/{file.name}")
        variables = [part for key, value in base.environment.items() for part in ("--env", f"{key}={value}")]
        buildah("config", *variables, *base.options, container)
        buildah("commit", "--format=docker", "--rm", container, local)
    finally:
        root.unlink(missing_ok=True)


def _sources() -> list[str]:
    """Where this machine's apt has Debian from: used for the stand-ins too, so that a mirror is a mirror here."""
    found = [Path("/etc/apt/sources.list"), Path("/etc/apt/sources.list.d/debian.sources")]
    return [str(file) for file in found if file.exists() and _RELEASE in file.read_text()]
