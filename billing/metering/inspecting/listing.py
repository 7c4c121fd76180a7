"""Stored usage events, the newest first, whoever counts them: filtered, and paged by a cursor."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, cast
from uuid import UUID

from django.db import connection

from billing.metering.events import STREAM_TYPE, UsageRecorded
from billing.metering.names import uuid_of
from eventstore import events as codec

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Place(NamedTuple):
    """Where an event stands in the order of all: by its time, then as they were stored."""

    occurred_at: datetime
    position: int

    def __str__(self) -> str:
        """Write it as addresses do: microseconds since 1970, and the position."""
        return f"{(self.occurred_at - EPOCH) // timedelta(microseconds=1)}_{self.position}"

    @classmethod
    def read(cls, text: str) -> "Place":
        """Return the place that a text was written of. Raises ValueError where it was of none."""
        micros, _, position = text.partition("_")
        try:
            place = cls(EPOCH + timedelta(microseconds=int(micros)), int(position))
        except OverflowError as error:
            raise ValueError(text) from error
        if not 0 <= place.position < 2**63:
            raise ValueError(text)
        return place


class Filter(NamedTuple):
    """A condition in SQL on ``event`` and ``organisation``, and its parameters."""

    sql: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StoredUsage:
    """A usage event as it is stored, and when that was."""

    organisation_id: UUID
    subject: str  # the organisation's slug
    stream_id: UUID
    event_id: UUID
    place: Place
    recorded_at: datetime
    event: UsageRecorded


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which events: spans are half-open, and None asks for all. An id is told by its source."""

    organisations: Sequence[UUID] | None = None
    since: datetime | None = None
    until: datetime | None = None
    recorded_since: datetime | None = None
    recorded_until: datetime | None = None
    source: str | None = None
    id: str | None = None
    filter: Filter | None = None  # looked at event by event: nothing finds what it wants faster


def read(wanted: Wanted, *, limit: int, before: Place | None = None) -> list[StoredUsage]:
    """Return the newest events that are wanted, of those that come after a place in this order."""
    conditions, values = _conditions(wanted, before)
    sql = LIST.format(
        columns=COLUMNS,
        source=BY_ID if wanted.id is not None else BY_TIME,
        conditions=" AND ".join(conditions),
        organisations="" if wanted.organisations is None else ONLY,
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, {**values, "limit": limit})
        return list(_stored(cursor.fetchall()))


def last_arrived(*, limit: int) -> list[StoredUsage]:
    """Return the usage among the last events that came, of whatever organisation or kind."""
    with connection.cursor() as cursor:
        cursor.execute(LAST_ARRIVED, {"limit": limit})
        return list(_stored(cursor.fetchall()))


def _conditions(wanted: Wanted, before: Place | None) -> tuple[list[str], dict[str, Any]]:
    asked: dict[str, dict[str, Any]] = {
        "event.occurred_at >= %(since)s": {"since": wanted.since},
        "event.occurred_at < %(until)s": {"until": wanted.until},
        "event.recorded_at >= %(recorded_since)s": {"recorded_since": wanted.recorded_since},
        "event.recorded_at < %(recorded_until)s": {"recorded_until": wanted.recorded_until},
        "event.stream_id = %(stream)s": {"stream": _uuid(wanted.source)},
        "event.event_id = %(event)s": {"event": _uuid(wanted.id)},
    }
    if before is not None:  # by time alone, too, for the index knows no more
        place = {"time": before.occurred_at, "position": before.position}
        asked["event.occurred_at <= %(time)s"] = place
        asked["(event.occurred_at, event.position) < (%(time)s, %(position)s)"] = place
    conditions: list[str] = ["event.type = 'usage.recorded'"]
    values: dict[str, Any] = {}
    if wanted.filter is not None:
        conditions.append(wanted.filter.sql)
        values |= wanted.filter.values
    for condition, given in asked.items():
        if all(value is not None for value in given.values()):
            conditions.append(condition)
            values |= given
    return conditions, {
        **values,
        "stream_type": STREAM_TYPE,
        "organisations": list(wanted.organisations or ()),
    }


def _uuid(name: str | None) -> UUID | None:
    return None if name is None else uuid_of(name)


def _stored(rows: Sequence[tuple[Any, ...]]) -> Iterator[StoredUsage]:
    for owner, slug, stream, event, at, position, recorded_at, version, data in rows:
        usage = codec.decode(name="usage.recorded", version=version, data=data)
        yield StoredUsage(
            organisation_id=owner,
            subject=slug,
            stream_id=stream,
            event_id=event,
            place=Place(at, position),
            recorded_at=recorded_at,
            event=cast(UsageRecorded, usage),
        )


# Each organisation's newest by the index billing_usage_by_time, then the newest of all of them: so
# neither one organisation nor all read more than they show.
COLUMNS = """organisation.id, organisation.slug, event.stream_id, event.event_id,
    event.occurred_at, event.position, event.recorded_at, event.schema_version, event.data::text"""
LIST = """
SELECT {columns}
FROM accounts_organisation AS organisation CROSS JOIN LATERAL (
    SELECT event.* FROM {source} AND {conditions}
    ORDER BY event.occurred_at DESC, event.position DESC LIMIT %(limit)s
) AS event
WHERE true {organisations}
ORDER BY event.occurred_at DESC, event.position DESC LIMIT %(limit)s
"""
LAST_ARRIVED = f"""
SELECT {COLUMNS} FROM (
    SELECT * FROM eventstore_storedevent ORDER BY position DESC LIMIT %(limit)s
) AS event JOIN accounts_organisation AS organisation ON organisation.id = event.tenant_id
WHERE event.type = 'usage.recorded' ORDER BY event.position DESC
"""  # noqa: S608 (constants only)
ONLY = "AND organisation.id = ANY(%(organisations)s)"
BY_TIME = "eventstore_storedevent AS event WHERE event.tenant_id = organisation.id"
# An id is unique in its stream: so it is looked for once in each source, not in each event.
BY_ID = """eventstore_stream AS stream JOIN eventstore_storedevent AS event
    ON event.tenant_id = stream.tenant_id AND event.stream_id = stream.stream_id
WHERE stream.tenant_id = organisation.id AND stream.type = %(stream_type)s"""
