"""Read the log of all events as a stream, in bounded memory, and never beyond the horizon."""

from collections.abc import Collection, Iterator
from datetime import datetime
from uuid import UUID

from django.db import connection

from eventstore import horizon, sql
from eventstore.events import RecordedEvent
from eventstore.models import Horizon
from eventstore.rows import partition_of
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
    values = {
        "partition": partition,
        "tenant": tenant_id,
        "after": after_position,
        "until": until if up_to_position is None else min(until, up_to_position),
        "types": list(types) or None,
        "since": occurred_since,
        "before": occurred_before,
        "limit": limit,
    }
    return stream(
        _query({name for name, value in values.items() if value is not None}, backwards=backwards),
        values,
        what="the log of events",
        unit="position",
        after=None if backwards else after_position,
    )


def _horizon() -> int:
    if connection.get_autocommit():
        return horizon.advance()
    return Horizon.objects.values_list("position", flat=True).first() or 0


def _query(given: set[str], *, backwards: bool) -> str:
    """Return the query for the conditions that are given."""
    direction = " DESC" if backwards else ""
    bounds, order = IN_ALL, ["position"]
    if "partition" in given:  # rows are compared as a whole, for the reason that consuming.py names
        bounds, order = IN_ONE, ["partition", "position"]
    where = [bounds, *(text for name, text in CONDITIONS.items() if name in given)]
    return (
        f"{SELECT} WHERE {' AND '.join(where)} "
        f"ORDER BY {', '.join(column + direction for column in order)}"
        f"{' LIMIT %(limit)s' if 'limit' in given else ''}"
    )


SELECT = f"SELECT {sql.EVENT} FROM eventstore_storedevent"  # noqa: S608 (constants only)
IN_ALL = "position > %(after)s AND position <= %(until)s"
IN_ONE = """(partition, position) > (%(partition)s, %(after)s)
    AND (partition, position) <= (%(partition)s, %(until)s)"""
CONDITIONS = {
    "tenant": "tenant_id = %(tenant)s",
    "types": "type = ANY(%(types)s)",
    "since": "occurred_at >= %(since)s",
    "before": "occurred_at < %(before)s",
}
