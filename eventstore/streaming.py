"""Stream events from the server, in bounded memory, to callers of both kinds.

A cursor of the server has them all of one snapshot. Outside a transaction it is held by a session,
so behind a pooler that lends a session for a transaction only, they come in pages instead, each by
a query of its own: of a log that only grows, that is the same.
"""

from collections.abc import AsyncGenerator, Generator, Iterator, Sequence
from contextlib import aclosing, closing, nullcontext

from django.db import connection

from eventstore import cursors, drivers, keyring
from eventstore.drivers import AsyncConnection
from eventstore.events import RecordedEvent, SealedEvent
from eventstore.reading import CHUNK, Reading, ReadInterrupted
from eventstore.rows import decode_row
from eventstore.steps import ERRORS, Row, rows_of


def stream(reading: Reading) -> Iterator[RecordedEvent]:
    """Stream events. Raises ReadInterrupted and UnreadableEvent, after the events before."""
    after = reading.after
    try:
        with closing(_chunks(reading)) as chunks:
            for rows in chunks:
                for row in rows:
                    try:
                        event = decode_row(row)
                    except SealedEvent:
                        [event] = drivers.run(keyring.decoded([row]))
                    yield event
                    after = getattr(event, reading.unit)
    except ERRORS as error:
        connection.close_if_unusable_or_obsolete()  # whoever reads on gets another one
        raise ReadInterrupted(reading.what, unit=reading.unit, after=after) from error


async def astream(
    reading: Reading, *, given: AsyncConnection | None = None
) -> AsyncGenerator[RecordedEvent, None]:
    """Stream as :func:`stream` does, on the given connection or one of the pool."""
    after = reading.after
    try:
        async with (
            drivers.aconnection(given) as db,
            db.transaction() if given is None else nullcontext(),
            aclosing(_achunks(reading, db)) as chunks,
        ):
            async for rows in chunks:
                for row in rows:
                    try:
                        event = decode_row(row)
                    except SealedEvent:
                        [event] = await drivers.arun(keyring.decoded([row]), db)
                    yield event
                    after = getattr(event, reading.unit)
    except ERRORS as error:
        raise ReadInterrupted(reading.what, unit=reading.unit, after=after) from error


def _chunks(reading: Reading) -> Generator[Sequence[Row], None, None]:
    if cursors.may_be_held() or connection.in_atomic_block:
        query = reading.query(reading.window)
        with cursors.server_cursor() as cursor:
            cursor.execute(query.sql, query.values)
            while rows := cursor.fetchmany(CHUNK):
                yield rows
        return
    rest: Reading | None = reading
    while rest:
        page = drivers.run(rows_of(rest.page(CHUNK)))
        yield page
        rest = rest.rest(page, CHUNK)


async def _achunks(reading: Reading, db: AsyncConnection) -> AsyncGenerator[Sequence[Row], None]:
    if cursors.may_be_held() or not drivers.autocommits(db):
        query = reading.query(reading.window)
        async with drivers.aserver_cursor(db) as cursor:
            await cursor.execute(query.sql, query.values)
            while rows := await cursor.fetchmany(CHUNK):
                yield rows
        return
    rest: Reading | None = reading
    while rest:
        page = await drivers.arun(rows_of(rest.page(CHUNK)), db)
        yield page
        rest = rest.rest(page, CHUNK)
