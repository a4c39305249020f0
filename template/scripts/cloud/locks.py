"""The lock file of each root: the version of every provider, and the checksums of its packages for all platforms."""

import re
from collections.abc import Iterable

from gitops.process import CommandError, output
from gitops.repository import ROOT

from .infrastructure import COMMAND, REGISTRY
from .roots import LOCK, ROOTS

# Where people work and runners run.
PLATFORMS = ("darwin_amd64", "darwin_arm64", "linux_amd64", "linux_arm64", "windows_amd64")
CURE = "run make lock, then commit it"
_REQUIRED = re.compile(r"^  required_providers \{\n(.*?)^  \}", re.MULTILINE | re.DOTALL)
_REQUIREMENT = re.compile(r"\{([^}]*)\}")
_LOCKED = re.compile(r'^provider "([^"]+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)
_CONSTRAINT = re.compile(r"\s*(=|!=|>=|<=|~>|>|<)?\s*v?(\d+(?:\.\d+)*)")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _fits(version: str, constraints: str) -> bool:
    """Tell whether a version meets constraints: https://developer.hashicorp.com/terraform/language/expressions/version-constraints."""
    have = _numbers(version.partition("-")[0])
    for sign, text in (match.groups() for part in constraints.split(",") if (match := _CONSTRAINT.match(part))):
        bound = _numbers(text)
        want = bound + (0,) * (3 - len(bound))
        met = {
            "!=": have != want,
            ">": have > want,
            ">=": have >= want,
            "<": have < want,
            "<=": have <= want,
            "~>": have >= want and have[: len(bound) - 1] == bound[:-1],
        }
        if not met.get(sign or "=", have == want):
            return False
    return True


def _required(root: str) -> dict[str, str]:
    """Return the constraints of every provider that a root asks for, by its address."""
    found = {}
    for path in sorted((ROOT / "terraform" / root).glob("*.tf")):
        for block in _REQUIRED.findall(path.read_text(encoding="utf-8")):
            for body in _REQUIREMENT.findall(block):
                values = dict(re.findall(r'(\w+)\s*=\s*"([^"]*)"', body))
                source = values["source"].lower()
                address = source if source.count("/") == 2 else f"{REGISTRY}/{source}"
                found[address] = values.get("version", "")
    return found


def problem(root: str) -> str | None:
    """Return what is wrong with the lock file of a root in one line, without the cure, or None."""
    path = ROOT / "terraform" / root / LOCK
    where = path.relative_to(ROOT)
    if not path.exists():
        return f"{where} is missing"
    required = _required(root)
    locked = dict(_LOCKED.findall(path.read_text(encoding="utf-8")))
    if different := sorted(required.keys() ^ locked.keys()):
        return f"{where} {'does not lock' if different[0] in required else 'locks the unused'} {different[0]}"
    for address, constraints in required.items():
        version = re.search(r'^  version\s*=\s*"([^"]+)"', locked[address], re.MULTILINE)
        if not version or not _fits(version[1], constraints):
            return f"{where} locks {address} {version[1] if version else '?'}, but {root} requires {constraints}"
        # One for each package, and each platform has its own.
        if (count := len(re.findall(r'"h1:[^"]+"', locked[address]))) < len(PLATFORMS):
            return f"{where} has checksums of {address} for {count} of {len(PLATFORMS)} platforms"
    return None


def check(names: Iterable[str]) -> None:
    """Check the lock files of some roots.

    Raises:
        CommandError: one is missing or does not fit; the message has the cure.
    """
    for name in names:
        if wrong := problem(name):
            raise CommandError(f"{wrong}: {CURE}")


def write(name: str, *options: str) -> None:
    """Write the lock file of a root; versions that are locked stay, as far as they fit.

    Raises:
        CommandError: the providers can't be had.
    """
    folder = ROOT / "terraform" / name
    required = _required(name)
    lock = folder / LOCK
    locked = _LOCKED.findall(lock.read_text(encoding="utf-8")) if lock.exists() else []
    for address, body in locked:
        version = re.search(r'^  version\s*=\s*"([^"]+)"', body, re.MULTILINE)
        if address not in required or not version or not _fits(version[1], required[address]):
            # The command refuses what does not fit rather than to choose anew.
            text = lock.read_text(encoding="utf-8").replace(f'provider "{address}" {{\n{body}}}\n', "")
            lock.write_text(text, encoding="utf-8")
    platforms = [f"-platform={platform}" for platform in PLATFORMS]
    print(f"Locking the providers of {name} for {len(PLATFORMS)} platforms ...", flush=True)
    output(COMMAND, f"-chdir=terraform/{name}", "providers", "lock", *platforms, *options, timeout=3600)


def prepare() -> None:
    """Write the lock files that are missing, and check the others.

    Raises:
        CommandError: one does not fit, or the providers can't be had.
    """
    missing = [root.name for root in ROOTS if not (ROOT / "terraform" / root.name / LOCK).exists()]
    check(root.name for root in ROOTS if root.name not in missing)
    for name in missing:
        write(name)
    if missing:
        written = ", ".join(f"terraform/{name}/{LOCK}" for name in missing)
        print(f"Wrote {written}: commit it, the pipeline needs the same.")
