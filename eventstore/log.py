"""Read the log of all events as a stream, in bounded memory, and never beyond the horizon."""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from eventstore import horizon, sql
from eventstore.events import RecordedEvent
from eventstore.models import Horizon
from eventstore.reading import Reading
from eventstore.rows import partition_of
from eventstore.steps import Query
from eventstore.streaming import stream


def read_log(
    *,
    partition: int | None = None,
    tenant_id: UUID | None = None,
    after_position: int = 0,
    up_to_position: int | None = None,
    types: Collection[str] = (),
    occurred_since: datetime | None = None,
    occurred_before: datetime | None = None,
    backwards: bool = False,
    limit: int | None = None,
) -> Iterator[RecordedEvent]:
    """Stream what happened, of all streams, in the order of positions or against it.

    ``types`` are stored names, none for all. The horizon is first moved as far as is proven; inside
    a transaction it is taken where it stands. There the server reads as it goes; outside, it begins
    with a copy of all that is asked for.

    Raises ReadInterrupted when the connection is lost, and UnreadableEvent at an event that cannot
    be decoded, after those before it.
    """
    until = _horizon()
    if tenant_id is not None and partition is None:
        partition = partition_of(tenant_id)
    window = {
        "partition": partition,
        "tenant": tenant_id,
        "after_position": after_position,
        "up_to_position": until if up_to_position is None else min(until, up_to_position),
        "types": list(types) or None,
        "since": occurred_since,
        "before": occurred_before,
        "backwards": backwards,
        "limit": limit,
    }
    after = None if backwards else after_position
    return stream(Reading(_query, window, what="the log of events", unit="position", after=after))


def _horizon() -> int:
    if connection.get_autocommit():
        return horizon.advance()
    return Horizon.objects.values_list("position", flat=True).first() or 0


def _query(window: Mapping[str, Any]) -> Query:
    given = {name: value for name, value in window.items() if value is not None}
    direction = " DESC" if window["backwards"] else ""
    bounds, order = IN_ALL, ["position"]
    if "partition" in given:  # rows are compared as a whole, for the reason that consuming.py names
        bounds, order = IN_ONE, ["partition", "position"]
    where = [bounds, *(text for name, text in CONDITIONS.items() if name in given)]
    return Query(
        f"{SELECT} WHERE {' AND '.join(where)} "
        f"ORDER BY {', '.join(column + direction for column in order)}"
        f"{' LIMIT %(limit)s' if 'limit' in given else ''}",
        given,
    )


SELECT = f"SELECT {sql.EVENT} FROM eventstore_storedevent"  # noqa: S608 (constants only)
IN_ALL = "position > %(after_position)s AND position <= %(up_to_position)s"
IN_ONE = """(partition, position) > (%(partition)s, %(after_position)s)
    AND (partition, position) <= (%(partition)s, %(up_to_position)s)"""
CONDITIONS = {
    "tenant": "tenant_id = %(tenant)s",
    "types": "type = ANY(%(types)s)",
    "since": "occurred_at >= %(since)s",
    "before": "occurred_at < %(before)s",
}
