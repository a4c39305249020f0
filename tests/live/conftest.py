"""The cluster that the live tests share: brought up once, taken away at the end whatever happens."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .cluster import Cluster


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known where no configuration file does."""
    config.addinivalue_line("markers", "live: needs a real cluster (root on Debian; minutes)")


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A running cluster."""
    with Cluster() as running:
        yield running
