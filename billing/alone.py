"""Work that one worker does at a time, on however many hosts they are."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def alone(task: str) -> Iterator[bool]:
    """Say whether nobody else is at a task; a worker that is killed is not at it any more."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtext(%s))", [task])
        [is_alone] = cursor.fetchone() or [False]
        try:
            yield is_alone
        finally:
            if is_alone:
                cursor.execute("SELECT pg_advisory_unlock(hashtext(%s))", [task])


def in_turn(task: str) -> None:
    """Wait until nobody else is at a task, and be at it until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [task])
