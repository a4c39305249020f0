"""Fixtures: the exported template, and a product of every valid answer set, rendered once a session."""

import fcntl
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests import fakes, signing, support
from tests.in_process import InProcess

# In C, a tenth of the time.
vars(yaml).update(SafeLoader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))

Once = Callable[[str, Callable[[Path], object]], Path]


def pytest_sessionstart() -> None:
    """Take away what tests should not see of who runs them.

    A shell has everything ignore Ctrl-C that it runs in the background; a make tells the makes below it about itself.
    """
    for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
        os.environ.pop(name, None)
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep what needs the same product in one worker, for what tests remember of it; everything else goes by module.

    A `costly` test is slow but for its first case, or some products.
    """
    for item in items:
        case = getattr(item, "callspec", None)
        name = case and case.params.get("product")
        later = case and (name not in support.QUICK if name else any(case.indices.values()))
        if later and item.get_closest_marker("costly"):
            item.add_marker(pytest.mark.slow)
        if name or "rendered" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group(name or item.path.stem))


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    """Give a folder of that name, filled by the first worker that asks for it; all read it, so none may change it."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent

    def folder_of(name: str, fill: Callable[[Path], object]) -> Path:
        folder = shared / "once" / name
        if folder.exists():
            return folder
        folder.parent.mkdir(parents=True, exist_ok=True)
        with folder.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():
                half = folder.with_suffix(".half")
                shutil.rmtree(half, ignore_errors=True)
                half.mkdir()
                fill(half)
                half.rename(folder)
        return folder

    return folder_of


@pytest.fixture(scope="session")
def template(once: Once) -> Path:
    """The template without its history."""
    return once("template", support.export_template)


@pytest.fixture(scope="session")
def in_process(template: Path) -> InProcess:
    """The template, for many answer sets."""
    return InProcess(template)


@pytest.fixture(scope="session")
def rendered(in_process: InProcess, once: Once) -> Callable[[str], Path]:
    """Give the product of a valid answer set; it is shared, so tests only read it."""

    def product_of(name: str) -> Path:
        return once(f"rendered-{name}", lambda folder: in_process.render(support.answers(name), folder))

    return product_of


@pytest.fixture(params=support.VALID)
def product(request: pytest.FixtureRequest, rendered: Callable[[str], Path]) -> Path:
    """The product of each valid answer set in turn; read only."""
    return rendered(request.param)


@pytest.fixture(scope="session")
def committed(rendered: Callable[[str], Path], once: Once) -> Callable[[str], Path]:
    """Give the product of a valid answer set as a git repository; tests change copies of it."""

    def fill(name: str, product: Path) -> None:
        shutil.copytree(rendered(name), product, dirs_exist_ok=True)
        support.git("init", "-q", "-b", support.branch(product), "--template=", cwd=product)
        support.git("add", "-A", cwd=product)
        support.git("commit", "-q", "-m", "Begin", cwd=product)
        # One file to copy instead of hundreds.
        support.git("repack", "-a", "-d", "-q", cwd=product)

    return lambda name: once(f"committed-{name}", lambda folder: fill(name, folder))


@pytest.fixture(scope="session")
def pushed(committed: Callable[[str], Path], once: Once) -> Callable[[str], Path]:
    """Give a folder with the same, and its remote, a bare repository, beside it."""

    def fill(name: str, folder: Path) -> None:
        product = shutil.copytree(committed(name), folder / "product")
        branch = support.branch(product)
        support.git("init", "-q", "--bare", "-b", branch, "--template=", "../remote.git", cwd=product)
        (folder / "remote.git" / "hooks").mkdir()
        support.git("remote", "add", "origin", "../remote.git", cwd=product)
        support.git("push", "-q", "-u", "origin", branch, cwd=product)
        support.git("config", "user.name", "Test", cwd=product)
        support.git("config", "user.email", "test@example.com", cwd=product)

    return lambda name: once(f"pushed-{name}", lambda folder: fill(name, folder))


def _copied(product: Path, destination: Path) -> Path:
    shutil.copytree(product, destination)
    # What git noted about its files is of those that were copied.
    support.git("update-index", "-q", "--refresh", cwd=destination)
    return destination


@pytest.fixture
def own_product(committed: Callable[[str], Path], tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A product that a test may change, committed to git: with default answers, or those of its parameter."""
    return _copied(committed(getattr(request, "param", "defaults")), tmp_path / "product")


@pytest.fixture
def pushed_product(pushed: Callable[[str], Path], tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """The same with a remote, a bare repository beside it, and a committer of its own."""
    folder = pushed(getattr(request, "param", "defaults"))
    product = _copied(folder / "product", tmp_path / "product")
    shutil.copytree(folder / "remote.git", tmp_path / "remote.git")
    config = product / ".git" / "config"
    config.write_text(config.read_text().replace("../remote.git", str(tmp_path / "remote.git")))
    return product


@pytest.fixture
def faked(rendered: Callable[[str], Path], tmp_path: Path) -> fakes.Fakes:
    """A product with default answers; Azure, Terraform, the cluster and GitHub are fakes."""
    parts = shutil.ignore_patterns("src", "workflows", "actions")
    return fakes.around(shutil.copytree(rendered("defaults"), tmp_path / "product", ignore=parts), tmp_path / "fakes")


@pytest.fixture
def faked_clusters(rendered: Callable[[str], Path], tmp_path: Path) -> fakes.Fakes:
    """The same, with a cluster for each of the environments dev and prod."""
    parts = shutil.ignore_patterns("src", "workflows", "actions")
    product = shutil.copytree(rendered("cluster-per-environment"), tmp_path / "product", ignore=parts)
    return fakes.around(product, tmp_path / "fakes")


@pytest.fixture
def signer(tmp_path: Path) -> signing.Signer:
    """Who signs images: a stand-in for cosign."""
    return signing.StandIn(tmp_path / "signer")
