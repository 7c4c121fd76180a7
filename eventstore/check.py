"""Look for what must not be: the event store's own rules, checked against everything it holds.

All of it is read in one snapshot of the database, on a connection of its own, so appends may go on
meanwhile. What SQL can compare is compared there; the events themselves are streamed once, to be
decoded and, where a stream has a snapshot, replayed. Memory does not grow with the store.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db import connection
from psycopg import IsolationLevel

from eventstore import check_replays
from eventstore.check_rows import Connection, Watch, rows
from eventstore.check_rules import RULES


def notes() -> Iterator[str]:
    """Yield a line for everything that looks wrong and is on record."""
    with _one_snapshot() as db:
        for tenant, by, reason, count, last in rows(db, WITHDRAWALS):
            yield (
                f"Plain personal values of tenant {tenant} were withdrawn {count} times up to "
                f"{last:%Y-%m-%d}, by {by}: {reason}"
            )
        for tenant, count, last in rows(db, ARCHIVED):
            yield (
                f"Payloads of {count} events of tenant {tenant} were archived, the last ones on "
                f"{last:%Y-%m-%d}."
            )


def findings(*, watch: Watch = lambda what, done, total: None) -> Iterator[str]:
    """Yield a line for everything that is wrong; nothing where all is well. Writes nothing."""
    with _one_snapshot() as db:
        for done, (what, broken) in enumerate(RULES.items()):
            watch(what, done, len(RULES))
            yield from broken(db)
        yield from check_replays.broken(db, watch)


@contextmanager
def _one_snapshot() -> Iterator[Connection]:
    with psycopg.connect(**connection.get_connection_params()) as db:
        db.isolation_level, db.read_only = IsolationLevel.REPEATABLE_READ, True
        yield db


WITHDRAWALS = """
SELECT tenant_id, withdrawn_by, reason, count(*), max(withdrawn_at) FROM eventstore_withdrawal
GROUP BY tenant_id, withdrawn_by, reason ORDER BY tenant_id, max(withdrawn_at)
"""

ARCHIVED = """
SELECT tenant_id, sum(events), max(archived_at) FROM eventstore_archive
GROUP BY tenant_id ORDER BY tenant_id
"""
