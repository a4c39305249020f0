from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import httpx2
import pytest
from starlette.testclient import TestClient

from app import create_app

Answer = Callable[[httpx2.Request], httpx2.Response]
ClientFor = Callable[[Answer], AbstractContextManager[TestClient]]


@pytest.fixture
def client_for() -> ClientFor:
    """A client of the page whose backend is the given function."""

    @contextmanager
    def make(answer: Answer) -> Iterator[TestClient]:
        app = create_app("http://backend:8080", httpx2.MockTransport(answer))
        with TestClient(app) as client:
            yield client

    return make


@pytest.fixture
def client(client_for: ClientFor) -> Iterator[TestClient]:
    """A client of the page while the backend is away."""

    def away(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("away", request=request)

    with client_for(away) as client:
        yield client
