"""What tests of recounting append, and have the saga fold."""

from datetime import UTC, datetime, timedelta

from billing.metering.events import STREAM_TYPE, UsageVoided
from billing.metering.folding import saga
from billing.metering.names import uuid_of
from eventstore import feed, store
from eventstore.events import StreamKey
from eventstore.store import Append, NewEvent

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def catch_up(limit=7):
    for partition in feed.partitions():
        while saga.advance(partition=partition, limit=limit):
            pass


def append(organisation, stream_id, kind, *events):
    key = StreamKey(organisation.id, stream_id, kind)
    new = [NewEvent(event=event, occurred_at=at) for event, at in events]
    store.append([Append(key=key, events=new)])


def void(organisation, id):
    event = UsageVoided(source="s", id=id, reason="sent by mistake")
    append(organisation, uuid_of("s"), STREAM_TYPE, (event, NOON))
