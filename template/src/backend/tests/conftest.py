from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from app import create_app
from store import Goal, MemoryStore, StoreUnavailableError


class FakeStore(MemoryStore):
    """A store that a test can take away."""

    available = True

    def _check(self) -> None:
        if not self.available:
            raise StoreUnavailableError("taken away")

    async def ping(self) -> None:
        self._check()

    async def list(self) -> list[Goal]:
        self._check()
        return await super().list()

    async def add(self, text: str) -> Goal:
        self._check()
        return await super().add(text)

    async def delete(self, goal_id: int) -> bool:
        self._check()
        return await super().delete(goal_id)


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def client(store: FakeStore) -> Iterator[TestClient]:
    with TestClient(create_app(store), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
