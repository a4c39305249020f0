"""Remind of goals: take what is due from the queue in the database, one after the other.

A reminder is done in the transaction that takes it. A worker that is killed in the middle gives it
back by that, so none is lost; in that case alone it is sent twice.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from pathlib import Path

import psycopg

from migrate import connect

# Touched in every round: the liveness probe looks at its age.
ALIVE = Path("/tmp/alive")
POLL_SECONDS = 1.0

# SKIP LOCKED: workers beside this one take others instead of waiting for it.
NEXT = """
SELECT reminders.id, goals.text FROM reminders JOIN goals ON goals.id = goal_id
WHERE sent_at IS NULL AND due_at <= now()
ORDER BY due_at LIMIT 1 FOR UPDATE OF reminders SKIP LOCKED
"""

log = logging.getLogger("worker")


def work(connection: psycopg.Connection) -> bool:
    """Send the next reminder that is due; whether there was one."""
    with connection.transaction():
        row = connection.execute(NEXT).fetchone()
        if row is None:
            return False
        reminder, text = row
        # In place of a mail.
        log.info("reminder %s: %s", reminder, text)
        connection.execute("UPDATE reminders SET sent_at = now() WHERE id = %s", [reminder])
    return True


def run(stop: threading.Event) -> None:
    """Work until told to stop, which lets the reminder at hand be finished."""
    while not stop.is_set():
        ALIVE.touch()
        try:
            with connect(os.environ, seconds=0) as connection:
                while not stop.is_set():
                    ALIVE.touch()
                    if not work(connection):
                        stop.wait(POLL_SECONDS)
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            # Restarting this process would not mend the database.
            log.warning("the database does not answer: %s", error)
            stop.wait(POLL_SECONDS)


def main() -> None:
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stdout,
    )
    run(stop)


if __name__ == "__main__":
    main()
