"""Delete the reminders that were sent a month ago or earlier."""

from __future__ import annotations

import os

import psycopg

from migrate import connect

OLD = "DELETE FROM reminders WHERE sent_at < now() - interval '1 month'"


def clean(connection: psycopg.Connection) -> int:
    """Delete what is old; how many that were."""
    return connection.execute(OLD).rowcount


if __name__ == "__main__":
    with connect(os.environ) as database:
        print(f"deleted {clean(database)} old reminders")
