"""Fixtures: the exported template, and a product of every valid answer set, rendered once a session."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import fakes, support
from tests.in_process import InProcess


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep what needs the same product in one worker: rendering it twice costs more than waiting.

    What needs the default product, which is nearly everything else, is spread by module.
    """
    for item in items:
        name = getattr(item, "callspec", None) and item.callspec.params.get("product")  # type: ignore[attr-defined]
        if name or {"own_product", "rendered"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.xdist_group(name or item.path.stem))


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template without its history."""
    return support.export_template(tmp_path_factory.mktemp("template"))


@pytest.fixture(scope="session")
def in_process(template: Path) -> InProcess:
    """The template, for many answer sets."""
    return InProcess(template)


@pytest.fixture(scope="session")
def rendered(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Give the product of a valid answer set; it is shared, so tests only read it."""
    made: dict[str, Path] = {}

    def product_of(name: str) -> Path:
        if name not in made:
            made[name] = support.render(template, tmp_path_factory.mktemp(name), support.answers(name))
        return made[name]

    return product_of


@pytest.fixture(params=support.VALID)
def product(request: pytest.FixtureRequest, rendered: Callable[[str], Path]) -> Path:
    """The product of each valid answer set in turn; read only."""
    return rendered(request.param)


@pytest.fixture
def own_product(rendered: Callable[[str], Path], tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A product that a test may change, committed to git: with default answers, or those of its parameter."""
    product = shutil.copytree(rendered(getattr(request, "param", "defaults")), tmp_path / "product")
    support.git("init", "-q", "-b", "main", cwd=product)
    support.git("add", "-A", cwd=product)
    support.git("commit", "-q", "-m", "Begin", cwd=product)
    return product


@pytest.fixture
def pushed_product(own_product: Path, tmp_path: Path) -> Path:
    """The same with a remote, a bare repository beside it, and a committer of its own."""
    support.git("init", "-q", "--bare", "-b", "main", str(tmp_path / "remote.git"), cwd=tmp_path)
    support.git("remote", "add", "origin", str(tmp_path / "remote.git"), cwd=own_product)
    support.git("push", "-q", "-u", "origin", "main", cwd=own_product)
    support.git("config", "user.name", "Test", cwd=own_product)
    support.git("config", "user.email", "test@example.com", cwd=own_product)
    return own_product


@pytest.fixture
def faked(rendered: Callable[[str], Path], tmp_path: Path) -> fakes.Fakes:
    """A product with default answers; Azure, Terraform, the cluster and GitHub are fakes."""
    parts = shutil.ignore_patterns("src", ".github")
    return fakes.around(shutil.copytree(rendered("defaults"), tmp_path / "product", ignore=parts), tmp_path / "fakes")


@pytest.fixture
def faked_clusters(rendered: Callable[[str], Path], tmp_path: Path) -> fakes.Fakes:
    """The same, with a cluster for each of the environments dev and prod."""
    parts = shutil.ignore_patterns("src", ".github")
    product = shutil.copytree(rendered("cluster-per-environment"), tmp_path / "product", ignore=parts)
    return fakes.around(product, tmp_path / "fakes")
