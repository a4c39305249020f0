"""Change the tables to what this version needs; run once before it is rolled out.

A step that was released never changes: later ones go below it. While a step runs, and after a
rollback, the version before it goes on working, so a step only adds; what nobody reads any more is
dropped by a later release. A database that is ahead of this version is left as it is.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Mapping, Sequence

import psycopg

from store import CREATE_TABLE, SCHEMA_LOCK

# How long the database may take to answer the first time, and how long a step may keep the running
# version from a table: it gives up rather than let requests pile up behind it.
CONNECT_SECONDS = 60
LOCK_TIMEOUT = "3s"

REMINDERS = """
CREATE TABLE reminders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    goal_id bigint NOT NULL REFERENCES goals (id) ON DELETE CASCADE,
    due_at timestamptz NOT NULL DEFAULT now() + interval '1 day',
    sent_at timestamptz
);
CREATE INDEX reminders_due ON reminders (due_at) WHERE sent_at IS NULL;
CREATE INDEX reminders_goal ON reminders (goal_id)
"""

# In the database, so that goals of the version that knows no reminders get theirs too.
REMIND_OF_NEW_GOALS = """
CREATE FUNCTION remind_of_goal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO reminders (goal_id) VALUES (NEW.id);
    RETURN NEW;
END $$;
CREATE TRIGGER remind AFTER INSERT ON goals FOR EACH ROW EXECUTE FUNCTION remind_of_goal();
INSERT INTO reminders (goal_id) SELECT id FROM goals
"""

STEPS = (CREATE_TABLE, REMINDERS, REMIND_OF_NEW_GOALS)


def connect(env: Mapping[str, str], seconds: float = CONNECT_SECONDS) -> psycopg.Connection:
    """A connection by the variables that the API takes; waits for a database that is not up yet."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return psycopg.connect(
                host=env["DB_HOST"],
                port=env.get("DB_PORT", "5432"),
                dbname=env["DB_NAME"],
                user=env["DB_USERNAME"],
                password=env["DB_PASSWORD"],
                application_name=os.path.basename(sys.argv[0]),
                autocommit=True,
                connect_timeout=3,
                tcp_user_timeout=5000,
            )
        except psycopg.OperationalError as error:
            if time.monotonic() > deadline:
                raise
            logging.info("waits for the database: %s", error)
            time.sleep(1)


def migrate(connection: psycopg.Connection, steps: Sequence[str] = STEPS) -> list[int]:
    """Do the steps that this database lacks, each in a transaction; their numbers.

    Whoever else migrates at the same moment waits for this one, and then has nothing to do.
    """
    done = []
    connection.execute("SELECT pg_advisory_lock(%s)", [SCHEMA_LOCK])
    try:
        connection.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_steps "
            "(number int PRIMARY KEY, done_at timestamptz NOT NULL DEFAULT now())"
        )
        [(known,)] = connection.execute(
            "SELECT coalesce(max(number), 0) FROM schema_steps"
        ).fetchall()
        for number, step in enumerate(steps, 1):
            if number > known:
                with connection.transaction():
                    connection.execute(step)
                    connection.execute("INSERT INTO schema_steps (number) VALUES (%s)", [number])
                done.append(number)
    finally:
        connection.execute("SELECT pg_advisory_unlock(%s)", [SCHEMA_LOCK])
    return done


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    with connect(os.environ) as connection:
        done = migrate(connection)
    logging.info("schema: %s", f"did steps {done}" if done else "nothing to do")


if __name__ == "__main__":
    main()
