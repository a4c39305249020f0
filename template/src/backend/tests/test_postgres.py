"""Against a real Postgres: TEST_DATABASE_HOST, and _PORT, _NAME, _USERNAME, _PASSWORD if needed.

Use a database made for it: the goals table is dropped.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import psycopg
import pytest

from store import PostgresStore, StoreUnavailableError

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(
        "TEST_DATABASE_HOST" not in os.environ, reason="TEST_DATABASE_HOST is not set"
    ),
]


def settings() -> dict[str, str]:
    return {
        "DB_HOST": os.environ["TEST_DATABASE_HOST"],
        "DB_PORT": os.environ.get("TEST_DATABASE_PORT", "5432"),
        "DB_NAME": os.environ.get("TEST_DATABASE_NAME", "goals"),
        "DB_USERNAME": os.environ.get("TEST_DATABASE_USERNAME", "goals"),
        "DB_PASSWORD": os.environ.get("TEST_DATABASE_PASSWORD", ""),
    }


@pytest.fixture
def database() -> Iterator[psycopg.Connection]:
    """The database without its table, as it is before the first start."""
    env = settings()
    with psycopg.connect(
        host=env["DB_HOST"],
        port=env["DB_PORT"],
        dbname=env["DB_NAME"],
        user=env["DB_USERNAME"],
        password=env["DB_PASSWORD"],
        autocommit=True,
    ) as connection:
        connection.execute("DROP TABLE IF EXISTS goals")
        yield connection


@asynccontextmanager
async def opened(env: dict[str, str]) -> AsyncIterator[PostgresStore]:
    store = PostgresStore(env)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


async def test_goals_outlive_the_store_that_wrote_them(database: psycopg.Connection) -> None:
    async with opened(settings()) as store:
        first = await store.add("Learn to sail")
        second = await store.add("Cross the North Sea")
    async with opened(settings()) as store:
        assert await store.list() == [second, first]
        assert await store.delete(first.id)
        assert not await store.delete(first.id)
        assert await store.list() == [second]


async def test_replicas_that_start_at_once_all_come_up(database: psycopg.Connection) -> None:
    async def start(number: int) -> None:
        async with opened(settings()) as store:
            await store.add(f"goal of replica {number}")

    await asyncio.gather(*(start(number) for number in range(8)))
    assert database.execute("SELECT count(*) FROM goals").fetchone() == (8,)


async def test_connections_that_the_server_closed_are_replaced(
    database: psycopg.Connection,
) -> None:
    async with opened(settings()) as store:
        await store.add("Learn to sail")
        database.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'goals' AND datname = current_database()"
        )
        assert [goal.text for goal in await store.list()] == ["Learn to sail"]


async def test_a_database_that_is_not_there_is_said_to_be_unavailable() -> None:
    async with opened(settings() | {"DB_HOST": "127.0.0.1", "DB_PORT": "1"}) as store:
        with pytest.raises(StoreUnavailableError):
            await store.ping()


async def test_the_password_is_never_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    env = settings() | {"DB_USERNAME": "nobody", "DB_PASSWORD": "do-not-print-me"}
    async with opened(env) as store:
        with pytest.raises(StoreUnavailableError) as raised:
            await store.ping()
    assert "nobody" in caplog.text
    assert "do-not-print-me" not in caplog.text + str(raised.value)
