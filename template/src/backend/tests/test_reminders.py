"""The schema, the worker and the cleanup against a real Postgres, named as in test_postgres.py.

Use a database made for it: its tables are dropped.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from test_postgres import settings

import cleanup
import migrate
import worker

pytestmark = pytest.mark.skipif(
    "TEST_DATABASE_HOST" not in os.environ, reason="TEST_DATABASE_HOST is not set"
)
TABLES = "goals, reminders, schema_steps"


@pytest.fixture
def empty() -> Iterator[psycopg.Connection]:
    """The database as it is before the first version."""
    with migrate.connect(settings(), seconds=0) as connection:
        connection.execute(f"DROP TABLE IF EXISTS {TABLES} CASCADE")
        connection.execute("DROP FUNCTION IF EXISTS remind_of_goal")
        yield connection
        connection.execute(f"DROP TABLE IF EXISTS {TABLES} CASCADE")
        connection.execute("DROP FUNCTION IF EXISTS remind_of_goal")


@pytest.fixture
def database(empty: psycopg.Connection) -> psycopg.Connection:
    """The database as this version needs it."""
    migrate.migrate(empty)
    return empty


def column(connection: psycopg.Connection, query: str) -> list[object]:
    return [value for (value,) in connection.execute(query).fetchall()]


def add(connection: psycopg.Connection, *texts: str) -> None:
    for text in texts:
        connection.execute("INSERT INTO goals (text) VALUES (%s)", [text])


def test_each_step_is_done_once_whoever_migrates_at_the_same_moment(
    empty: psycopg.Connection,
) -> None:
    def once(_: int) -> list[int]:
        with migrate.connect(settings(), seconds=0) as connection:
            return migrate.migrate(connection)

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(once, range(4)))
    assert sorted(done) == [[], [], [], [1, 2, 3]]
    assert column(empty, "SELECT number FROM schema_steps ORDER BY number") == [1, 2, 3]


def test_goals_of_the_version_before_are_remembered_too(empty: psycopg.Connection) -> None:
    migrate.migrate(empty, migrate.STEPS[:1])
    add(empty, "Learn to sail")
    assert migrate.migrate(empty) == [2, 3]
    add(empty, "Cross the North Sea")
    assert column(empty, "SELECT goal_id FROM reminders ORDER BY goal_id") == [1, 2]


def test_a_step_that_fails_leaves_nothing_and_is_done_anew(empty: psycopg.Connection) -> None:
    broken = (migrate.STEPS[0], "CREATE TABLE half (); SELECT nonsense")
    with pytest.raises(psycopg.errors.UndefinedColumn):
        migrate.migrate(empty, broken)
    assert column(empty, "SELECT to_regclass('half')") == [None]
    assert migrate.migrate(empty) == [2, 3]


def test_the_version_before_leaves_a_database_alone_that_is_ahead(
    database: psycopg.Connection,
) -> None:
    assert migrate.migrate(database, migrate.STEPS[:1]) == []


def test_a_step_gives_up_rather_than_keep_requests_waiting(empty: psycopg.Connection) -> None:
    migrate.migrate(empty, migrate.STEPS[:1])
    with migrate.connect(settings(), seconds=0) as reader, reader.transaction():
        add(reader, "Take long")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            migrate.migrate(empty)
    assert migrate.migrate(empty) == [2, 3]


def test_what_is_due_is_sent_once_and_nothing_else(
    database: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[object] = []
    monkeypatch.setattr(worker.log, "info", lambda _, __, text: sent.append(text))
    add(database, "Learn to sail", "Cross the North Sea")
    assert not worker.work(database)
    database.execute("UPDATE reminders SET due_at = now() WHERE goal_id = 1")
    assert [worker.work(database) for _ in range(3)] == [True, False, False]
    assert sent == ["Learn to sail"]


def test_a_worker_that_ends_in_the_middle_gives_its_reminder_back(
    database: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(database, "Learn to sail", "Cross the North Sea")
    database.execute("UPDATE reminders SET due_at = now()")
    with migrate.connect(settings(), seconds=0) as other:

        def while_at_work(*_: object) -> None:
            monkeypatch.undo()
            # Another worker takes the other one meanwhile.
            assert [worker.work(other), worker.work(other)] == [True, False]
            raise KeyboardInterrupt

        monkeypatch.setattr(worker.log, "info", while_at_work)
        with pytest.raises(KeyboardInterrupt):
            worker.work(database)
    assert worker.work(database)
    assert column(database, "SELECT count(*) FROM reminders WHERE sent_at IS NULL") == [0]


def test_the_worker_ends_by_sigterm_and_shows_that_it_lives(database: psycopg.Connection) -> None:
    add(database, "Learn to sail")
    database.execute("UPDATE reminders SET due_at = now()")
    worker.ALIVE.unlink(missing_ok=True)
    process = subprocess.Popen(
        [sys.executable, "worker.py"], cwd=Path(worker.__file__).parent, env=os.environ | settings()
    )
    try:
        deadline = time.monotonic() + 20
        while column(database, "SELECT count(sent_at) FROM reminders") != [1]:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert worker.ALIVE.exists()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=5) == 0
    finally:
        process.kill()
        process.wait()


def test_old_reminders_are_deleted(database: psycopg.Connection) -> None:
    add(database, "a", "b", "c")
    for goal, sent in ((1, "2 months"), (2, "1 day")):
        database.execute(
            f"UPDATE reminders SET sent_at = now() - interval '{sent}' WHERE goal_id = {goal}"
        )
    assert cleanup.clean(database) == 1
    assert column(database, "SELECT goal_id FROM reminders ORDER BY goal_id") == [2, 3]
