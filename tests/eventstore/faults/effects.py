"""What consumers did, kept in a table: doubled effects stay doubled, and their order is known."""

from collections import Counter as Tally
from collections.abc import Sequence
from uuid import UUID

from django.db import connection

from eventstore import feed
from eventstore.events import RecordedEvent
from eventstore.models import StoredEvent
from tests.eventstore.servers import until


def create() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE fault_handled "
            "(nth bigserial PRIMARY KEY, position bigint, stream_id uuid, version bigint)"
        )


def drop() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE fault_handled")


def keep(events: Sequence[RecordedEvent]) -> None:
    """The handler of the tests' consumers."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO fault_handled (position, stream_id, version) VALUES (%s, %s, %s)",
            [(one.position, one.stream_id, one.version) for one in events],
        )


def kept() -> list[tuple[int, UUID, int]]:
    """Return position, stream and version of what was handled, in the order of handling."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT position, stream_id, version FROM fault_handled ORDER BY nth")
        return list(cursor)


def consume_all(consumer: str = "tests") -> None:
    """Consume until nothing is left: PostgreSQL's own housekeeping may hold a gap as well."""

    def nothing_left() -> bool:
        for partition in feed.partitions_behind(consumer=consumer):
            feed.consume(consumer=consumer, partition=partition, handle=keep, limit=100)
        return feed.lag(consumer=consumer).events == 0

    until(nothing_left, 60)


def assert_all_are_handled_once() -> None:
    """Nothing is missed, nothing doubled, and no stream is out of order."""
    handled = kept()
    stored = StoredEvent.objects.values_list("position", flat=True)
    assert Tally(position for position, _, _ in handled) == dict.fromkeys(stored, 1)
    streams: dict[UUID, list[int]] = {}
    for _, stream_id, version in handled:
        streams.setdefault(stream_id, []).append(version)
    for versions in streams.values():
        assert versions == list(range(1, len(versions) + 1))
