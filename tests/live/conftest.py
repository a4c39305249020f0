"""What the live tests share: a cluster and a product on it, taken away at the end whatever happens."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .argocd import ArgoCD
from .cluster import Cluster
from .figures import Figures
from .settings import REPOSITORY
from .world import RUNS, World, generate, running


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known where no configuration file does."""
    config.addinivalue_line("markers", "live: needs a real cluster (root on Debian; minutes)")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what asks an API server alone, then what wants a cluster without Argo CD, then what measures or scrapes it.

    What loses the cluster comes last.
    """
    first = ("test_local", "test_secrets", "test_scale", "test_service_kinds", "test_service_jobs", "test_monitoring")
    items.sort(key=lambda item: first.index(item.path.stem) if item.path.stem in first else len(first))
    items.sort(key=lambda item: "api_server" not in getattr(item, "fixturenames", ()))
    items.sort(key=lambda item: item.path.stem == "test_recovery")


@pytest.fixture(scope="module")
def api_server() -> Iterator[Cluster]:
    """An API server alone, which admits objects or refuses them; it ends with the module, before a whole cluster begins."""
    with Cluster(node=False) as running_server:
        yield running_server


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A running cluster."""
    with Cluster() as running_cluster:
        yield running_cluster


@pytest.fixture(scope="session")
def figures() -> Iterator[Figures]:
    """The figures; printed at the end, whatever failed."""
    kept = Figures()
    yield kept
    table = "".join(f"| {what} | {figure} |\n" for what, figure in kept.rows)
    target = REPOSITORY / "build" / "live-figures.md"
    target.parent.mkdir(exist_ok=True)
    target.write_text(f"| what | measured |\n| --- | --- |\n{table}")
    print(f"\n{target.read_text()}")


@pytest.fixture(scope="session")
def argocd(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ArgoCD]:
    """Argo CD, as the default product sets it up."""
    product = generate(tmp_path_factory.mktemp("argocd"))
    with ArgoCD(cluster, product, webhook_secret="shared with the forge") as installed:
        yield installed


@pytest.fixture(scope="session")
def world(argocd: ArgoCD, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The default product, running."""
    with running(argocd, tmp_path_factory.mktemp("world")) as made:
        yield made


@pytest.fixture(scope="session")
def versions(world: World) -> dict[str, str]:
    """Builds of the frontend that are in the registry already: tag → what bump-image takes."""
    return {f"v{number}": world.release("frontend", f"v{number}") for number in range(2, 2 + RUNS)}
