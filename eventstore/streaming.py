"""Stream the events of a query from the server, in bounded memory, to callers of both kinds."""

from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import nullcontext
from typing import Any

from django.db import connection

from eventstore import drivers, keyring
from eventstore.cursors import server_cursor
from eventstore.drivers import AsyncConnection
from eventstore.events import RecordedEvent, SealedEvent
from eventstore.reading import CHUNK, ReadInterrupted
from eventstore.rows import decode_row
from eventstore.steps import ERRORS


def stream(
    query: str, values: Mapping[str, Any], *, what: str, unit: str, after: int | None = None
) -> Iterator[RecordedEvent]:
    """Stream the events of a query for ``sql.EVENT``; ``unit`` says how far that has come.

    Raises ReadInterrupted and UnreadableEvent, after the events before.
    """
    try:
        with server_cursor() as cursor:
            cursor.execute(query, values)
            while rows := cursor.fetchmany(CHUNK):
                for row in rows:
                    try:
                        event = decode_row(row)
                    except SealedEvent:
                        [event] = drivers.run(keyring.decoded([row]))
                    yield event
                    after = getattr(event, unit)
    except ERRORS as error:
        connection.close_if_unusable_or_obsolete()  # whoever reads on gets another one
        raise ReadInterrupted(what, unit=unit, after=after) from error


async def astream(
    query: str,
    values: Mapping[str, Any],
    *,
    what: str,
    unit: str,
    after: int | None = None,
    given: AsyncConnection | None = None,
) -> AsyncGenerator[RecordedEvent, None]:
    """Stream as :func:`stream` does, on the given connection or one of the pool."""
    try:
        async with (
            drivers.aconnection(given) as db,
            db.transaction() if given is None else nullcontext(),
            drivers.aserver_cursor(db) as cursor,
        ):
            await cursor.execute(query, values)
            while rows := await cursor.fetchmany(CHUNK):
                for row in rows:
                    try:
                        event = decode_row(row)
                    except SealedEvent:
                        [event] = await drivers.arun(keyring.decoded([row]), db)
                    yield event
                    after = getattr(event, unit)
    except ERRORS as error:
        raise ReadInterrupted(what, unit=unit, after=after) from error
