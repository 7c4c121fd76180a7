"""Read the events of a partition between two positions, or only say which they are."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.sql import SQL, Literal

from eventstore import drivers, keyring, sql
from eventstore.cursors import binary_cursor
from eventstore.events import Event, RecordedEvent, SealedEvent, name_of
from eventstore.rows import decode_row
from eventstore.steps import Row

CHUNK = 100  # rows between two looks of Python's garbage collector: they are gone by then


@dataclass(frozen=True, slots=True)
class Window:
    """Which events of a partition are to be handled: those after one position, up to another."""

    partition: int
    after: int
    until: int  # the position of the last of them
    count: int
    recorded_at: datetime  # that one

    @property
    def bounds(self) -> dict[str, int]:
        """What a statement that reads it has to know."""
        return {"partition": self.partition, "after": self.after, "until": self.until}


def read(*, partition: int, after: int, until: int, limit: int) -> list[RecordedEvent]:
    """Return events of a partition after a position, up to the horizon ``until``, in order.

    Raises UnreadableEvent, which names the stream, the version and the position.
    """
    within = {"partition": partition, "after": after, "until": until, "limit": limit}
    with binary_cursor() as cursor:
        cursor.execute(READ, within)
        events: list[RecordedEvent] = []
        while rows := cursor.fetchmany(CHUNK):
            events.extend(_decoded(rows))
        return events


def read_window(window: Window, *, types: Sequence[type[Event]]) -> list[RecordedEvent]:
    """Return the events of a window that are of these types, in order. Raises UnreadableEvent."""
    # Written out: a plan for any types could use no index of these alone.
    statement = SQL(READ_TYPES).format(types=Literal([name_of(one) for one in types]))
    with binary_cursor() as cursor:
        cursor.execute(statement, {**window.bounds, "count": window.count})
        return _decoded(cursor.fetchall())


def window(*, partition: int, after: int, until: int, limit: int) -> Window | None:
    """Return which events :func:`read` would return, without reading them; None where none."""
    within = {"partition": partition, "after": after, "until": until, "limit": limit}
    with binary_cursor() as cursor:
        cursor.execute(WINDOW, within)
        [(last, count, recorded_at)] = cursor.fetchall()
    return Window(partition, after, last, count, recorded_at) if count else None


def parts(whole: Window, *, limit: int) -> Iterator[Window]:
    """Cut a window into ones of so many events at most."""
    if whole.count <= limit:
        yield whole
        return
    after = whole.after
    while part := window(partition=whole.partition, after=after, until=whole.until, limit=limit):
        yield part
        after = part.until


def _decoded(rows: Sequence[Row]) -> list[RecordedEvent]:
    try:
        return [decode_row(row) for row in rows]
    except SealedEvent:
        return drivers.run(keyring.decoded(rows))


# Rows are compared as a whole, as in consuming.PEEK.
READ = f"""
SELECT {sql.EVENT} FROM eventstore_storedevent
WHERE (partition, position) > (%(partition)s, %(after)s)
    AND (partition, position) <= (%(partition)s, %(until)s)
ORDER BY partition, position LIMIT %(limit)s
"""  # noqa: S608 (constants only)
# And no more than there are: else, of millions, the planner expects a ninth in any window.
READ_TYPES = f"""
SELECT {sql.EVENT} FROM eventstore_storedevent
WHERE (partition, position) > (%(partition)s, %(after)s)
    AND (partition, position) <= (%(partition)s, %(until)s) AND type = ANY({{types}}::text[])
ORDER BY partition, position LIMIT %(count)s
"""  # noqa: S608 (constants only)
# By the index alone, but for the last of them.
WINDOW = """
SELECT last, count, recorded_at
FROM (
    SELECT max(position) AS last, count(*) AS count FROM (
        SELECT position FROM eventstore_storedevent
        WHERE (partition, position) > (%(partition)s, %(after)s)
            AND (partition, position) <= (%(partition)s, %(until)s)
        ORDER BY partition, position LIMIT %(limit)s
    ) AS next
) AS seen
LEFT JOIN eventstore_storedevent ON partition = %(partition)s AND position = last
"""
