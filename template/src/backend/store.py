"""Where goals are kept."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import LiteralString, Protocol

import psycopg
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

# How many goals a listing returns at most, the newest first.
LIST_LIMIT = 500

# How long the database may take to answer. The first must stay below the timeout of the readiness
# probe, the second below the time that callers wait for an answer.
PING_SECONDS = 2
QUERY_SECONDS = 5

# Any number will do as long as every replica uses the same one.
SCHEMA_LOCK = 7_310_944_602

CREATE_TABLE = """
CREATE TABLE IF NOT EXISTS goals (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    text text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
)
"""


@dataclass(frozen=True)
class Goal:
    id: int
    text: str
    created_at: datetime


class StoreUnavailableError(Exception):
    """The goals can't be reached now; the same call may work later."""


class Store(Protocol):
    """Every method but `close` raises StoreUnavailableError while the goals can't be reached."""

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def ping(self) -> None: ...

    async def list(self) -> list[Goal]: ...

    async def add(self, text: str) -> Goal: ...

    async def delete(self, goal_id: int) -> bool: ...


class PostgresStore:
    """Goals in Postgres.

    The pool connects in the background and replaces broken connections, so the database may come
    up after this process and may be restarted or replaced at any time.
    """

    def __init__(self, env: Mapping[str, str]) -> None:
        """Take the connection from DB_HOST, DB_PORT, DB_NAME, DB_USERNAME and DB_PASSWORD.

        libpq's own variables hold for everything else, PGSSLMODE and PGSSLROOTCERT among them.
        Raises KeyError when one of the variables is missing (DB_PORT alone has a default).
        """
        self._pool = AsyncConnectionPool(
            kwargs={
                "host": env["DB_HOST"],
                "port": env.get("DB_PORT", "5432"),
                "dbname": env["DB_NAME"],
                "user": env["DB_USERNAME"],
                "password": env["DB_PASSWORD"],
                "application_name": "goals",
                "autocommit": True,
                "connect_timeout": 3,
                "tcp_user_timeout": 5000,
            },
            min_size=1,
            max_size=5,
            timeout=2,
            # Attempts back off exponentially; giving up early starts them over with the next
            # request or probe, which bounds how long a database that is back goes unnoticed.
            reconnect_timeout=4,
            configure=_prepare,
            check=AsyncConnectionPool.check_connection,
            open=False,
        )
        self._abandoned: set[asyncio.Task[Sequence[TupleRow]]] = set()

    async def open(self) -> None:
        await self._pool.open(wait=False)

    async def close(self) -> None:
        await self._pool.close(timeout=2)

    async def ping(self) -> None:
        await self._query("SELECT 1", seconds=PING_SECONDS)

    async def list(self) -> list[Goal]:
        rows = await self._query(
            "SELECT id, text, created_at FROM goals ORDER BY id DESC LIMIT %s", LIST_LIMIT
        )
        return [Goal(*row) for row in rows]

    async def add(self, text: str) -> Goal:
        [row] = await self._query(
            "INSERT INTO goals (text) VALUES (%s) RETURNING id, text, created_at", text
        )
        return Goal(*row)

    async def delete(self, goal_id: int) -> bool:
        return bool(await self._query("DELETE FROM goals WHERE id = %s RETURNING id", goal_id))

    async def _query(
        self, query: LiteralString, *values: object, seconds: float = QUERY_SECONDS
    ) -> Sequence[TupleRow]:
        task = asyncio.create_task(self._execute(query, values))
        done, _ = await asyncio.wait({task}, timeout=seconds)
        if not done:
            # A cancelled query waits for the server to confirm, which one that hangs does not do
            # for a long time, so that must not be waited for here.
            task.cancel()
            self._abandoned.add(task)
            task.add_done_callback(self._abandoned.discard)
            raise StoreUnavailableError(f"no answer within {seconds} seconds")
        try:
            return task.result()
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            raise StoreUnavailableError(str(error)) from error

    async def _execute(self, query: LiteralString, values: Sequence[object]) -> Sequence[TupleRow]:
        async with self._pool.connection() as connection:
            return await (await connection.execute(query, values)).fetchall()


async def _prepare(connection: psycopg.AsyncConnection[TupleRow]) -> None:
    """Ready a new connection: bound its statements and see to it that the table exists.

    On each connection rather than once, so that it also holds for a database that was replaced by
    an empty one. IF NOT EXISTS alone fails when two replicas create the table at the same moment.
    """
    await connection.execute(f"SET statement_timeout = '{QUERY_SECONDS}s'")
    cursor = await connection.execute("SELECT to_regclass('goals')")
    if await cursor.fetchone() == (None,):
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock(%s)", [SCHEMA_LOCK])
            await connection.execute(CREATE_TABLE)


class MemoryStore:
    """Goals in this process alone, gone when it ends: for tests and a look without a database."""

    def __init__(self) -> None:
        self._goals: dict[int, Goal] = {}
        self._ids = itertools.count(1)

    async def open(self) -> None:
        logging.getLogger(__name__).warning("goals are kept in memory and lost on restart")

    async def close(self) -> None:
        pass

    async def ping(self) -> None:
        pass

    async def list(self) -> list[Goal]:
        return list(reversed(self._goals.values()))[:LIST_LIMIT]

    async def add(self, text: str) -> Goal:
        goal = Goal(next(self._ids), text, datetime.now(UTC))
        self._goals[goal.id] = goal
        return goal

    async def delete(self, goal_id: int) -> bool:
        return self._goals.pop(goal_id, None) is not None
